#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The demo as a stranger sees it: it ends well, fits 80 columns and a screen for each part, finds every row
# equal, and after the kill says what is not known any more. timeout-seconds: 120
set -u
cd "$(dirname "$0")/../.." || exit 1
[ "$(id -u)" -eq 0 ] || { echo "skipped: the demo needs root" && exit 77; }
command -v jq >/dev/null || { echo "skipped: jq is not installed" && exit 77; }
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
failed=0

wrong() {
	echo "FAILED: $*"
	failed=1
}

NO_COLOR=1 tools/demo >"$out" 2>&1 || wrong "the demo ended with $?"
awk '{ gsub(/[\200-\277]/, "") } length > 80' "$out" | grep . && wrong "lines wider than 80 columns"
grep -q '^  Yes: [0-9]* of [0-9]* rows are equal' "$out" || wrong "no word of equal rows"
sed -n '/^3\. /,/^4\. /p' "$out" | grep -q 'partial ?$' || wrong "no row says that the kill made it partial"
for line in 'arrived for this listener' 'lost: no room in a ring' 'handed to the agent'; do
	grep -q "^  $line  *[0-9]" "$out" || wrong "the ledger has no line: $line"
done
grep -q '^  unaccounted  *0$' "$out" || wrong "the ledger does not balance"
grep -q '^  user [0-9]' "$out" || wrong "the question has no answer"
[ "$(wc -l <"$out")" -le 70 ] || wrong "more than 70 lines"
[ "$failed" -eq 0 ] || cat "$out"
exit "$failed"
