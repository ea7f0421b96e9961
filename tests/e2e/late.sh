#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The late side output: what a window with `late: keep` does not take in is in its side output, once
# and with its value, for tumbling, sliding and session windows, from one worker and from two. Rows
# and side output together are what a window without any lateness took.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2   fd08::2   |    veth     | 10.8.0.1   fd08::1          |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

# config_of STATE WORKERS: the usual file, with windows of its own.
config_of() {
	write_config "$work/base.yaml" state="$1" workers="$2" groups=1000
	sed -e '/^windows:/,/max_disorder/d' "$work/base.yaml" >"$work/case.yaml"
	cat >>"$work/case.yaml" <<-'END'
		windows:
		  - {name: patient, size: 1s, allowed_lateness: 30s}
		  - {name: tumbling, size: 500ms, group_by: [type], max_disorder: 50ms, late: keep}
		  - {name: sliding, kind: sliding, size: 600ms, slide: 200ms, max_disorder: 50ms, late: keep}
		  - {name: visits, kind: session, gap: 300ms, group_by: [key], max_disorder: 50ms,
		     late: keep}
		  - {name: dropping, size: 500ms, max_disorder: 50ms}
	END
	sed -i '/^  - {name:/s/max_disorder/aggregate: [count, sum], &/; s/30s}/30s, aggregate: [count, sum]}/' \
		"$work/case.yaml"
}

query() {
	"$sluice" query --state "$state" --format json --window "$@"
}

# total WINDOW: count and sum of all rows.
total() {
	query "$1" | jq -cs '[([.[].count] | add), ([.[].sum] | add)]'
}

# late_total WINDOW: the same of the side output.
late_total() {
	query "$1" --late |
		jq -cs '[([.[].weight] | add // 0), ([.[] | .weight * .value] | add // 0)]'
}

# What the window took and what it put aside, together.
both_totals() {
	jq -cn "[$(total "$1"), $(late_total "$1")] | transpose | map(add)"
}

counter() {
	status ".windows[] | select(.name == \"$1\") | .$2"
}

# Times are printed with as few decimals as lose nothing: to be compared, all get nine.
is_ordered() {
	query "$1" --late >"$work/late-events"
	jq -es 'map([(.time | rtrimstr("Z") | .[0:20] + (.[20:] + "000000")[0:9]),
			(.fields.source | tonumber), .source_epoch, .sequence, .index]) |
		[range(1; length) as $i | select(.[$i - 1] >= .[$i]) | .[$i - 1, $i]] |
		if . == [] then true else debug | false end' "$work/late-events" >/dev/null
}

# Late events wait for the end of the tick at other workers, and all for the commit.
is_all_kept() {
	[ "$(query "$1" --late | wc -l)" -eq "$(counter "$1" late)" ]
}

# run_case NAME WORKERS
run_case() {
	local window cpu generators=()
	echo "--- $1"
	state=$work/state-$1
	config_of "$state" "$2"
	agent_start "$work/case.yaml"
	for cpu in 0 1; do
		generate_on "$cpu" --to 10.8.0.1:9125 --rate 3k/s --datagrams 6000 --events 1-20 --sources 2 \
			--first-source $((10 * cpu + 1)) --types 4 --keys 200 --weights 3 --seed "$cpu" \
			--disorder 20ms --late 0.03 --late-by 20s >"$work/sent-$cpu" &
		generators+=($!)
	done
	wait "${generators[@]}" || fail "a generator"
	await_rest
	expect_that "the ledger balances" ledger_balances
	for window in tumbling sliding visits; do
		wait_until 10 is_all_kept "$window" ||
			fail "$window: $(query "$window" --late | wc -l) of $(counter "$window" late) late"
		expect_that "$window: late events ($(counter "$window" late)) are kept" \
			[ "$(counter "$window" late)" -gt 0 ]
		expect "$window: not kept" "$(counter "$window" late_not_kept)" 0
		expect_that "$window: in order, none twice" is_ordered "$window"
	done
	expect_that "late events of the other window are counted" [ "$(counter dropping late)" -gt 0 ]
	expect "kept of them" "$(query dropping --late | wc -l)" 0
	agent_stop
	for window in tumbling visits; do
		expect "$window: rows and side output" "$(both_totals "$window")" "$(total patient)"
	done
	"$sluice" log verify --state "$state" >/dev/null || fail "log verify"
}

run_case alone 1
expect_that "the late events of a type alone" [ "$(query tumbling --late --where type=1 | wc -l)" -lt \
	"$(query tumbling --late | wc -l)" ]
expect "of a time before" "$(query tumbling --late --until 2001-01-01T00:00:00Z | wc -l)" 0
run_case shared 2
