#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# docs/sending.md: its sender in Python, its configuration and its commands work as they stand there, and
# the rows are what was sent. Sizes and offsets of the tables are those of wire.h.
# timeout-seconds: 120
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| send.py        wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2   fd08::2   |    veth     | 10.8.0.1   fd08::1          |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
. "$(dirname "$0")/../support/documents.sh"
netns_enter "$@"
netns_open
page=$root/docs/sending.md
PATH=$root/build:$PATH
# Where the commands look for the rows when nobody says so.
mkdir -p /var/lib/sluice && mount -t tmpfs tmpfs /var/lib/sluice || fail "no private state directory"
cd $work || fail "no room"

expect_that "every command of the page is run" document_hides_none "$page"
document_blocks python "$page" >send.py
lines=$(wc -l <send.py)
expect_that "the sender is short: $lines lines" test "$lines" -le 60

# Each line of a table with an offset is a field of a struct of wire.h at that offset.
# shellcheck disable=SC2016 # backquotes of Markdown
sed -nE 's/^\| ([0-9]+) \| [a-z0-9]+ \| `([a-z0-9_]+)` \|.*/\1 \2/p' "$page" >fields
expect "fields of the tables" "$(wc -l <fields)" 23
while read -r offset field; do
	grep -qE "SLUICE_ASSERT_OFFSET\(struct sluice_[a-z_]+, $field, $offset\);" "$root/include/sluice/wire.h" ||
		fail "wire.h has no $field at $offset"
done <fields

document_blocks yaml "$page" >case.yaml
agent_start case.yaml
# In the middle of a window of 10 s, so that all events fall into one.
while [ $(($(date +%s) % 10)) -gt 6 ]; do sleep 0.1; done
nsenter --net=/run/netns/sender bash -c ". $root/tests/support/documents.sh; document_run $page $work/commands.sh" ||
	fail "a command of the page"

rows() {
	sluice query --window "$1" --json | jq -c "$2"
}
expect "rows by region" "$(rows views '[.group.type, .group.region, .count, .sum, .min, .max]')" \
	'["page_view","Berlin",500,249500,0,998]
["page_view","Oslo",500,250000,1,999]'
expect "visitors" "$(rows visitors '[.group.region, .count, .distinct.key.value, .completeness == 1]')" \
	'["Berlin",500,50,true]
["Oslo",500,50,true]'
expect "refused" "$(status '[.listeners[].ledger | to_entries[] | select(.key | startswith("refused"))
	| .value.datagrams] | add')" 0

# A second start of the sender: another epoch, so nothing of it is a repetition.
sleep 1
nsenter --net=/run/netns/sender python3 send.py 10.8.0.1 9125
await_rest
expect "events of two starts" "$(status .stream.accepted)" 2000
expect "repetitions" "$(status .stream.duplicate)" 0
expect "names learnt once" "$(status .stream.names_learnt)" 2
agent_stop
