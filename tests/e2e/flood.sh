#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Far more than the agent can take, as live frames: it stops and continues in the middle, every
# document that status gives balances, and an orderly stop in the middle still accounts for all.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| live frames          |    veth     | 10.8.0.1                    |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

records() {
	"$sluice" query --state "$work/state" --window clicks --format json |
		sed -n 's/.*"records":\([0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }'
}

write_config "$work/c.yaml" mode=native ring=1MiB
agent_start "$work/c.yaml"
flood --duration 3s --events 44 --json >"$work/sent.json" &
flood=$!
sleep 0.5
for round in 1 2 3 4 5; do
	ledger_balances || { status .; fail "the document balances in the flood, round $round"; }
	sleep 0.1
done
echo "ok: five documents in the flood balance"
kill -STOP "$agent"
sleep 0.5
kill -CONT "$agent"
ledger_balances || { status .; fail "the document balances after the stop"; }
wait "$flood" || fail "the generator"
await_rest
sent=$(jq .sent.datagrams "$work/sent.json")
expect "datagrams seen" "$(status '.listeners[0].ledger.seen.datagrams')" "$sent"
expect_that "rings were full" test "$(status '.listeners[0].ledger.ring_full.datagrams')" -gt 0
expect_that "the ledger balances at rest" ledger_balances
expect_that "much got through" test "$(status .stream.consumed)" -gt 1000000

before=$(status .stream.consumed)
flood_is_on() {
	[ "$(status .stream.consumed)" -gt "$before" ]
}
flood --duration 10s --events 44 --json >/dev/null 2>&1 &
flood=$!
expect_that "the flood begins" wait_until 10 flood_is_on
consumed=$(status .stream.consumed)
begin=$SECONDS
agent_stop
expect_that "the stop did not wait for the end of the flood" test $((SECONDS - begin)) -lt 5
expect_that "nothing arrived after detaching" sh -c "! grep -q 'still arrive' $agent_log"
final=$(sed -n 's/.*msg="final ledger".* consumed=\([0-9]*\).*/\1/p' "$agent_log")
expect_that "the flood went on until the stop" test "$final" -gt "$consumed"
aggregated=$(sed -n 's/.*msg="final ledger".* aggregated=\([0-9]*\).*/\1/p' "$agent_log")
expect "records in all rows" "$(records)" "$aggregated"
wait "$flood" || : # it ends when nobody receives frames any more
