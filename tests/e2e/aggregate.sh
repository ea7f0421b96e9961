#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What goes in as datagrams comes out as rows: native and generic XDP, one and several workers, IPv4
# and IPv6, rules, refused and future datagrams; every row is compared with the generator's own
# truth.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2   fd08::2   |    veth     | 10.8.0.1   fd08::1          |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

rows_are_final() {
	"$sluice" query --state "$state" --window clicks --format json >"$work/rows.json" &&
		"$generator" verify --truth "$work/truth.json" --results "$work/rows.json" >"$work/verify.txt"
}

# run_case NAME TO "KEY=VALUE…" GENERATOR-OPTION…
run_case() {
	local name=$1 to=$2 settings=$3 sent
	shift 3
	echo "--- $name"
	state=$work/state-$name
	# shellcheck disable=SC2086 # settings are words
	write_config "$work/case.yaml" state="$state" $settings
	agent_start "$work/case.yaml"
	generate --to "$to" --truth "$work/truth.json" -c "$work/case.yaml" --json "$@" \
		>"$work/sent.json" || fail "the generator"
	await_rest
	sent=$(jq .sent.datagrams "$work/sent.json")
	expect "datagrams seen" "$(status '.listeners[0].ledger.seen.datagrams')" "$sent"
	expect "refused by reason" \
		"$(status '.listeners[0].ledger | [to_entries[] | select(.key | startswith("refused_"))
			| select(.value.datagrams > 0) | "\(.key) \(.value.datagrams)"] | sort | join(",")')" \
		"$(jq -r '[.refused | to_entries[] | select(.value > 0) | "\(.key) \(.value)"] | sort | join(",")' \
			"$work/sent.json")"
	expect "events from the future" \
		"$(status .stream.future)" "$(jq .future.events "$work/sent.json")"
	expect_that "the ledger balances" ledger_balances
	wait_until 10 rows_are_final ||
		{ cat "$work/verify.txt"; fail "rows differ from the truth"; }
	echo "ok: $(cat "$work/verify.txt")"
	agent_stop
	rm -rf "$state"
}

# Two senders on different CPUs, so that both rings carry events of the same windows and groups of
# both workers meet in worker 0. Rows of the two senders differ by source, so the truth is both
# together.
run_both() {
	local cpu pid=()
	echo "--- $1"
	state=$work/state-$1
	write_config "$work/case.yaml" state="$state" workers=2 mode=native group_by='[source, type]'
	agent_start "$work/case.yaml"
	for cpu in 0 1; do
		generate_on "$cpu" --to 10.8.0.1:9125 --truth "$work/truth-$cpu.json" -c "$work/case.yaml" \
			--datagrams 15000 --rate 10k/s --events 1-44 --disorder 100ms --seed "$cpu" \
			--sources 3 --first-source $((100 * (cpu + 1))) >"$work/sent-$cpu.txt" &
		pid+=($!)
	done
	wait "${pid[0]}" && wait "${pid[1]}" || fail "the generators"
	cat "$work/truth-0.json" "$work/truth-1.json" >"$work/truth.json"
	await_rest
	expect "datagrams seen" "$(status '.listeners[0].ledger.seen.datagrams')" 30000
	expect "rings that carried some" \
		"$(status '[.rings[] | select(.consumed_bytes > 0)] | length')" 2
	expect_that "the ledger balances" ledger_balances
	wait_until 10 rows_are_final ||
		{ cat "$work/verify.txt"; fail "rows differ from the truth"; }
	echo "ok: $(cat "$work/verify.txt")"
	agent_stop
}

common=(--datagrams 20000 --rate 20k/s --events 1-44 --sources 5 --types 6 --dims 5 --disorder 100ms)
run_case native-1 10.8.0.1:9125 "mode=native" "${common[@]}" --seed 1 --corrupt 0.01 --future 0.01
run_case native-2 10.8.0.1:9125 "mode=native workers=2" "${common[@]}" --seed 2
# Each datagram alone: those of one message would pass to the host, which is tests/e2e/segmented.sh.
run_case generic-v6 "[fd08::1]:9125" "mode=generic workers=4" "${common[@]}" --seed 3 --corrupt 0.02 \
	--segments 1
if [ "$(nproc)" -gt 1 ]; then run_both both-cpus; fi
