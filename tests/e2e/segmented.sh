#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Forty datagrams in one message (UDP_SEGMENT): over a veth in generic mode they come as one frame, which
# passes to the host, is counted as such, and is forty datagrams there; in native mode the sender's host
# cuts them up, and the program takes each.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

command -v python3 >/dev/null || skip "python3 is not installed"

# A program of this host that listens too: the length of each datagram that reaches it, a line each.
listen() {
	python3 -u -c '
import socket
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
listener.bind(("10.8.0.1", 9125))
print("ready")
while True:
    print(len(listener.recv(65536)))' >"$work/host.txt" &
	listener=$!
	wait_until 10 grep -q ready "$work/host.txt" || fail "nobody listens"
}

reached_host() {
	[ "$(grep -cx 1448 "$work/host.txt")" -eq "$1" ]
}

# send COUNT OPTION…: datagrams of 1,448 bytes.
send() {
	generate --to 10.8.0.1:9125 --events 44 --datagrams "$1" --batch "$1" "${@:2}" >/dev/null ||
		fail "the generator"
	await_rest
}

write_config "$work/generic.yaml" mode=generic
agent_start "$work/generic.yaml"
listen
send 40
expect "frames passed as several datagrams" "$(status .traffic.pass_segmented)" 1
expect "datagrams in the ledger" "$(status '.listeners[0].ledger.seen.datagrams')" 0
wait_until 5 reached_host 40 || { cat "$work/host.txt"; fail "the host did not cut it up"; }
echo "ok: the host makes 40 datagrams of it"
expect_that "the ledger balances" ledger_balances
expect_that "status shows it" sh -c \
	"$sluice status --socket /run/sluice/sluice.sock | grep -q '^1 frames passed: .*UDP_SEGMENT'"
send 40 --segments 1 --first-source 100
expect "datagrams alone are taken" "$(status '.listeners[0].ledger.emitted.datagrams')" 40
expect_that "none of them reaches the host" reached_host 40
expect "and none passes" "$(status .traffic.pass_segmented)" 1
expect_that "the ledger balances" ledger_balances
kill "$listener"
agent_stop
rm -rf "$work/state"

write_config "$work/native.yaml" mode=native
agent_start "$work/native.yaml"
send 40
expect "in native mode the program takes each" "$(status '.listeners[0].ledger.emitted.datagrams')" 40
expect "frames passed as several datagrams" "$(status .traffic.pass_segmented)" 0
expect_that "the ledger balances" ledger_balances
agent_stop
