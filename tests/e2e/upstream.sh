#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Datagrams that are lost before the host are known by the gaps in their sequences: the ledger of each
# window names them, and so do the rows; late ones that fill a gap take it back, and what is lost or
# dropped here is not blamed on others.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2   fd08::2   |    veth     | 10.8.0.1   fd08::1          |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

# begin NAME WORKERS [KEY=VALUE…]
begin() {
	echo "--- $1"
	state=$work/state-$1
	write_config "$work/case.yaml" state="$state" workers="$2" "${@:3}"
	agent_start "$work/case.yaml"
}

send() {
	generate --to 10.8.0.1:9125 --json --rate 5k/s "$@" >"$work/sent.json" ||
		fail "the generator"
	await_rest
	sleep 0.1	# one more tick: gaps are counted at the next one
}

upstream() {
	status '.windows[0].missing.upstream'
}

rows_missing() {
	"$sluice" query --state "$state" --window clicks --format json |
		jq -s '[.[] | {start, upstream: .missing.upstream}] | unique | map(.upstream) | add // 0'
}

rows_name() {
	local named
	named=$(rows_missing)
	[ "$named" -ge $(($1 * 9 / 10)) ] && [ "$named" -le $(($1 * 8 / 5)) ]
}

for workers in 1 2; do
	begin "lossy-$workers" "$workers"
	send --sources 2 --events 4 --datagrams 15000 --loss 0.05 --seed 41
	lost=$(($(jq .lost.datagrams "$work/sent.json") * 4))
	found=$(upstream)
	# A source cannot miss what would have been its first or last ones.
	expect_that "$found of $lost lost events are known" \
		[ "$found" -le "$lost" ] && [ "$found" -ge $((lost - 32)) ]
	# Windows overlap while they wait for disorder, and each names what it may miss.
	wait_until 10 rows_name "$found" || fail "rows name $(rows_missing) of $found"
	echo "ok: rows name $(rows_missing)"
	expect_that "rows are less complete" [ "$("$sluice" query --state "$state" --window clicks \
		--format json | jq -s 'map(.completeness) | min < 1')" = true ]
	expect_that "the ledger balances" ledger_balances
	agent_stop
done

begin whole 1
send --events 4 --datagrams 10000 --seed 42
expect "lost before the host" "$(upstream)" 0
expect "rows that miss something" "$(rows_missing)" 0
agent_stop

begin dropped 1 filter='{rules: [{types: [1], action: drop}]}'
send --datagrams 10000 --seed 43 --types 2 --events 1
expect_that "whole datagrams were dropped by the rule" \
	[ "$(status '.listeners[0].ledger.filtered.datagrams')" -gt 1000 ]
expect "lost before the host" "$(upstream)" 0
agent_stop
