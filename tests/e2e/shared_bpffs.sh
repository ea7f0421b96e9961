#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two containers with one BPF file system, and an interface of the same name and number in each. What an
# agent has attached in the other network is neither taken for ours nor taken away; the same agent in a
# new network takes what it left.
#
#	network "sender"        network of the test      network "second"
#	+---------------+ veth  +------------------+     +------------------+ veth  +----------+
#	| wire0         |-------| edge0 sluice run |     | edge0 sluice run |-------| wire0    |
#	| 10.8.0.2      |       | 10.8.0.1         |     | 10.8.0.1         |       | "sender2"|
#	+---------------+       +------------------+     +------------------+       +----------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

number=$(cat /sys/class/net/edge0/ifindex)
ip netns add second && ip netns add sender2 || fail "no network namespaces"
ip -n second link add edge0 index "$number" type veth peer name wire0 netns sender2 || fail "no veth pair"
ip -n second addr add 10.8.0.1/24 dev edge0
ip -n sender2 addr add 10.8.0.2/24 dev wire0
ip -n second link set edge0 up
ip -n sender2 link set wire0 up
ip -n sender2 neigh replace 10.8.0.1 dev wire0 \
	lladdr "$(ip -n second -o link show edge0 | sed -n 's/.*ether \([0-9a-f:]*\).*/\1/p')"
in_second=(nsenter --net=/run/netns/second)
expect "number of the interface there" \
	"$("${in_second[@]}" ip -j link show edge0 | jq '.[0].ifindex')" "$number"

write_config "$work/c.yaml"
agent_start "$work/c.yaml"
agent_kill
program=$(ip link show edge0 | grep -o 'prog/xdp id [0-9]*')
generate --to 10.8.0.1:9125 --datagrams 500 --rate 20k/s --events 2 --epoch 1 || fail "the generator"

# An agent of its own there: another state.
write_config "$work/second.yaml" state="$work/second" socket="$work/second.sock"
status=0
"${in_second[@]}" timeout 20 "$sluice" run -c "$work/second.yaml" >"$work/refused.log" 2>&1 || status=$?
expect "exit status of an agent of the other network" "$status" 69
grep -q 'attached in another network namespace' "$work/refused.log" ||
	{ cat "$work/refused.log"; fail "it does not say why"; }
expect "program in the first network" "$(ip link show edge0 | grep -o 'prog/xdp id [0-9]*')" "$program"
agent_start "$work/c.yaml"
await_rest
expect "events that waited for the first agent" "$(status .stream.consumed)" 1000
agent_kill

# The same state in a new network: the agent moved.
agent_start "$work/c.yaml" "${in_second[@]}"
expect "taken over" "$(status .agent.taken_over)" true
expect_that "no program stays in the old network" sh -c '! ip link show edge0 | grep -q xdp'
nsenter --net=/run/netns/sender2 "$generator" --to 10.8.0.1:9125 --datagrams 300 --rate 20k/s --events 2 \
	--epoch 2 || fail "the generator"
await_rest
expect "events in the new network" "$(status .stream.consumed)" 600
expect_that "the ledger balances" ledger_balances
agent_kill

# The first network is gone with its interface: nothing is attached there, and rings are there to be taken.
agent_start "$work/c.yaml"
agent_kill
ip link del edge0
agent_start "$work/second.yaml" "${in_second[@]}"
socket=$work/second.sock
nsenter --net=/run/netns/sender2 "$generator" --to 10.8.0.1:9125 --datagrams 200 --rate 20k/s --events 2 \
	--epoch 3 || fail "the generator"
await_rest
expect "events of the second agent" "$(status .stream.consumed)" 400
agent_stop
