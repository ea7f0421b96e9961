#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two interfaces, and everything that can happen to one of them while the other goes on: no Ethernet
# headers, a program of somebody else, detached under us, renamed, its name taken by another, moved to
# another network and back, an alternative name, down or absent at the start.
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

# edge1 and wire1, new or where they are; also after edge1 was away.
second_link() {
	ip link show edge1 >/dev/null 2>&1 || ip link add edge1 type veth peer name wire1 netns sender ||
		fail "no second veth pair"
	ip addr replace 10.9.0.1/24 dev edge1
	ip -n sender addr replace 10.9.0.2/24 dev wire1
	ip link set edge1 up
	ip -n sender link set wire1 up
	ip -n sender neigh replace 10.9.0.1 dev wire1 \
		lladdr "$(ip -o link show edge1 | sed -n 's/.*ether \([0-9a-f:]*\).*/\1/p')"
}

# two_config [INTERFACE]: listener "left" on edge0, "right" on INTERFACE or edge1.
two_config() {
	write_config "$work/c.yaml"
	sed -i "s/^  - name: edge/  - {name: right, interface: ${1:-edge1}, port: 9125, ring_size: 4MiB}\n&/;
		s/name: edge$/name: left/" "$work/c.yaml"
}

epoch=0
pins=/sys/fs/bpf/sluice/v1
# send ADDRESS: 500 datagrams of 2 events.
send() {
	epoch=$((epoch + 1))
	generate --to "$1:9125" --datagrams 500 --rate 20k/s --events 2 --epoch $epoch >/dev/null ||
		fail "the generator"
	await_rest
}

right='.listeners[] | select(.name == "right")'
left='.listeners[] | select(.name == "left")'
holds() {
	[ "$(status "$1")" = true ]
}

# attached_again WHAT: the right listener is attached, and takes in what comes from now on; so does the left.
takes_in() {
	local before_left before_right
	wait_until 4 holds "$right | .attached" || { status "$right"; fail "$1: not attached"; }
	before_left=$(status "$left | .ledger.seen.datagrams")
	before_right=$(status "$right | .ledger.seen.datagrams")
	send 10.8.0.1
	send 10.9.0.1
	expect "$1: datagrams at the left" \
		$(($(status "$left | .ledger.emitted.datagrams") - before_left)) 500
	expect "$1: datagrams at the right" \
		$(($(status "$right | .ledger.emitted.datagrams") - before_right)) 500
}

second_link
ip tuntap add dev tun0 mode tun && ip link set tun0 up || fail "no tun device"
write_config "$work/c.yaml" interface=tun0
agent_fails "$work/c.yaml" 69 'tun0 has no Ethernet headers'
two_config tun0
agent_start "$work/c.yaml"
expect "a tun is attached" "$(status "$right | .attached")" false
expect_that "its reason is logged" grep -q 'level=error.*tun0 has no Ethernet headers' "$agent_log"
expect_that "and shown" grep -q 'tun0 has no Ethernet headers' <(status .answer)
send 10.8.0.1
expect "datagrams at the other" "$(status "$left | .ledger.emitted.datagrams")" 500
agent_stop

bpftool prog load "$root/build/bpf/foreign.bpf.o" /sys/fs/bpf/foreign type xdp ||
	fail "bpftool prog load"
bpftool net attach xdp pinned /sys/fs/bpf/foreign dev edge1 || fail "bpftool net attach"
two_config
agent_start "$work/c.yaml"
expect "beside a foreign program: attached" "$(status "$right | .attached")" false
expect_that "the foreign program is named" grep -q foreign_pass "$agent_log"
send 10.8.0.1
sleep 2.2
expect "times that the reason is logged" "$(grep -c 'msg="cannot be attached' "$agent_log")" 1
bpftool net detach xdp dev edge1
takes_in "the foreign program is gone"

bpftool link detach pinned "$pins/link_edge1" || fail "bpftool link detach"
wait_until 4 grep -q 'somebody detached the program' "$agent_log" || fail "detaching is not logged"
echo "ok: detaching is logged"
takes_in "detached under us"
expect "detachments" "$(status "$right | .detachments")" 1

# Not removed but detached, and another program there before us.
bpftool link detach pinned "$pins/link_edge1" && bpftool net attach xdp pinned /sys/fs/bpf/foreign dev edge1
wait_until 4 holds "$right | .problem | test(\"foreign_pass\")" || fail "the foreign program is not told"
bpftool net detach xdp dev edge1
takes_in "pushed off by a foreign program"

ip link set edge1 down && ip link set edge1 name lan1 && ip link set lan1 up
wait_until 4 holds "$right | .interface_now == \"lan1\"" || fail "renaming is not noticed"
ip addr replace 10.9.0.1/24 dev lan1
takes_in "renamed"
ip -n sender link set wire1 name old1
ip addr flush dev lan1
ip -n sender addr flush dev old1
second_link
wait_until 4 holds "$right | .interface_now == \"edge1\"" || fail "the new interface is not noticed"
takes_in "another has the name"
expect_that "no program stays on the old one" sh -c '! ip link show lan1 | grep -q xdp'
ip link del lan1

ip netns add away
before=$(status "$right | .ifindex")
ip link set edge1 netns away
wait_until 4 holds "$right | .attached | not" || fail "moving away is not noticed"
expect "mode of what is away" "$(status "$right | .mode")" none
expect_that "no program stays there" sh -c '! ip -n away link show edge1 | grep -q xdp'
send 10.8.0.1
# Back with another number: something else has that one meanwhile.
ip link add taken0 index "$before" type veth peer name taken1 || fail "no other interface"
ip -n away link set edge1 netns 1 2>/dev/null || ip -n away link set edge1 netns $$ ||
	fail "cannot move it back"
second_link
takes_in "moved away and back"
expect_that "its number is another" test "$(status "$right | .ifindex")" != "$before"
agent_stop
expect_that "nothing stays attached" sh -c '! ip link show | grep -q xdp'

ip link property add dev edge1 altname uplink1 || fail "no altname"
two_config uplink1
agent_start "$work/c.yaml"
takes_in "alternative name"
ip link set edge1 down
wait_until 4 holds "$right | .up | not" || fail "down is not noticed"
ip link set edge1 up
second_link
takes_in "alternative name, down and up"
expect_that "it is not taken for a renaming" sh -c "! grep -q 'was renamed' '$agent_log'"
agent_stop

two_config
ip link set edge1 down
agent_start "$work/c.yaml"
expect "down at the start: attached" "$(status "$right | .attached, .up" | tr '\n' ' ')" "true false "
second_link
takes_in "down at the start"
agent_stop

ip link del edge1
agent_start "$work/c.yaml"
expect "absent at the start: gone" "$(status "$right | .gone")" true
second_link
takes_in "absent at the start"
agent_stop
