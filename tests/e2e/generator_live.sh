#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Live frames from the generator to the agent: every frame is counted, with and without faults; the
# truth is told at full rate; the rate holds; an interrupt ends a flood at once, and the counts are
# still exact.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2             |    veth     | 10.8.0.1                    |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

live=(--interface wire0 --to-mac "$edge_mac" --to 10.8.0.1:9125 --from 10.8.0.2)
seen=0

# Datagrams and refusals that the agent saw since the last call are those that the generator sent.
expect_counts() {
	local sent
	sent=$(jq .sent.datagrams "$work/sent.json")
	await_rest
	expect "datagrams seen" \
		"$(($(status '.listeners[0].ledger.seen.datagrams') - seen))" "$sent"
	seen=$((seen + sent))
	expect_that "the ledger balances" ledger_balances
}

rows_are_final() {
	"$sluice" query --state "$work/state" --window clicks --format json >"$work/rows.json" &&
		"$generator" verify --truth "$work/truth.json" --results "$work/rows.json" \
			>"$work/verify.txt"
}

write_config "$work/c.yaml" workers=1 ring=64MiB disorder=300ms idle=500ms
agent_start "$work/c.yaml"

faults=(--disorder 200ms --duplicates 2% --loss 2% --corrupt 2% --late 2% --future 2%)
generate "${live[@]}" "${faults[@]}" --datagrams 100000 --rate 50k/s --events 1-24 \
	--event-size 48 --sources 7 --tenants 3 --keys 100000 --zipf 1.1 \
	--truth "$work/truth.json" -c "$work/c.yaml" --json \
	>"$work/sent.json" || fail "the generator"
expect_counts
expect "refused by reason" \
	"$(status '.listeners[0].ledger | [to_entries[] | select(.key | startswith("refused_"))
		| select(.value.datagrams > 0) | "\(.key) \(.value.datagrams)"]
		| sort | join(",")')" \
	"$(jq -r '[.refused | to_entries[] | select(.value > 0) | "\(.key) \(.value)"]
		| sort | join(",")' "$work/sent.json")"
expect "events from the future" "$(status .stream.future)" "$(jq .future.events "$work/sent.json")"
expect "events too late" "$(status '.windows[0].late')" "$(jq .late.events "$work/sent.json")"
wait_until 15 rows_are_final || { cat "$work/verify.txt"; fail "rows differ from the truth"; }
echo "ok: $(cat "$work/verify.txt")"

generate "${live[@]}" --duration 2s --rate 20k/s --events 2 --epoch 2 --json \
	>"$work/sent.json" || fail "the generator"
expect "datagrams in 2 s at 20 k/s" "$(jq .sent.datagrams "$work/sent.json")" 40000
expect_that "the rate holds within 2 %" \
	jq -e '.datagrams_per_second > 19600 and .datagrams_per_second < 20400' "$work/sent.json"
expect_counts

nsenter --net=/run/netns/sender "$generator" "${live[@]}" --events 44 --epoch 3 --json \
	>"$work/sent.json" &
flood=$!
sleep 1
start=$(date +%s%N)
kill -INT $flood
wait $flood || fail "an interrupt is no failure"
took=$((($(date +%s%N) - start) / 1000000))
expect "interrupted" "$(jq .interrupted "$work/sent.json")" true
expect_that "a flood ends within a second of the interrupt ($took ms)" test $took -lt 1000
expect_that "a flood sends something" jq -e '.sent.datagrams > 10000' "$work/sent.json"
expect_counts
agent_stop
