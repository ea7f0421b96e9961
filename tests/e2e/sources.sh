#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sluice sources: who sends, with what is wrong with it, the worst first; as a table in 80 columns and as
# JSON; bounded, and listed once a second however often it is asked.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

"$sluice" sources >"$work/none.log" 2>&1
expect "exit status without an agent" $? 69
for top in 0 10001 many; do
	"$sluice" sources --top $top >/dev/null 2>&1
	expect "exit status of --top $top" $? 64
done

# sources EXPRESSION: of jq, on all of them, when they are due to be listed again.
sources() {
	sleep 1.1
	"$sluice" sources --json --top 10000 | jq -r "$1"
}

write_config "$work/c.yaml" idle=60s
agent_start "$work/c.yaml"
expect "sources before any was heard" "$(sources '.known, (.sources | length)' | xargs)" "0 0"

send=(--to 10.8.0.1:9125 --sources 1 --rate 2k/s --events 4)
generate "${send[@]}" --datagrams 500 --first-source 100 --epoch 7 >/dev/null || fail "the generator"
generate "${send[@]}" --datagrams 600 --first-source 200 --epoch 8 --loss 5% --json >"$work/lossy.json" ||
	fail "the generator"
generate "${send[@]}" --datagrams 700 --first-source 300 --epoch 9 --duplicates 5% --json \
	>"$work/twice.json" || fail "the generator"
await_rest
expect "sources, worst first" "$(sources '[.sources[].id] | join(" ")')" "200 300 100"
expect "epochs" "$(sources '[.sources[].epoch] | join(" ")')" "8 9 7"
expect "gaps" "$(sources '[.sources[].gaps] | join(" ")')" "$(jq .lost.datagrams "$work/lossy.json") 0 0"
expect "repeats" "$(sources '[.sources[].duplicates] | join(" ")')" \
	"0 $(jq .duplicates.datagrams "$work/twice.json") 0"
expect "listeners" "$(sources '[.sources[].listeners[]] | unique | join(" ")')" edge
expect "records" "$(sources '.sources[2].records')" 2000
expect_that "when they were seen is told" [ "$(sources \
	'.sources[2].last_seen_ns > .sources[1].last_seen_ns and .sources[2].last_seen_ns < 60000000000')" = true ]
expect_that "and how far they are behind" [ "$(sources '.sources[2].lag_ns > .sources[1].lag_ns')" = true ]

sleep 1.1
"$sluice" sources >"$work/table.txt" || fail "sluice sources"
cat "$work/table.txt"
expect_that "80 columns" test "$(LC_ALL=C.UTF-8 wc -L <"$work/table.txt")" -le 80
expect "control codes" "$(grep -c $'\033' "$work/table.txt")" 0
expect "order in the table" "$(awk '$1 ~ /^[0-9]+$/ && $2 ~ /^[0-9]+$/ { print $1 }' "$work/table.txt" | xargs)" \
	"200 300 100"
expect "one of them" "$("$sluice" sources --json --top 1 | jq '.sources | length')" 1
expect_that "the rest is counted" grep -q '… and 2 that are no worse' <("$sluice" sources --top 1)

echo "--- the same listing is shown for a second"
first=$("$sluice" sources --json | jq '.sources[0].last_seen_ns')
expect "asked again at once" "$("$sluice" sources --json | jq '.sources[0].last_seen_ns')" "$first"
expect_that "and a new one later" [ "$(sources '.sources[0].last_seen_ns')" != "$first" ]

echo "--- many"
generate --to 10.8.0.1:9125 --sources 900 --first-source 1000 --datagrams 9000 --rate 20k/s --events 1 \
	>/dev/null || fail "the generator"
await_rest
expect "sources" "$(sources '.sources | length')" 903
expect "the worst are still first" "$(sources '[.sources[:2][].id] | join(" ")')" "200 300"
expect_that "those that send have a rate" [ "$(
	generate --to 10.8.0.1:9125 --sources 1 --first-source 5000 --datagrams 3000 --rate 1k/s --events 1 \
		>/dev/null &
	sleep 2
	sources '.sources[] | select(.id == 5000) | .datagrams_per_second > 500')" = true ]
await_rest
agent_stop
