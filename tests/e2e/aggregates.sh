#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every aggregate from the wire to query: first, last, distinct, quantiles and top beside the plain
# ones, with few and with many values a row, one and several workers, over a restart; all rows are
# compared with the generator's own truth.
#
#	network "sender"                     network of the test
#	+----------------------+             +-----------------------------+
#	| sluice-gen     wire0 |-------------| edge0 (XDP)  sluice run     |
#	| 10.8.0.2   fd08::2   |    veth     | 10.8.0.1   fd08::1          |
#	+----------------------+             +-----------------------------+
. "$(dirname "$0")/../support/netns.sh"
netns_enter "$@"
netns_open

windows=(few many points)

# config_of STATE WORKERS: the usual file, with windows of its own.
config_of() {
	write_config "$work/base.yaml" state="$1" workers="$2"
	sed -e '/^windows:/,/max_disorder/d' "$work/base.yaml" >"$work/case.yaml"
	cat >>"$work/case.yaml" <<-'END'
		names: {types: {1: page_view, 2: click}, dims: [region]}
		windows:
		  - name: few
		    kind: tumbling
		    size: 1s
		    group_by: [source, type]
		    aggregate: [count, records, sum, min, max, avg, first, last, rate, "distinct(key; 14)",
		      "distinct(region)", "quantiles(value; 0, 0.00001, 0.5, 0.99, 1)", "top(region, 3)",
		      "top(key, 200)"]
		    max_disorder: 200ms
		  - name: many
		    kind: tumbling
		    size: 2s
		    aggregate: [count, "distinct(key)", "quantiles(value)", "top(key, 10)", "top(type)"]
		    max_disorder: 200ms
		  - name: points
		    kind: tumbling
		    size: 1s
		    group_by: [region]
		    aggregate: [first, last]
		    max_disorder: 200ms
	END
}

common=(--datagrams 12000 --rate 6k/s --events 1-44 --sources 3 --types 4 --dims 7 --disorder 100ms)
run_to_truth small 1 "${common[@]}" --seed 11 --keys 300 --values -500..500 --weights 5
agent_stop
run_to_truth large 2 "${common[@]}" --seed 12 --keys 100000 --zipf 1.2 --values 0..1000000000
agent_stop
