#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Tumbling and sliding windows with offsets and allowed lateness under disorder: events come later
# than max_disorder waits, closed windows are corrected, and the newest revisions are the truth; what
# comes later than lateness allows is counted, not taken in.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2   fd08::2   |    veth     | 10.8.0.1   fd08::1          |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

windows=(jumping sliding uneven sketched)

# config_of STATE WORKERS: the usual file, with windows of its own.
config_of() {
	write_config "$work/base.yaml" state="$1" workers="$2" groups=10000
	sed -e '/^windows:/,/max_disorder/d' "$work/base.yaml" >"$work/case.yaml"
	cat >>"$work/case.yaml" <<-'END'
		windows:
		  - name: jumping
		    kind: tumbling
		    size: 500ms
		    offset: 125ms
		    group_by: [type, dim0]
		    aggregate: [count, records, sum, min, max, avg, rate]
		    max_disorder: 50ms
		    allowed_lateness: 2s
		  - name: sliding
		    kind: sliding
		    size: 1s
		    slide: 200ms
		    group_by: [type]
		    aggregate: [count, sum, min, max]
		    max_disorder: 50ms
		    allowed_lateness: 2s
		  - name: uneven
		    kind: sliding
		    size: 1s
		    slide: 300ms
		    group_by: [source, dim0]
		    aggregate: [count, records, sum]
		    max_disorder: 1s
		  - name: sketched
		    kind: sliding
		    size: 1s
		    slide: 500ms
		    group_by: [type]
		    aggregate: [count, first, last, "distinct(key)", "quantiles(value; 0.5, 0.9)",
		      "top(key, 5)"]
		    max_disorder: 50ms
		    allowed_lateness: 2s
	END
}

# Disorder up to 900 ms, of which windows wait for 50: the rest corrects them.
common=(--rate 4k/s --events 1-20 --sources 3 --types 4 --dims 5 --keys 500 --disorder 900ms)
run_to_truth corrected 1 "${common[@]}" --datagrams 12000 --seed 21
query_all --all-revisions >"$work/revisions.json" || fail "query --all-revisions"
corrections=$(jq -s '[.[] | select(.revision > 0)] | length' "$work/revisions.json")
expect_that "closed windows were corrected ($corrections rows)" [ "$corrections" -gt 0 ]
expect "late events" "$(status '[.windows[].late] | add')" 0
agent_stop

run_to_truth shared 2 "${common[@]}" --datagrams 12000 --seed 22 --late 0.02 --late-by 20s
expect_that "what came too late is counted" [ "$(status '.windows[0].late')" -gt 0 ]
agent_stop
