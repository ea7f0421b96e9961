#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A datagram counts once, by whichever interface it comes, and a sender that takes turns over two loses
# nothing. Senders that come after others have gone get the places of those, and are told apart again.
#
#	network "sender"                     network of the test
#	+----------------------+    veth     +-----------------------------+
#	| python3        wire0 |-------------| edge0 (XDP)  listener left  |
#	| 10.8.0.2             |    veth     |                 sluice run  |
#	| 10.9.0.2       wire1 |-------------| edge1 (XDP)  listener right |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open
here=$(realpath "$(dirname "$0")/..")

ip link add edge1 type veth peer name wire1 netns sender || fail "no second veth pair"
ip addr add 10.9.0.1/24 dev edge1
ip -n sender addr add 10.9.0.2/24 dev wire1
ip link set edge1 up
ip -n sender link set wire1 up
ip -n sender neigh replace 10.9.0.1 dev wire1 \
	lladdr "$(ip -o link show edge1 | sed -n 's/.*ether \([0-9a-f:]*\).*/\1/p')"

# send SOURCE FIRST LAST HOST…: datagrams of 10 events; sequence i to each of the hosts that are
# separated by commas, in turns where these are several words.
send() {
	ip netns exec sender python3 - "$here/reference" "$@" <<-'END'
		import socket, sys, time
		sys.path.insert(0, sys.argv[1])
		import wire
		source, first, last = map(int, sys.argv[2:5])
		turns = [word.split(",") for word in sys.argv[5:]]
		out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		event = dict(key=1, value=1, time_offset_us=0, type=1, weight=1, dim0=0, dim1=0)
		for sequence in range(first, last):
		    payload = wire.encode(dict(events=[event] * 10, event_size=32, tenant=0, epoch=5,
		                               source=source, sequence=sequence,
		                               base_time_ns=time.time_ns()))
		    for host in turns[sequence % len(turns)]:
		        out.sendto(payload, (host, 9125))
		    if sequence % 20 == 0:
		        time.sleep(0.001)
	END
	await_rest
}

# two_config [KEY=VALUE…]: listener "left" on edge0, "right" on edge1.
two_config() {
	write_config "$work/c.yaml" "$@"
	sed -i "s/^  - name: edge/  - {name: right, interface: edge1, port: 9125, ring_size: 4MiB}\n&/;
		s/name: edge$/name: left/" "$work/c.yaml"
}

echo "--- over two interfaces"
two_config workers=2
agent_start "$work/c.yaml"
send 1 0 1000 10.8.0.1,10.9.0.1
expect "taken" "$(status '.windows[0].aggregated')" 10000
expect "refused, as every window had them" "$(status '.stream.duplicate')" 10000
send 2 0 2000 10.8.0.1 10.9.0.1
expect "taken of who takes turns" "$(status '.windows[0].aggregated')" 30000
expect "missing" "$(status '.sources.gaps')" 0
expect "missing before this host" "$(status '.windows[0].missing.upstream')" 0
expect "sources" "$(status '.sources.known')" 2
expect_that "the ledger balances" ledger_balances
agent_stop

echo "--- windows that read one interface each, and one that reads both"
two_config state="$work/state-2"
sed -i '/^results_log:/i\
  - {name: one, from: [left], size: 1s, aggregate: [records]}\
  - {name: other, from: [right], size: 1s, aggregate: [records]}' "$work/c.yaml"
agent_start "$work/c.yaml"
send 1 0 1000 10.8.0.1,10.9.0.1
records() {
	status ".windows[] | select(.name == \"$1\") | .$2"
}
expect "both" "$(records clicks aggregated)" 10000
expect "both: repeats" "$(records clicks duplicate_datagram)" 10000
expect "left" "$(records one aggregated)" 10000
expect "right" "$(records other aggregated)" 10000
expect "repeats for all" "$(status '.stream.duplicate')" 0
expect_that "the ledger balances" ledger_balances
agent_stop

echo "--- more senders than places, one after the other"
two_config state="$work/state-3" sources=4
agent_start "$work/c.yaml"
has_room() {
	[ "$(status '.sources.known')" -le 2 ]
}
expected=0
for round in 1 2 3 4; do
	wait_until 10 has_room || fail "no place is free: $(status .sources)"
	for source in 1 2; do
		send $((round * 10 + source)) 0 10 10.8.0.1,10.8.0.1,10.9.0.1
		expected=$((expected + 100))
	done
done
wait_until 10 has_room || fail "no place is free: $(status .sources)"
expect "each datagram counts once" "$(status '.windows[0] | .aggregated + .late')" $expected
expect "nobody shared a place" "$(status '.sources.overflowed')" 0
agent_stop
echo "ok"
