#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tools/plot-bench: what it draws is well-formed XML, each bar is as long as its median, what was not
# measured is left out, and a file that is none is refused. The charts in docs/img are those of
# docs/bench.json, the figures that the documents show.
set -eu
cd "$(dirname "$0")/../.."
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

cat >"$room/bench.json" <<'END'
{"machine": {"cpu": "A <fast> CPU & more", "kernel": "6.1", "date": "2026-01-02T03:04:05Z", "commit": "abc"},
 "results": [
  {"name": "e2e_44_10k", "metric": "events_per_second", "median": 80e6, "runs": [79e6, 80e6, 81e6]},
  {"name": "e2e_44_1m", "metric": "events_per_second", "median": 20e6, "runs": [20e6]},
  {"name": "e2e_1_10k", "metric": "datagrams_per_second", "median": 0, "runs": [0]},
  {"name": "idle", "metric": "cpu_share", "median": 0.005, "runs": [0.005]}]}
END
tools/plot-bench "$room/bench.json" "$room" 2>"$room/said"
grep -q 'bench-groups.svg: nothing of it was measured' "$room/said"
[ ! -e "$room/bench-groups.svg" ]
python3 - "$room/bench-end-to-end.svg" <<'END'
import sys
import xml.etree.ElementTree as tree

SVG = "{http://www.w3.org/2000/svg}"
root = tree.parse(sys.argv[1]).getroot()
widths = [float(bar.get("width")) for bar in root.iter(SVG + "rect")]
texts = [text.text for text in root.iter(SVG + "text")]
assert len(widths) == 3, widths
assert widths[0] == 4 * widths[1] and widths[2] == 0, widths
assert [text for text in texts if text in ("80 M", "20 M", "0")] == ["80 M", "20 M", "0"], texts
assert texts[-1] == "A <fast> CPU & more, Linux 6.1, 2026-01-02, abc", texts
right = float(root.get("width"))
for bar in root.iter(SVG + "rect"):
    assert float(bar.get("x")) + float(bar.get("width")) < right
END

for bad in '{}' '{"machine": {}, "results": [{}]}' '[]' 'no JSON'; do
	echo "$bad" >"$room/bad.json"
	if tools/plot-bench "$room/bad.json" "$room/none" 2>"$room/said" || ! grep -q 'plot-bench: ' "$room/said"; then
		echo "not refused: $bad"
		exit 1
	fi
done
[ ! -e "$room/none" ]

tools/plot-bench docs/bench.json "$room/img"
for chart in "$room"/img/*.svg; do
	cmp "$chart" "docs/img/${chart##*/}" || { echo "run: tools/plot-bench docs/bench.json"; exit 1; }
done
