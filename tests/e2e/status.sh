#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What status prints: valid JSON with every counter, a page for people that ends with the balance,
# from the socket of the option or of the file; and what it says when no agent runs. Under load too.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open
socket=/run/other/agent.sock

"$sluice" status >"$work/none.log" 2>&1
expect "exit status without an agent" $? 69
expect_that "it says how to start one" grep -q 'sluice run' "$work/none.log"

write_config "$work/c.yaml" socket=$socket workers=2
agent_start "$work/c.yaml"
expect "mode of the socket" "$(stat -c %a $socket)" 660
generate --to 10.8.0.1:9125 --datagrams 100000 --rate 40k/s --events 1-44 &
flood=$!
for round in 1 2 3 4 5 6 7 8 9 10; do
	sleep 0.2
	ledger_balances || { status .; fail "the document balances under load, round $round"; }
done
echo "ok: ten documents under load balance"
expect_that "rates are shown" test "$(status '.listeners[0].per_second.datagrams')" -gt 10000
wait "$flood" || fail "the generator"
await_rest
expect_that "the ledger balances at rest" ledger_balances

"$sluice" status -c "$work/c.yaml" >"$work/page.txt" || fail "status -c"
cat "$work/page.txt"
expect "last line" "$(tail -n 1 "$work/page.txt")" "unaccounted: 0"
expect_that "no control codes" sh -c "! grep -q $'\033' $work/page.txt"
expect_that "the page names the mode" grep -q native "$work/page.txt"
expect_that "the ledger reads like a report" sh -c \
	"bpftool map dump pinned /sys/fs/bpf/sluice/v1/ledger | grep -q refused_magic"
agent_stop
