#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The results log meets an error that is not want of space: the agent publishes and reads nothing more,
# leaves program and rings as they are, and ends with 74 so that whoever watches it knows; what was
# durable stays readable, and what waits is the next start's.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

has_rows() {
	[ "$(status '.results_log.rows > 0')" = true ]
}

send() {
	generate --to 10.8.0.1:9125 --datagrams 2000 --rate 20k/s --keys 1000 --epoch "$1" >/dev/null ||
		fail "the generator"
}

write_config "$work/c.yaml" ring=16MiB size=200ms disorder=50ms group_by='[key]'
agent_start "$work/c.yaml"
send 1
wait_until 10 has_rows || fail "no rows"
# Every write from here on is refused: files may not be longer than this.
prlimit --pid "$agent" --fsize=4096 || skip "prlimit does not work here"
send 2
code=0
wait "$agent" || code=$?
expect "exit status of the agent" "$code" 74
expect_that "the log says why" grep -q 'level=error msg="the results log cannot go on"' "$agent_log"
expect_that "the program stays attached" sh -c 'ip link show edge0 | grep -q xdp'
expect_that "the log says what happens to the rings" grep -q 'the next start reads' "$agent_log"
send 3
"$sluice" log verify --state "$work/state" || fail "the log does not verify"
echo "ok: the log verifies"
cp "$agent_log" "$work/first.log"
agent_start "$work/c.yaml"
expect "epoch of the next start" "$(status .agent.epoch)" 2
await_rest
expect "datagrams since the program was loaded" "$(status .handover.emitted.datagrams)" 6000
# What the first agent has read it read before it failed; the rest was not drained into nothing.
read=$(sed -n 's/.*msg="final ledger".* consumed=\([0-9]*\).*/\1/p' "$work/first.log")
expect "events that the first agent had" "$(status '.handover.unread_after_crash.events
	+ .handover.consumed.events - .stream.consumed')" "$read"
expect_that "it has not read what came after it failed" \
	test "$(status .stream.consumed_datagrams)" -ge 2000
expect "datagrams lost in rings" "$(status '.listeners[0].ledger.ring_full.datagrams')" 0
expect_that "the ledger balances" ledger_balances
agent_stop
