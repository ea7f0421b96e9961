#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Rules in the kernel: dropped types reach no window and no other count, `tap` leaves the packet to
# the stack, and a listener with an address takes only what is sent there.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2             |    veth     | 10.8.0.1   10.8.0.9         |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open
ip addr add 10.8.0.9/24 dev edge0
ip -n sender neigh replace 10.8.0.9 lladdr "$edge_mac" dev wire0

rows_are_final() {
	"$sluice" query --state "$work/state" --window clicks --format json >"$work/rows.json" &&
		"$generator" verify --truth "$work/truth.json" --results "$work/rows.json" >"$work/verify.txt"
}

write_config "$work/c.yaml" address=10.8.0.1 action=tap \
	filter='{default: pass, rules: [{types: [2, 3], action: drop}]}'
agent_start "$work/c.yaml"
generate --to 10.8.0.1:9125 --truth "$work/truth.json" -c "$work/c.yaml" --datagrams 5000 --rate 20k/s \
	--events 1-3 --types 4 --json >"$work/sent.json" || fail "the generator"
generate --to 10.8.0.9:9125 --datagrams 300 --rate 20k/s --json >/dev/null || fail "the generator"
await_rest
expect "datagrams seen" "$(status '.listeners[0].ledger.seen.datagrams')" 5000
expect "events seen" \
	"$(status '.listeners[0].ledger.seen.events')" "$(jq .sent.events "$work/sent.json")"
expect "types of which all were dropped" \
	"$(status '[.types[] | select(.dropped > 0) | select(.dropped == .seen) | .type] | join(",")')" 2,3
expect "events dropped by type and by ledger" \
	"$(status '([.types[].dropped] | add) == .listeners[0].ledger.filtered.events')" true
expect_that "some datagrams lost all their events" \
	test "$(status '.listeners[0].ledger.filtered.datagrams')" -gt 0
expect "datagrams for the other address" "$(status '.traffic.pass_other_port')" 300
expect_that "the ledger balances" ledger_balances
expect "datagrams that the stack got too" \
	"$(awk '$1 == "Udp:" && $2 ~ /^[0-9]+$/ { print $3 }' /proc/net/snmp)" 5300
wait_until 10 rows_are_final || { cat "$work/verify.txt"; fail "rows differ from the truth"; }
echo "ok: $(cat "$work/verify.txt")"
agent_stop
