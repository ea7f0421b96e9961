#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# MTU 9000: datagrams of 8840 bytes in one frame, native XDP, over IPv4 and IPv6, beside short ones. And
# MTU 1300: what the generator sends of itself fits, from sockets and as live frames.
#
#	network "sender"                     network of the test
#	+----------------------+   veth      +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2   fd08::2   |  MTU 9000   | 10.8.0.1   fd08::1          |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open
ip link set edge0 mtu 9000
ip -n sender link set wire0 mtu 9000

rows_are_final() {
	"$sluice" query --state "$work/state" --window clicks --format json >"$work/rows.json" &&
		"$generator" verify --truth "$work/truth.json" --results "$work/rows.json" >"$work/verify.txt"
}

write_config "$work/c.yaml" mode=native
agent_start "$work/c.yaml"
generate --to "[fd08::1]:9125" --datagrams 500 --rate 5k/s --events 275 --epoch 1 --first-source 100 \
	--start-time "$(date -u -d '-1 hour' +%FT%TZ)" || fail "the generator"
await_rest
expect "large datagrams over IPv6" "$(status '.listeners[0].ledger.emitted.datagrams')" 500
expect "their events" "$(status .stream.consumed)" $((500 * 275))
agent_stop
rm -rf "$work/state"

agent_start "$work/c.yaml"
generate --to 10.8.0.1:9125 --truth "$work/truth.json" -c "$work/c.yaml" --datagrams 4000 --rate 8k/s \
	--events 1-275 --disorder 100ms --json >"$work/sent.json" || fail "the generator"
await_rest
expect "datagrams of all lengths" "$(status '.listeners[0].ledger.emitted.datagrams')" 4000
expect_that "the ledger balances" ledger_balances
wait_until 10 rows_are_final || { cat "$work/verify.txt"; fail "rows differ from the truth"; }
echo "ok: $(cat "$work/verify.txt")"
agent_stop
rm -rf "$work/state"

ip link set edge0 mtu 1300
ip -n sender link set wire0 mtu 1300
agent_start "$work/c.yaml"
generate --to 10.8.0.1:9125 --datagrams 300 --rate 5k/s --first-source 100 || fail "the generator"
generate --to "[fd08::1]:9125" --datagrams 300 --rate 5k/s --first-source 200 || fail "the generator"
flood --datagrams 300 --rate 5k/s --first-source 300 || fail "the generator"
await_rest
expect "datagrams as long as the MTU allows" "$(status '.listeners[0].ledger.emitted.datagrams')" 900
expect "fragments" "$(status .traffic.pass_fragment)" 0
expect "their events" "$(status .stream.consumed)" $((300 * (38 + 37 + 38)))
agent_stop
