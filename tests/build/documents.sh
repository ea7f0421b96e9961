#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The documents say what is true: configurations shown are valid, the files, links, make targets, commands
# and counters named exist, every counter is explained, docs/configuration.md is what the schema says,
# README is no longer than a newcomer reads.
# shellcheck disable=SC2016 # backquotes of Markdown
set -eu
cd "$(dirname "$0")/../.."
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
status=0
wrong() {
	echo "$*"
	status=1
}

documents=(*.md docs/*.md)

# Each block of YAML in README is a configuration of its own.
awk -v room="$room" '
	/^```yaml$/ { count++; inside = 1; next }
	/^```/ { inside = 0 }
	inside { print >(room "/" count ".yaml") }' README.md
[ -e "$room/1.yaml" ] || wrong "README.md shows no configuration"
for file in "$room"/*.yaml; do
	build/sluice check "$file" >"$room/check" 2>&1 || wrong "$(cat "$room/check")"
done

# Paths in backquotes or links, with a wildcard at most; build/ is made, x stands for any name.
grep -ohE '[`(](\.ci|bpf|deploy|docs|include|tests|tools|user|vmlinux)/[A-Za-z0-9_./*-]*' "${documents[@]}" |
	cut -c 2- | sort -u | while read -r path; do
	case $path in
	*x.c | *_x.* | */x.sh) continue ;;
	esac
	compgen -G "$path" >/dev/null || echo "$path"
done >"$room/missing"
[ ! -s "$room/missing" ] || wrong "named, but not there: $(xargs <"$room/missing")"

# FILE: its headings as links name them.
anchors() {
	awk '/^```/ { inside = !inside } !inside && /^#+ /' "$1" | sed -E 's/^#+ //' | tr '[:upper:] ' '[:lower:]-' |
		tr -cd '[:alnum:]_\n-'
}

# Links are relative to the page they stand on; #HEADING must be one of the page that is meant.
for page in "${documents[@]}"; do
	while read -r link; do
		case $link in
		http*) continue ;;
		esac
		file=${link%%#*}
		file=${file:+$(dirname "$page")/$file}
		file=${file:-$page}
		if [ ! -e "$file" ]; then
			wrong "$page links to $link, which is not there"
		elif [[ $link == *'#'* ]] && ! anchors "$file" | grep -qxF -- "${link#*#}"; then
			wrong "$page links to $link, and $file has no such heading"
		fi
	done < <(grep -oE '\]\([^) ]+\)' "$page" | sed -E 's/^\]\((.*)\)$/\1/')
done

build/sluice help markdown | cmp - docs/configuration.md ||
	wrong "docs/configuration.md is out of date; run: build/sluice help markdown >docs/configuration.md"
# What is code: in blocks, and between backquotes.
awk 'FNR == 1 { inside = 0 }
	/^```/ { inside = !inside; next }
	inside { print; next }
	{ n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print part[i] }' "${documents[@]}" |
	sed -E 's/^# //' >"$room/code"
make help >"$room/targets"
while read -r target; do
	grep -q "^  make $target " "$room/targets" || wrong "make help does not know $target"
done < <(grep -oE '^make [a-z]+' "$room/code" | awk '{ print $2 }' | sort -u)
while read -r command; do
	build/sluice help "$command" >/dev/null 2>&1 || wrong "sluice help does not know $command"
done < <(grep -oE '^sluice [a-z]+' "$room/code" | awk '{ print $2 }' | sort -u)
while read -r counter; do
	grep -q "X(${counter}," include/sluice/ledger.h || wrong "ledger.h does not know $counter"
done < <(grep -ohE '\<(ring_full|no_ring|filtered|refused_[a-z_]*[a-z]|pass_[a-z_]*[a-z])\>' "${documents[@]}" |
	sort -u)
while read -r counter; do
	grep -q "\`$counter\`" docs/operations.md || wrong "docs/operations.md does not explain $counter"
done < <(sed -nE 's/^\tX\(([a-z_0-9]+), ".*/\1/p' include/sluice/ledger.h)

lines=$(wc -l <README.md)
[ "$lines" -le 150 ] || wrong "README.md has $lines lines; 150 are the most"
exit "$status"
