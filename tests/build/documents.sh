#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# README and ARCHITECTURE say what is true: the configuration shown is valid, the files and make targets
# and commands named exist, README is no longer than a newcomer reads.
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

sed -n '/^```yaml$/,/^```$/p' README.md | sed '/^```/d' >"$room/sluice.yaml"
[ -s "$room/sluice.yaml" ] || wrong "README.md shows no configuration"
build/sluice check -c "$room/sluice.yaml" >"$room/check" 2>&1 || wrong "$(cat "$room/check")"

# Paths in backquotes or links, with a wildcard at most; build/ is made, x stands for any name.
grep -ohE '[`(](\.ci|bpf|deploy|include|tests|tools|user|vmlinux)/[A-Za-z0-9_./*-]*' README.md ARCHITECTURE.md \
	CHANGELOG.md CONTRIBUTING.md SECURITY.md |
	cut -c 2- | sort -u | while read -r path; do
	case $path in
	*x.c | *_x.* | */x.sh) continue ;;
	esac
	compgen -G "$path" >/dev/null || echo "$path"
done >"$room/missing"
[ ! -s "$room/missing" ] || wrong "named, but not there: $(xargs <"$room/missing")"

documents=(README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md SECURITY.md)
build/sluice help markdown | cmp - docs/configuration.md ||
	wrong "docs/configuration.md is out of date; run: build/sluice help markdown >docs/configuration.md"
make help >"$room/targets"
while read -r target; do
	grep -q "^  make $target " "$room/targets" || wrong "make help does not know $target"
done < <(grep -ohE '(^#|`) ?make [a-z]+' "${documents[@]}" | awk '{ print $NF }' | sort -u)
while read -r command; do
	build/sluice help "$command" >/dev/null 2>&1 || wrong "sluice help does not know $command"
done < <(grep -ohE '(^# |`|\()sluice [a-z]+' "${documents[@]}" | awk '{ print $NF }' | sort -u)
while read -r counter; do
	grep -q "X(${counter}," include/sluice/ledger.h || wrong "ledger.h does not know $counter"
done < <(grep -ohE '\<(ring_full|no_ring|filtered|refused_[a-z_]*[a-z])\>' "${documents[@]}" | sort -u)

lines=$(wc -l <README.md)
[ "$lines" -le 150 ] || wrong "README.md has $lines lines; 150 are the most"
exit "$status"
