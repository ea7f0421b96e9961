# SPDX-License-Identifier: BSD-2-Clause
"""Whether rows keep what they promise.

In: the events that were sent, the times of trouble, the rows as the agent prints them. Out: lies (a
row that says 1.0 and misses events), rows with more than was sent, windows that are absent without
a word, and wolves (a row that nothing disturbed and that does not say 1.0).
"""

import collections
import json
import os
import subprocess

from honesty_stream import DISORDER_NS, LATENESS_NS, MS
from judge import nanoseconds

SECOND = 1000 * MS
# Beyond a window's own length: disorder, lateness, the tick.
PAD_NS = DISORDER_NS + LATENESS_NS + 500 * MS
FIELDS = ("t", "type", "dim0", "dim1", "key", "value", "weight", "listener")

WINDOWS = [
    {"name": "each", "kind": "tumbling", "size": SECOND, "by": "type", "early": "300ms"},
    {"name": "five", "kind": "tumbling", "size": 5 * SECOND, "by": "dim0"},
    {"name": "twos", "kind": "tumbling", "size": 2 * SECOND, "by": "type",
     "where": {"types": [2]}, "takes": lambda e: e["type"] == 2},
    {"name": "high", "kind": "tumbling", "size": SECOND, "by": "dim1",
     "where": {"value": {"min": 50}}, "takes": lambda e: e["value"] >= 50},
    {"name": "slides", "kind": "sliding", "size": 4 * SECOND, "slide": SECOND, "by": "type"},
    {"name": "edges", "kind": "tumbling", "size": SECOND, "by": "dim0", "from": "edge",
     "where": {"dim1": [1, 2]}, "takes": lambda e: e["dim1"] in (1, 2)},
    {"name": "bursts", "kind": "session", "gap": 400 * MS, "by": "key", "late": "keep"},
]


def yaml(window):
    """The window as the agent's configuration says it (JSON is YAML)."""
    out = {"name": window["name"], "kind": window["kind"], "group_by": [window["by"]],
           "aggregate": ["count", "records", "sum"], "max_disorder": f"{DISORDER_NS // MS}ms",
           "allowed_lateness": f"{LATENESS_NS // MS}ms", "from": [window["from"]]
           if "from" in window else ["edge", "side"]}
    for key in ("size", "slide", "gap"):
        if key in window:
            out[key] = f"{window[key] // MS}ms"
    for key in ("where", "early", "late"):
        if key in window:
            out[key] = window[key]
    return json.dumps(out)


class Truth:
    """What one window would hold of all that was sent."""

    def __init__(self, window, events):
        self.window = window
        takes = window.get("takes", lambda event: True)
        self.events = [e for e in (dict(zip(FIELDS, e)) for e in events) if takes(e)]
        self.length = window.get("size", 2 * SECOND + window.get("gap", 0))
        self.by_group = collections.defaultdict(list)
        for event in self.events:
            self.by_group[str(event[window["by"]])].append(event)
        for events_of_group in self.by_group.values():
            events_of_group.sort(key=lambda event: event["t"])

    def instances(self):
        """(start, group) to events, for windows whose intervals are known beforehand."""
        slide, found = self.window.get("slide", self.window["size"]), {}
        for event in self.events:
            start = event["t"] - event["t"] % slide
            while start > event["t"] - self.window["size"]:
                key = (start, str(event[self.window["by"]]))
                found.setdefault(key, []).append(event)
                start -= slide
        return found

    def within(self, group, first, last):
        return [e for e in self.by_group.get(group, ()) if first <= e["t"] <= last]


class Row:
    def __init__(self, printed, window):
        self.start, self.end = nanoseconds(printed["start"]), nanoseconds(printed["end"])
        group = printed.get("group_id") or printed.get("group")
        self.group = str(group[window["by"]]) if group else None
        self.completeness = printed.get("completeness")
        self.printed = printed

    def is_modest(self):
        return self.completeness != 1


def query(window, state):
    found = subprocess.run(
        [os.environ["SLUICE"], "query", "--state", state, "--window", window["name"],
         "--format", "json"], stdout=subprocess.PIPE, check=False)
    if found.returncode not in (0, 1):
        raise RuntimeError(f"query of {window['name']}: exit status {found.returncode}")
    return [Row(json.loads(line), window) for line in found.stdout.decode().splitlines()]


class Judge:
    def __init__(self, stream, troubles, end_ns, state):
        self.stream, self.troubles, self.end_ns, self.state = stream, troubles, end_ns, state
        self.found = {"lies": [], "more": [], "absent": [], "wolves": []}
        self.exact = self.modest = self.rows = 0

    def is_quiet(self, truth, start, end):
        """Nothing was done near the interval, nor says an event of it that it comes too late."""
        pad = truth.length + PAD_NS
        return not self.troubles_of(start - pad, end + pad) and \
            not any(start <= t < end for t in self.moments)

    def troubles_of(self, start, end):
        return [kind for at, to, kind in self.troubles[1:] if start < to and at < end]

    def tell(self, found, window, start, end, text):
        seconds = [f"{(t - self.troubles[0][0]) / SECOND:+.2f}" for t in (start, end)]
        near = ",".join(self.troubles_of(start - PAD_NS, end + PAD_NS)) or "nothing"
        self.found[found].append(f"{window['name']} {'..'.join(seconds)} {text}; near: {near}")

    def tell_row(self, found, window, row, wanted):
        printed = row.printed
        text = " ".join(f"{name}={printed.get(name)}" for name in (
            "records", "count", "sum", "completeness", "missing", "final", "epoch"))
        self.tell(found, window, row.start, row.end,
                  f"group {row.group}: {len(wanted)} were sent, the row says {text}")

    def judge_row(self, truth, row, wanted):
        window, records = truth.window, row.printed["records"]
        self.rows += 1
        if records > len(wanted):
            self.tell_row("more", window, row, wanted)
        elif records == len(wanted):
            sums = (sum(e["weight"] for e in wanted), sum(e["weight"] * e["value"] for e in wanted))
            if sums != (row.printed["count"], row.printed["sum"]):
                self.tell_row("more", window, row, wanted)
            self.exact += not row.is_modest()
            self.modest += row.is_modest()
        elif not row.is_modest():
            self.tell_row("lies", window, row, wanted)
        if row.is_modest() and self.is_quiet(truth, row.start, row.end):
            self.tell_row("wolves", window, row, wanted)

    def judge_fixed(self, truth, rows):
        window, size = truth.window, truth.window["size"]
        wanted = truth.instances()
        by_key = {(row.start, row.group): row for row in rows if row.group is not None}
        said = collections.defaultdict(list)
        for row in rows:
            said[row.start].append(row)
        for row in by_key.values():
            self.judge_row(truth, row, wanted.get((row.start, row.group), []))
        for (start, group), events in wanted.items():
            lines = said[start]
            if (start, group) not in by_key and start + size < self.end_ns and (
                    not lines or not all(row.is_modest() for row in lines)):
                self.tell("absent", window, start, start + size,
                          f"group {group}: {len(events)} were sent; lines {len(lines)}")

    def judge_session(self, truth, rows):
        gap = truth.window["gap"]
        modest = [(row.start, row.end) for row in rows if row.is_modest()]
        for row in rows:
            if row.group is not None:
                wanted = truth.within(row.group, row.start, row.end - gap)
                self.judge_row(truth, row, wanted)
        held = collections.defaultdict(list)
        for row in rows:
            held[row.group].append((row.start, row.end))
        for group, events in truth.by_group.items():
            for event in events:
                t = event["t"]
                if t + gap < self.end_ns and not any(
                        start <= t < end for start, end in held[group]) and not any(
                        start < t + gap and t < end for start, end in modest):
                    self.tell("absent", truth.window, t, t + gap, f"group {group}: one event")

    def run(self):
        self.moments = sorted(self.stream.moments)
        for window in WINDOWS:
            truth, rows = Truth(window, self.stream.events), query(window, self.state)
            (self.judge_session if window["kind"] == "session" else self.judge_fixed)(truth, rows)
        return not any(self.found.values())
