#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Rows never claim more than they know: events whose truth is known are sent while the agent is killed,
# restarted, frozen, interfaces go, programs are detached, clocks are wrong, datagrams get lost and come
# again; then the rows are asked. honesty.sh [SEED [ROUNDS [KIND,KIND…]]]; timeout-seconds: 240
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| senders        wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2 10.9.0.2    |    veth     | 10.8.0.1                    |
#	|                wire1 |-------------| side0 (XDP)  10.9.0.1       |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
for tool in python3 bpftool; do command -v $tool >/dev/null || skip "$tool is not installed"; done
netns_enter "$@"
netns_open
export SLUICE=$sluice PYTHONDONTWRITEBYTECODE=1
ip link add side0 type veth peer name wire1 netns sender || fail "no second veth pair"
ip addr add 10.9.0.1/24 dev side0
ip -n sender addr add 10.9.0.2/24 dev wire1
ip link set side0 up
ip -n sender link set wire1 up
ip -n sender neigh replace 10.9.0.1 lladdr "$(cat /sys/class/net/side0/address)" dev wire1
# Without words: one worker and two, each kind of trouble once.
if [ $# -gt 0 ]; then seeds=$1; else seeds="1 2"; fi
for seed in $seeds; do
	mkdir "$work/$seed"
	python3 "$root/tests/reference/honesty.py" "$seed" "$work/$seed" "${@:2}" || {
		for agent_log in "$work/$seed"/agent-*.log; do tail -n 30 "$agent_log"; done
		agent_log='' fail "rows that do not hold what they promise"
	}
done
echo "ok: no row claims more than it knows"
