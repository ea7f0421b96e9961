#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A bit flips in an old segment while the agent runs: queries give all the rest and say what is lost;
# quarantine works beside the agent, which goes on; then queries are complete but for what was given up.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	+----------------------+    veth     +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

has_segments() {
	[ "$(status .results_log.segments)" -ge "$1" ]
}

has_more_rows() {
	[ "$(status .results_log.rows)" -gt "$before" ]
}

send() {
	generate --to 10.8.0.1:9125 --datagrams 20000 --rate 10k/s --events 20 --keys 40000 \
		--epoch "$1" >/dev/null || fail "the generator"
	await_rest
}

# run_query EXPECTED-CODE: its rows are counted.
run_query() {
	local code=0
	"$sluice" query --state "$work/state" --window clicks --format json >"$work/rows.json" \
		2>"$work/errors" || code=$?
	expect "exit status of query" "$code" "$1"
	rows=$(wc -l <"$work/rows.json")
}

write_config "$work/c.yaml" group_by='[key]' size=500ms disorder=50ms segment=4MiB
agent_start "$work/c.yaml"
send 1
wait_until 10 has_segments 3 || fail "too few segments"
sleep 1
run_query 0
all=$rows
first=$(find "$work/state/results" -name '*.seg' | sort | head -n 1)
printf '\377' | dd of="$first" bs=1 seek=1000001 conv=notrunc 2>/dev/null
run_query 1
expect_that "the other rows are there" test "$rows" -gt $((all / 2))
expect_that "it says what is lost, and when it was written" \
	grep -q 'LSN [0-9]* to [0-9]* are lost, written from 20.* to 20\|LSN [0-9]* is lost, written from 20' \
	"$work/errors"
code=0
"$sluice" log verify --state "$work/state" >"$work/verify" || code=$?
expect "exit status of log verify" "$code" 74
expect_that "nothing is wider than a terminal" awk 'length > 80 { exit 1 }' "$work/verify"
"$sluice" log quarantine --state "$work/state" >"$work/moved" || fail "quarantine beside the agent"
expect_that "the segment was moved" grep -q 'segment 1  moved to quarantine/' "$work/moved"
run_query 0
expect_that "what was given up is told" grep -q 'given up' "$work/errors"
expect_that "only one segment is missing" test "$rows" -gt $((all / 4))
before=$(status .results_log.rows)
send 2
wait_until 10 has_more_rows || fail "the agent does not go on"
agent_stop
run_query 0
"$sluice" log verify --state "$work/state" || fail "the log does not verify"
agent_start "$work/c.yaml"
agent_stop
