#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A stopped agent loses only what its rings cannot hold, and counts that to the datagram; rows say
# so.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2             |    veth     | 10.8.0.1                    |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

# Records and events of all rows, open ones included.
records() {
	"$sluice" query --state "$work/state" --window clicks --format json |
		sed -n 's/.*"records":\([0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }'
}

write_config "$work/c.yaml" ring=256KiB mode=native
agent_start "$work/c.yaml"
generate --to 10.8.0.1:9125 --datagrams 1000 --rate 20k/s --events 10 || fail "the generator"
await_rest
expect "lost before" "$(status '.listeners[0].ledger.ring_full.datagrams')" 0

kill -STOP "$agent"
generate --to 10.8.0.1:9125 --datagrams 15000 --rate 20k/s --events 10 --epoch 2 ||
	fail "the generator"
kill -CONT "$agent"
await_rest
sleep 1.2 # the windows that were open are over
generate --to 10.8.0.1:9125 --datagrams 1000 --rate 20k/s --events 10 --epoch 3 ||
	fail "the generator"
await_rest

lost=$(status '.listeners[0].ledger.ring_full.datagrams')
expect "datagrams seen" "$(status '.listeners[0].ledger.seen.datagrams')" 17000
expect "datagrams handed over" "$(status .handover.emitted.datagrams)" $((17000 - lost))
expect "events lost" "$(status '.listeners[0].ledger.ring_full.events')" $((lost * 10))
# A record is 8 + 24 + 40 + 320 bytes: each of the rings that were hit holds 668 of them.
expect_that "more than one ring's worth was kept, and the rest was lost" \
	test $((15000 - lost)) -ge 660 -a $((15000 - lost)) -le $((670 * $(nproc)))
expect "events missing from the window" "$(status '.windows[0].missing.ring_full')" $((lost * 10))
expect_that "the ledger balances" ledger_balances
accepted=$(status '.windows[0].aggregated')
agent_stop
expect "records in all rows" "$(records)" "$accepted"
# A window that was open during the loss says all of it; later ones say nothing.
expect "events that rows say are missing, at most" "$("$sluice" query --state "$work/state" --window clicks \
	--format json | jq -s '[.[].missing.ring_full] | max')" $((lost * 10))
expect "and at least" "$("$sluice" query --state "$work/state" --window clicks --format json |
	jq -s '[.[].missing.ring_full] | min')" 0
