#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice check --host says what run will say on this host: another agent, interfaces that cannot be
# attached, what fits in the MTU; and whose traffic a listener would take, and which it would not see.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

# check CODE OPTION…: with that exit status.
check() {
	local code=$1 status=0
	shift
	"$sluice" check -c "$work/c.yaml" "$@" >"$work/check.txt" 2>"$work/check.err" || status=$?
	[ "$status" = "$code" ] || { cat "$work/check.txt" "$work/check.err"; fail "exit status $status, not $code"; }
}

# finds LEVEL CHECK TEXT
finds() {
	expect_that "$1 $2: $3" grep -qE "^  $1 +$2 .*$3" "$work/check.txt"
}

finds_not() {
	expect_that "no $1 $2" sh -c "! grep -qE '^  $1 +$2 ' '$work/check.txt'"
}

echo "--- a host as it should be"
write_config "$work/c.yaml"
check 0 --host
finds ok driver 'edge0: veth, native XDP'
finds ok mtu 'edge0: 1500: datagrams of up to 1472 bytes over IPv4 \(44 events of 32 bytes\), 1452 over IPv6'
finds ok loopback 'by lo and is not seen there'
finds ok agent 'none runs'
finds_not warning transit

echo "--- what fits"
ip link set edge0 mtu 1300
check 0 --host
finds warning mtu 'edge0: 1300: datagrams of up to 1272 bytes .*fragments, and pass'
ip link set edge0 mtu 9000
check 0 --host
finds ok mtu 'edge0: 9000: datagrams of up to 8972 bytes over IPv4 \(279 events'
write_config "$work/c.yaml" ring=8KiB
check 78
expect_that "a ring without room for the largest datagram is a mistake" grep -qE \
	'c.yaml:[0-9]+:[0-9]+: ring_size: 8KiB has no room .* 8972 bytes, .* edge0 \(9000\) .*at least 16KiB' \
	"$work/check.err"
write_config "$work/c.yaml" ring=16KiB
check 0
# It is true: such a datagram goes through that ring, and not through the smaller one.
ip -n sender link set wire0 mtu 9000
agent_start "$work/c.yaml"
generate --to 10.8.0.1:9125 --datagrams 5 --rate 10/s --events 279 >/dev/null
expect "datagrams through the ring" "$(status '.listeners[0].ledger.emitted.datagrams')" 5
agent_stop
write_config "$work/c.yaml" ring=8KiB
agent_start "$work/c.yaml"
generate --to 10.8.0.1:9125 --datagrams 5 --rate 10/s --events 279 >/dev/null
expect "datagrams lost by the smaller one" "$(status '.listeners[0].ledger.ring_full.datagrams')" 5
agent_stop
ip link set edge0 mtu 1500

echo "--- traffic in transit"
write_config "$work/c.yaml"
sysctl -qw net.ipv4.ip_forward=1
check 0 --host
finds warning transit 'edge0: this host forwards .* UDP port 9125 of other hosts ends here'
write_config "$work/c.yaml" address=10.8.0.1
check 0 --host
finds_not warning transit
write_config "$work/c.yaml" action=tap
check 0 --host
finds warning transit 'of other hosts is counted here'
sysctl -qw net.ipv4.ip_forward=0
write_config "$work/c.yaml"
ip link add br0 type bridge
ip link set edge0 master br0
check 0 --host
finds warning transit 'edge0 is a port of a bridge'
ip link set edge0 nomaster
check 0 --host
finds_not warning transit

echo "--- senders on this host"
for to in 127.0.0.1 10.8.0.1 ::1; do
	exec 7<>/dev/udp/$to/9125
	check 0 --host
	finds warning loopback "sends to UDP port 9125 of this host: by lo, and edge0 does not see it"
	exec 7>&-
done
exec 7<>/dev/udp/10.8.0.2/9125
check 0 --host
finds_not warning loopback
exec 7>&-

echo "--- native and generic"
write_config "$work/c.yaml" interface=lo mode=generic ring=1MiB
check 0 --host
finds ok driver 'lo: .*generic mode as configured: .*UDP_SEGMENT'
write_config "$work/c.yaml" interface=br0
check 0 --host
finds warning driver 'br0: driver bridge has no native XDP; generic mode'

echo "--- interfaces that cannot be attached"
ip tuntap add tun0 mode tun
write_config "$work/c.yaml" interface=tun0
check 69 --host
finds problem interface 'tun0 has no Ethernet headers'
agent_fails "$work/c.yaml" 69 'tun0 has no Ethernet headers'
write_config "$work/c.yaml"
sed -i 's|^listen:|listen:\n  - {name: other, interface: tun0, port: 9126, ring_size: 4MiB}|' "$work/c.yaml"
check 0 --host
finds warning interface 'tun0 has no Ethernet headers.*; the agent starts without it'

echo "--- another agent"
write_config "$work/c.yaml"
agent_start "$work/c.yaml"
check 75 --host
finds problem agent "$work/state is in use by the agent with pid $agent: another one does not start"
agent_fails "$work/c.yaml" 75 "is in use by the agent with pid $agent"
kill -0 "$agent" || fail "the agent was disturbed"
write_config "$work/c.yaml" state="$work/other" socket="$work/other.sock"
check 75 --host
finds problem agent "/sys/fs/bpf/sluice/v[0-9]+ is in use by the agent with pid $agent"
agent_stop
check 0 --host

# What is foreign is printed so that it harms no terminal.
state=$work/$'red\e[31m' && mkdir "$state"
write_config "$work/c.yaml"
sed -i "s|^state_dir: .*|state_dir: \"$work/red\\\\e[31m\"|" "$work/c.yaml"
check 0 --host
expect "control codes" "$(grep -c $'\033' "$work/check.txt")" 0
expect_that "but what they were" grep -qF 'red\x1b[31m' "$work/check.txt"
