#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The interface goes down and up, is removed, and comes back: the agent goes on, says so, attaches
# again.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2             |    veth     | 10.8.0.1                    |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

send() {
	generate --to 10.8.0.1:9125 --datagrams 1000 --rate 20k/s --events 5 --epoch "$1" ||
		fail "the generator"
	await_rest
}

listener_is() {
	[ "$(status "$1")" = true ]
}

write_config "$work/c.yaml"
agent_start "$work/c.yaml"
send 1
expect "datagrams seen" "$(status '.listeners[0].ledger.seen.datagrams')" 1000

ip link set edge0 down
wait_until 5 listener_is '.listeners[0].up | not' || fail "down is not noticed"
echo "ok: down is shown"
ip link set edge0 up
wait_until 5 listener_is '.listeners[0].up' || fail "up is not noticed"
ip -n sender neigh replace 10.8.0.1 lladdr "$edge_mac" dev wire0
send 2
expect "datagrams seen after down and up" "$(status '.listeners[0].ledger.seen.datagrams')" 2000

ip link del edge0
wait_until 5 listener_is '.listeners[0].gone' || fail "the removal is not noticed"
expect "mode of what is gone" "$(status '.listeners[0].mode')" none
expect_that "the removal is logged" grep -q 'level=error msg="was removed' "$agent_log"
expect_that "the agent goes on" kill -0 "$agent"

netns_link
wait_until 5 listener_is '.listeners[0] | (.gone | not) and .mode == "native"' ||
	fail "it is not attached again"
echo "ok: attached again"
send 3
expect "datagrams seen in all" "$(status '.listeners[0].ledger.seen.datagrams')" 3000
expect "removals" "$(status '.listeners[0].removals')" 1
expect_that "the ledger balances" ledger_balances
agent_stop
expect_that "nothing stays attached" sh -c '! ip link show edge0 | grep -q xdp'
