#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What one run of the agent leaves to the next: gaps of what died with it and of time that nobody
# attended, losses while it was dead, sequences that were seen, epochs that rise. Rows claim no more.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2             |    veth     | 10.8.0.1                    |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

query() {
	"$sluice" query --state "$state" --window clicks --format json | jq -s "$1"
}

gaps() {
	"$sluice" log dump --state "$state" --json | jq -s "[.[] | select(.kind == \"gap\")] | $1"
}

# begin NAME [KEY=VALUE…]: a store of its own.
begin() {
	echo "--- $1"
	state=$work/state-$1
	shift
	write_config "$work/c.yaml" "state=$state" "$@"
	agent_start "$work/c.yaml"
}

send() {
	generate --to 10.8.0.1:9125 --rate 20k/s --events 4 "$@" || fail "the generator"
}

all_is_emitted() {
	[ "$(status '.windows[0].aggregated')" = "$(query '[.[].records] | add // 0')" ]
}

begin killed_at_rest
send --datagrams 1000 --epoch 1
await_rest
wait_until 10 all_is_emitted || fail "rows do not come"
sleep 0.2
agent_kill
sleep 0.3
agent_start "$work/c.yaml"
expect "gaps of a run that had nothing open" "$(gaps length)" 0
expect "taken and in no result" "$(status '.handover.unread_after_crash.datagrams')" 0
send --datagrams 1000 --epoch 1	# the same datagrams again
await_rest
expect "events seen by the run before" "$(status .stream.duplicate)" 4000
agent_stop
expect "rows that are not whole" "$(query '[.[] | select(.completeness != 1)] | length')" 0

begin killed_with_open_windows size=2s
send --datagrams 2000 --epoch 1
await_rest
agent_kill
agent_start "$work/c.yaml"
await_rest
sleep 0.3
expect_that "the window that died is told" [ "$(gaps '[.[] | select(.cause == "state_lost")] | length')" -ge 1 ]
expect "events that died with it" "$(status '.windows[0].lost_open')" 8000
agent_stop
expect_that "it has a line, and nothing is claimed" \
	[ "$(query '[.[] | select(.group == null and .completeness == null)] | length')" -ge 1 ]
expect "rows that claim to be whole" "$(query '[.[] | select(.completeness == 1)] | length')" 0

begin stopped size=2s
send --datagrams 1000 --epoch 1
await_rest
agent_stop
epoch=$(query '[.[].epoch] | max')
agent_start "$work/c.yaml"
send --datagrams 1000 --epoch 1
await_rest
expect "events seen before the stop" "$(status .stream.duplicate)" 4000
send --datagrams 1000 --epoch 2
await_rest
agent_stop
expect_that "the time between is told" [ "$(gaps '[.[] | select(.cause == "unattended")] | length')" -ge 1 ]
expect_that "epochs rise" [ "$(query '[.[].epoch] | max')" -gt "$epoch" ]
expect_that "rows around the stop are partial" \
	[ "$(query '[.[] | select(.completeness == null)] | length')" -ge 1 ]
expect "records of both runs" "$(query '[.[].records] | add')" 8000

begin rings_full_while_dead ring=64KiB size=2s
send --datagrams 100 --epoch 1
await_rest
agent_kill
send --datagrams 5000 --epoch 2
agent_start "$work/c.yaml"
await_rest
sleep 0.2
lost=$(status '.listeners[0].ledger.ring_full.events')
expect_that "the rings were full" [ "$lost" -gt 10000 ]
expect "events missing from the window" "$(status '.windows[0].missing.ring_full')" "$lost"
agent_stop
expect "what rows say at most" "$(query '[.[].missing.ring_full] | max')" "$lost"
expect "rows that claim to be whole" "$(query '[.[] | select(.completeness == 1)] | length')" 0
