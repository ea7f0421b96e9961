#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What tools/demo and tools/demo-full share: sourced, not run, from the top of the tree.
. tools/lab.sh
room=build/demo
lab_interrupted() {
	printf '\n\nInterrupted. The agent, the generator and both networks are gone; %s may be removed.\n' "$room"
}

# shellcheck disable=SC2034 # for who sources it
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m' clear=$'\r\e[K'
else
	bold='' dim='' green='' red='' plain='' clear=''
fi

step() {
	printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

give_up() {
	printf '%s\n%sThe demo failed: %s%s\n' "$clear" "$red" "$*" "$plain" >&2
	echo "What the agent said is in $room/agent.log." >&2
	exit 1
}

# The same windows are known to the agent and, through the same file, to the generator's truth.
write_config() {
	cat >"$room/sluice.yaml" <<-end
		state_dir: $PWD/$room/state
		durability: none
		listen:
		  - name: edge
		    interface: edge0
		    port: 9125
		    ring_size: 64MiB         # of each CPU: more than a second of this demo
		names:
		  types: {1: page_view, 2: click, 3: add_to_cart, 4: purchase}
		  dims: [region]
		windows:
		  - name: traffic            # a row for each type, every 2 seconds
		    size: 2s
		    group_by: [type]
		    aggregate: [count, sum, min, max, avg]
		    max_disorder: 500ms
		  - name: users              # a row for each user and region, every 5 seconds
		    size: 5s
		    group_by: [key, region]
		    aggregate: [count, sum, min, max]
		    max_disorder: 500ms
		time: {idle_timeout: 1s}
	end
}

query() {
	build/sluice query --state "$room/state" "$@"
}

