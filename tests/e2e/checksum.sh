#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Frames whose UDP checksum is wrong are refused as such, over IPv4 and IPv6, and what sockets leave to
# the network card is not; with `checksum: off` they are taken.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

outcome() {
	status ".listeners[0].ledger.$1.datagrams"
}

# frames TO FROM OPTION…: live ones, of which some are damaged; what was sent is in sent.json.
frames() {
	generate_on 0 --interface wire0 --to-mac "$edge_mac" --to "$1" --from "$2" --events 1-44 \
		--datagrams 4000 --rate 20k/s --corrupt 0.2 --json "${@:3}" >"$work/sent.json" ||
		fail "the generator"
	await_rest
}

sent() {
	jq "$1" "$work/sent.json"
}

# run_case NAME CHECKSUM TO FROM: each datagram ends as it should.
run_case() {
	local wrong taken
	echo "--- $1"
	write_config "$work/c.yaml" mode=native checksum="$2"
	agent_start "$work/c.yaml"
	frames "$3" "$4"
	wrong=$(sent .refused.refused_checksum)
	taken=$(sent '.sent.datagrams - ([.refused[]] | add)')
	expect_that "some checksums are wrong" [ "$wrong" -gt 50 ]
	if [ "$2" = on ]; then
		expect "refused for it" "$(outcome refused_checksum)" "$wrong"
		expect "handed over" "$(outcome emitted)" "$taken"
	else
		expect "refused for it" "$(outcome refused_checksum)" 0
		expect "handed over" "$(outcome emitted)" $((taken + wrong))
	fi
	expect "of a wrong magic" "$(outcome refused_magic)" "$(sent .refused.refused_magic)"
	expect "too short" "$(outcome refused_short)" "$(sent .refused.refused_short)"
	taken=$(outcome emitted)
	generate --to "$3" --datagrams 500 --rate 20k/s --first-source 100 >/dev/null ||
		fail "the generator"
	await_rest
	expect "handed over from a socket" $(($(outcome emitted) - taken)) 500
	expect_that "the ledger balances" ledger_balances
	agent_stop
	rm -rf "$work/state"
}

run_case IPv4 on 10.8.0.1:9125 10.8.0.2:40000
run_case IPv6 on '[fd08::1]:9125' '[fd08::2]:40000'
run_case off off 10.8.0.1:9125 10.8.0.2:40000
