#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The manual pages: groff has nothing to say against them, and a reader finds in them each command, each
# option, each key of the configuration and each counter.
set -eu
cd "$(dirname "$0")/../.."
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
status=0

# render PROGRAM: the page as a terminal shows it, words unbroken.
render() {
	"build/$1" help man >"$room/$1.roff"
	groff -man -Tascii -ww -P-cbou -rLL=200n -rHY=0 "$room/$1.roff" >"$room/$1" 2>"$room/said"
	if [ -s "$room/said" ]; then
		cat "$room/said"
		status=1
	fi
}

# expect PROGRAM WORD…: stand in its page, at the start of a line or of a term.
expect() {
	local page=$room/$1 word
	shift
	for word; do
		grep -qE -- "^ *$word( |,|\$)" "$page" && continue
		echo "$page does not explain $word"
		status=1
	done
}

render sluice
render sluice-gen
mapfile -t commands < <(build/sluice help | sed -n 's/^  \([a-z]*\) .*/\1/p')
[ "${#commands[@]}" -ge 9 ]
for command in "${commands[@]}"; do
	expect sluice "sluice $command"
	mapfile -t options < <(build/sluice "$command" --help | sed -nE 's/^  (-.,|   ) --([a-z-]+).*/(-., )?--\2/p')
	expect sluice "${options[@]}"
done
mapfile -t options < <(build/sluice-gen --help | sed -nE 's/^  (-.,|   ) --([a-z-]+).*/(-., )?--\2/p')
[ "${#options[@]}" -ge 40 ]
expect sluice-gen "${options[@]}"
mapfile -t keys < <(build/sluice help config | sed -nE 's/^ *([a-z_]+) .*/\1/p')
[ "${#keys[@]}" -ge 60 ]
expect sluice "${keys[@]}"
mapfile -t counters < <(sed -nE 's/^\tX\(([a-z_0-9]+), ".*/\1/p' include/sluice/ledger.h)
[ "${#counters[@]}" -ge 35 ]
expect sluice "${counters[@]}"
exit "$status"
