#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kill -9 while packets arrive: the program goes on, its successor takes over rings and counters,
# and the ledger accounts for every datagram of both. What only a dead agent knew is named as that.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2             |    veth     | 10.8.0.1                    |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

write_config "$work/c.yaml" workers=2
agent_start "$work/c.yaml"
generate --to 10.8.0.1:9125 --datagrams 3000 --rate 20k/s --events 4 --epoch 1 ||
	fail "the generator"
await_rest
agent_kill

expect_that "the program is still attached" sh -c 'ip link show edge0 | grep -q xdp'
"$sluice" status >"$work/status.log" 2>&1
expect "exit status of status without an agent" $? 69
expect_that "status says what is left and what to do" grep -q 'sluice detach' "$work/status.log"

generate --to 10.8.0.1:9125 --datagrams 2000 --rate 20k/s --events 4 --epoch 2 ||
	fail "the generator"
agent_start "$work/c.yaml"
await_rest
expect "taken over" "$(status .agent.taken_over)" true
expect_that "status says first that something is lost" grep -q \
	'^PROBLEM: .*the agent before died: what its open windows held is lost' <(status .answer)
expect "datagrams since the program was loaded" "$(status '.handover.emitted.datagrams')" 5000
# The dead agent was at rest: all that it had taken was known, and stood in open windows.
expect "datagrams taken after its last tick" "$(status '.handover.unread_after_crash.datagrams')" 0
expect "datagrams taken in by both" "$(status '.handover.consumed.datagrams')" 5000
expect "events that died in open windows" "$(status '.windows[0].lost_open')" 12000
expect "events taken in now" "$(status '.stream.consumed')" 8000
expect_that "the ledger balances" ledger_balances

# The same while packets arrive without a pause, with changes of the agent in the middle.
generate --to 10.8.0.1:9125 --datagrams 60000 --rate 20k/s --events 4 --epoch 3 &
flood=$!
for round in 1 2 3; do
	sleep 0.5
	agent_kill
	agent_start "$work/c.yaml"
	expect_that "the ledger balances under load, round $round" ledger_balances
done
wait "$flood" || fail "the generator"
await_rest
expect "datagrams seen in all" "$(status '.listeners[0].ledger.seen.datagrams')" 65000
expect "datagrams lost in rings" "$(status '.listeners[0].ledger.ring_full.datagrams')" 0
expect_that "the ledger balances at rest" ledger_balances
agent_stop

# Starts that fail after they took over: nothing that waits is read, the old program stays on, the old
# configuration stays in force.
agent_start "$work/c.yaml"
agent_kill
send=(--to 10.8.0.1:9125 --datagrams 1000 --rate 20k/s --events 4)
generate "${send[@]}" --epoch 4 || fail "the generator"
touch "$work/file"
write_config "$work/bad.yaml" workers=2 socket="$work/file"
program=$(ip link show edge0 | grep -o 'prog/xdp id [0-9]*')
agent_fails "$work/bad.yaml" 75 "$work/file"
expect "program after a failed start" "$(ip link show edge0 | grep -o 'prog/xdp id [0-9]*')" "$program"
write_config "$work/bad.yaml" workers=2 socket="$work/file" ring=8MiB
agent_fails "$work/bad.yaml" 75 "$work/file"
write_config "$work/bad.yaml" workers=2 interface=edge9
agent_fails "$work/bad.yaml" 69 edge9
expect "program after failed starts" "$(ip link show edge0 | grep -o 'prog/xdp id [0-9]*')" "$program"
generate "${send[@]}" --epoch 5 || fail "the generator"
agent_start "$work/c.yaml"
await_rest
expect "datagrams that waited through failed starts" "$(status .handover.consumed.datagrams)" 2000
expect "datagrams that failed starts have taken" \
	"$(status .handover.unread_after_crash.datagrams)" 0
agent_kill

# Rings of another size: the old ones go when the new ones stand, and what was in them is counted.
generate "${send[@]}" --epoch 6 || fail "the generator"
write_config "$work/large.yaml" workers=2 ring=8MiB
agent_start "$work/large.yaml"
expect_that "what was in the old rings is told" grep -q 'level=warn.*discarded_datagrams=1000' "$agent_log"
generate "${send[@]}" --epoch 7 || fail "the generator"
await_rest
expect "datagrams in the new rings" "$(status .handover.consumed.datagrams)" 1000
expect_that "the ledger balances with new rings" ledger_balances
agent_stop

# Left behind on purpose, and removed.
agent_start "$work/c.yaml"
agent_kill
"$sluice" status >"$work/status.log" 2>&1
expect_that "status says that it goes on" grep -q 'it goes on filling the rings' "$work/status.log"
"$sluice" detach --interface edge0 >"$work/detach.log" 2>&1 || fail "detach --interface"
"$sluice" status >"$work/status.log" 2>&1
expect "exit status of status after detach --interface" $? 69
expect_that "status does not say that it goes on" sh -c "! grep -q 'goes on' '$work/status.log'"
expect_that "but what is left" grep -q 'left its rings' "$work/status.log"
agent_start "$work/c.yaml"
agent_kill
setpriv --reuid=65534 --regid=65534 --clear-groups "$sluice" detach >"$work/detach.log" 2>&1
expect "exit status of detach without rights" $? 77
"$sluice" detach >"$work/detach.log" 2>&1 || { cat "$work/detach.log"; fail "detach"; }
expect_that "detach says what it removed" grep -q edge0 "$work/detach.log"
expect_that "no program stays" sh -c '! ip link show edge0 | grep -q xdp'
expect_that "no pins stay" sh -c '! ls /sys/fs/bpf/sluice/v1/ledger 2>/dev/null'
"$sluice" detach >"$work/detach.log" 2>&1
expect "exit status of detach with nothing there" $? 0
"$sluice" status >"$work/status.log" 2>&1
expect_that "status says that nothing is left" \
	sh -c "! grep -q 'goes on\|left its' '$work/status.log'"
