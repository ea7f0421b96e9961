#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The next start has the same listeners in another order, fewer, or others: what waits in the rings and
# what was counted under the old numbers stays with the listener that it came to.
#
#	network "sender"                     network of the test
#	+----------------------+    veth     +-----------------------------+
#	| 10.8.0.2       wire0 |-------------| edge0 10.8.0.1              |
#	|                      |    veth     |                 sluice run  |
#	| 10.9.0.2       wire1 |-------------| edge1 10.9.0.1              |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

ip link add edge1 type veth peer name wire1 netns sender || fail "no second veth pair"
ip addr add 10.9.0.1/24 dev edge1
ip -n sender addr add 10.9.0.2/24 dev wire1
ip link set edge1 up
ip -n sender link set wire1 up
ip -n sender neigh replace 10.9.0.1 dev wire1 \
	lladdr "$(ip -o link show edge1 | sed -n 's/.*ether \([0-9a-f:]*\).*/\1/p')"

# config_with NAME=INTERFACE…: a listener each, and a window of an hour for each.
config_with() {
	local pair
	write_config "$work/c.yaml"
	sed -i '/^listen:/,/ring_size/d; /^windows:/,/max_disorder/d' "$work/c.yaml"
	{
		echo "listen:"
		for pair; do
			echo "  - {name: ${pair%=*}, interface: ${pair#*=}, port: 9125, ring_size: 4MiB}"
		done
		echo "windows:"
		for pair; do
			echo "  - {name: of_${pair%=*}, from: [${pair%=*}], size: 1h, max_disorder: 1m}"
		done
	} >>"$work/c.yaml"
}

# send ADDRESS DATAGRAMS: of 10 events each.
epoch=0
send() {
	epoch=$((epoch + 1))
	generate --to "$1:9125" --start-time 2026-01-01T00:10:00Z --datagrams "$2" --rate 20k/s \
		--events 10 --epoch $epoch >/dev/null || fail "the generator"
}

seen() {
	status ".listeners[] | select(.name == \"$1\") | .ledger.seen.datagrams"
}

aggregated() {
	status ".windows[] | select(.name == \"$1\") | .aggregated"
}

config_with left=edge0 right=edge1
agent_start "$work/c.yaml"
send 10.8.0.1 20
send 10.9.0.1 30
await_rest
expect_that "numbers are told beside the pins" \
	sh -c "readlink /sys/fs/bpf/sluice/v1/listener_1 | grep -q '^edge1 9125 any right$'"
agent_kill
send 10.8.0.1 400
send 10.9.0.1 100

config_with right=edge1 left=edge0
agent_start "$work/c.yaml"
send 10.8.0.1 4
send 10.9.0.1 1
await_rest
expect "another order: events of the left" "$(aggregated of_left)" 4040
expect "another order: events of the right" "$(aggregated of_right)" 1010
expect "another order: datagrams of the left since the program was loaded" "$(seen left)" 424
expect "another order: datagrams of the right since then" "$(seen right)" 131
expect_that "another order: the ledger balances" ledger_balances
agent_kill

send 10.8.0.1 50
send 10.9.0.1 60
config_with right=edge1
agent_start "$work/c.yaml"
await_rest
send 10.8.0.1 7
send 10.9.0.1 8
await_rest
expect "one less: events of the other" "$(aggregated of_right)" 680
expect "one less: events that no window reads" "$(status .windows[0].unselected)" 500
expect "one less: it is retired" \
	"$(status '.listeners[] | select(.name == "left") | "\(.retired) \(.attached)"')" "true false"
expect "one less: datagrams of the retired one" "$(seen left)" 474
expect_that "one less: it is told" grep -q 'level=warn.*is not configured any more.*name=left' "$agent_log"
expect_that "one less: status misses nothing there" \
	sh -c "! '$sluice' status -v | grep -q 'nothing is heard\|NOT ATTACHED'"
expect_that "one less: no program stays there" sh -c '! ip link show edge0 | grep -q xdp'
expect_that "one less: the ledger balances" ledger_balances
agent_kill

send 10.9.0.1 5
config_with new=edge0 right=edge1
sed -i 's/name: new, interface: edge0, port: 9125/name: new, interface: edge0, port: 9126/' "$work/c.yaml"
agent_start "$work/c.yaml"
generate --to 10.8.0.1:9126 --start-time 2026-01-01T00:10:00Z --datagrams 9 --events 10 --epoch 90 \
	>/dev/null || fail "the generator"
await_rest
expect "a new one: its events" "$(aggregated of_new)" 90
expect "a new one: events of the other" "$(aggregated of_right)" 50
expect_that "a new one: the ledger balances" ledger_balances
agent_stop
expect_that "no pins stay" sh -c '! ls /sys/fs/bpf/sluice/v1/ledger 2>/dev/null'
