#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Events that are sent again under other sequence numbers, by a second sender on another CPU while the
# first one is still at it: windows with `dedup: event_id` take one copy of each, whichever worker has it,
# and give the rows of the first sender alone; a window beside them takes both.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2   fd08::2   |    veth     | 10.8.0.1   fd08::1          |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

windows=(tumbling sliding sessions)

# config_of STATE WORKERS
config_of() {
	write_config "$work/base.yaml" state="$1" workers="$2" groups=10000
	sed -e '/^windows:/,/max_disorder/d' "$work/base.yaml" >"$work/case.yaml"
	cat >>"$work/case.yaml" <<-'END'
		windows:
		  - name: tumbling
		    size: 500ms
		    group_by: [type, dim0]
		    aggregate: [count, records, sum, min, max, "distinct(key)"]
		    allowed_lateness: 3s
		    dedup: event_id
		  - name: sliding
		    kind: sliding
		    size: 1s
		    slide: 400ms
		    group_by: [source]
		    aggregate: [count, records, sum, first, last]
		    allowed_lateness: 3s
		    dedup: event_id
		  - name: sessions
		    kind: session
		    gap: 20ms
		    group_by: [key]
		    aggregate: [count, sum]
		    max_disorder: 4s
		    dedup: event_id
		  - name: everything
		    size: 1s
		    aggregate: [records]
		    allowed_lateness: 3s
	END
}

rows_are_final() {
	local window
	for window in "${windows[@]}"; do
		"$sluice" query --state "$state" --window "$window" --format json || return
	done >"$work/rows.json"
	"$generator" verify --truth "$work/truth.json" --results "$work/rows.json" >"$work/verify.txt"
}

# Of a window that is corrected for 3 s, once as much has passed.
horizon_is_shown() {
	[ "$(status '.windows[0].dedup.horizon_ns > 3000000000')" = true ] &&
		"$sluice" status -v | grep -q 'event ids remembered, .* s back'
}

# send CPU EPOCH FILE OPTION…
send() {
	local cpu=$1 epoch=$2 file=$3
	shift 3
	generate_on "$cpu" --to 10.8.0.1:9125 --event-size 40 --seed 31 --start-time "$start" \
		--epoch "$epoch" --json "${common[@]}" "$@" >"$file"
}

# run_case NAME WORKERS
run_case() {
	local name=$1 events first cpu=$(($(nproc) > 1))
	echo "--- $name"
	state=$work/state-$name
	config_of "$state" "$2"
	sed -e '/name: everything/,$d' "$work/case.yaml" >"$work/truth.yaml"
	agent_start "$work/case.yaml"
	start=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	send 0 1 "$work/first.json" --truth "$work/truth.json" -c "$work/truth.yaml" &
	first=$!
	send "$cpu" 2 "$work/second.json" &
	wait_until 10 horizon_is_shown || fail "status shows no horizon"
	wait $! || fail "the second sender"
	wait $first || fail "the first sender"
	await_rest
	expect_that "the ledger balances" ledger_balances
	wait_until 20 rows_are_final ||
		{ cat "$work/verify.txt"; fail "rows differ from the truth"; }
	echo "ok: $(cat "$work/verify.txt")"
	events=$(status .stream.accepted)
	for window in 0 1 2; do
		expect "events of $(status ".windows[$window].name") that counted" \
			"$(status ".windows[$window] | .aggregated")" $((events / 2))
		expect "… and that were repeats" "$(status ".windows[$window].duplicate_id")" \
			$((events / 2))
	done
	expect "events of the window that does not ask" "$(status '.windows[3].aggregated')" "$events"
	expect "ids forgotten too early" \
		"$(status '[.windows[].dedup // {} | .displaced, .dropped, .undecided] | add')" 0
	agent_stop
}

common=(--rate 4k/s --datagrams 20000 --events 1-20 --sources 3 --types 4 --dims 5 --keys 200
	--disorder 100ms)
run_case alone 1
run_case shared 2
