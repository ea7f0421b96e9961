# SPDX-License-Identifier: BSD-2-Clause
"""Compares what the agent answers with what the description of the windows says.

In: the plan as it was sent, the last status of each life in it, the store. Out: the first
differences, and exit 1 when there are any.
"""

import csv
import datetime
import io
import json
import math
import os
import re
import subprocess
import sys

import aggregates
from configuration import HAS_GROUPS_BY_WINDOW, HAS_SEQUENCES_BY_SOURCE, MANY_GROUPS
from oracle import Oracle

DIFFERENCES_SHOWN = 12


def nanoseconds(text):
    """RFC 3339 in UTC with up to nine decimals."""
    whole, decimals = re.fullmatch(r"(.*T.*?)(?:\.(\d+))?Z", text).groups()
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 10 ** 9 + int((decimals or "0").ljust(9, "0"))


def is_same_cell(text, value):
    if value is None:
        return text in ("?", "")
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, float):
        return float(text) == value
    return text == str(value)


def missing_records(row):
    """What is missing that can be counted."""
    return sum(count for name, count in row["missing"].items()
               if name not in ("unattended_ms", "estimated"))


class Judge:
    def __init__(self, plan, state):
        self.plan, self.state, self.config = plan, state, plan["config"]
        self.differences = []
        self.rows = 0
        self.oracles = [Oracle(dict(self.config, start_by_ns=life["start_by_ns"]))
                        for life in plan["lives"]]
        self.has_overflow = self.config["max_groups"] < MANY_GROUPS

    def differ(self, text):
        self.differences.append(text)

    def same(self, what, found, expected):
        if found != expected:
            self.differ(f"{what}: {found}, expected {expected}")

    def run(self):
        for oracle, life in zip(self.oracles, self.plan["lives"]):
            for number, step in enumerate(oracle.run(life["steps"])):
                self.check_watermarks(oracle, number, step)
            self.check_ledger(oracle, life["status"])
            for window, report in zip(oracle.windows, life["status"]["windows"]):
                self.check_window_ledger(window, report)
        for windows in zip(*(oracle.windows for oracle in self.oracles)):
            rows = self.query(windows[0])
            (self.check_totals if self.has_overflow else self.check_rows)(windows, rows)
            self.check_order(windows[0].spec["name"], rows)
            self.check_missing(windows, rows)
            self.check_csv(windows[0], rows)
            self.check_late(windows)
            self.check_since_and_until(windows[0], rows)
            self.check_revisions(windows[0])

    def check_watermarks(self, oracle, number, step):
        for window, shown in zip(oracle.windows, step["shown"]):
            watermark = window.watermark
            if watermark.low and not watermark.low <= shown <= watermark.high:
                self.differ(f"watermark of {window.spec['name']} after step {number}: {shown}, "
                            f"expected {watermark.low} to {watermark.high}")

    # The ledger.

    def check_ledger(self, oracle, status):
        counts = oracle.counts
        ledgers = [listener["ledger"] for listener in status["listeners"]]

        def total(name, unit):
            return sum(ledger[name][unit] for ledger in ledgers)
        refused = [name for name in ledgers[0] if name.startswith("refused")]
        others = [name for name in ledgers[0] if name != "seen"]
        for unit in ("datagrams", "events"):
            self.same(f"outcomes of {unit}", sum(total(name, unit) for name in others),
                      total("seen", unit))
            self.same(f"handed over, {unit}", status["handover"]["consumed"][unit],
                      total("emitted", unit))
        self.same("unaccounted", status["unaccounted"], 0)
        self.same("datagrams seen", total("seen", "datagrams"), counts["datagrams"])
        self.same("refused", sum(total(name, "datagrams") for name in refused), counts["refused"])
        self.same("filtered", (total("filtered", "datagrams"), total("filtered", "events")),
                  (counts["filtered_datagrams"], counts["filtered_events"]))
        self.same("no room", total("ring_full", "datagrams"), 0)
        stream = status["stream"]
        for name in ("accepted", "duplicate", "stale", "future"):
            self.same(f"stream, {name}", stream[name], counts[name])
        self.same("stream, consumed", stream["consumed"], sum(
            stream[name] for name in ("accepted", "dictionary", "duplicate", "stale", "future",
                                      "rejected_record")))

    def check_window_ledger(self, window, report):
        counts = dict(window.counts)
        if self.is_lateness_open(window.spec):
            self.same(f"{window.spec['name']}, late and not",
                      report["late"] + report["aggregated"] + report["overflow"],
                      counts.pop("late") + counts.pop("aggregated"))
        if not HAS_SEQUENCES_BY_SOURCE:
            self.same("duplicates of some windows only", counts.pop("duplicate_datagram"), 0)
        for name, count in counts.items():
            found = report[name] + (report["overflow"] if name == "aggregated" else 0)
            self.same(f"{window.spec['name']}, {name}", found, count)
        if not self.has_overflow:
            self.same(f"{window.spec['name']}, overflow", report["overflow"], 0)

    def is_lateness_open(self, spec):
        """Which session a late event would have joined is forgotten when groups were folded."""
        return self.has_overflow and spec["kind"] == "session"

    # Rows.

    def query_text(self, window, *options):
        found = subprocess.run(
            [os.environ["SLUICE"], "query", "--state", self.state, "--window", window.spec["name"],
             *options], stdout=subprocess.PIPE, check=True)
        return found.stdout.decode()

    def query(self, window, *options):
        lines = self.query_text(window, "--format", "json", *options).splitlines()
        rows = [json.loads(line) for line in lines]
        return [row for row in rows if row.get("group", {}) is not None]

    def text_of(self, field, value):
        if field == "type":
            return self.config["names"]["types"].get(str(value), str(value))
        return str(value)

    def key_of_row(self, row):
        return nanoseconds(row["start"]), nanoseconds(row["end"]), tuple(row["group"].items())

    def expected_rows(self, windows):
        """Events by row, of all lives, and the lives that had the row."""
        expected, lives = {}, {}
        for window in windows:
            for (start, end, group), events in window.shape.rows.items():
                texts = [self.text_of(f, value) for f, value in zip(window.group_by, group)]
                key = (start, end, tuple(zip(window.spec["group_by"], texts)))
                expected[key] = expected.get(key, []) + events
                lives.setdefault(key, []).append(window)
        self.rows += len(expected)
        return expected, lives

    def check_order(self, name, rows):
        places = [self.key_of_row(row)[:2] for row in rows]
        if places != sorted(places):
            self.differ(f"{name}: rows are out of order")

    def check_since_and_until(self, window, rows):
        """From the first quarter to the third: what starts there, and nothing else."""
        if rows:
            since, until = (rows[len(rows) * part // 4]["start"] for part in (1, 3))
            wanted = [row for row in rows
                      if nanoseconds(since) <= nanoseconds(row["start"]) < nanoseconds(until)]
            found = self.query(window, "--since", since, "--until", until) if wanted else []
            self.same(f"{window.spec['name']} from {since} until {until}", found, wanted)

    def check_csv(self, window, rows):
        """The same rows in the same order, with one column a field."""
        text = self.query_text(window, "--format", "csv")
        found = [line for line in csv.DictReader(io.StringIO(text, newline=""))
                 if line["merged"] != "0"]
        self.same(f"{window.spec['name']}: lines of csv", len(found), len(rows))
        for line, row in zip(found, rows):
            flat = {**row, **row["group"],
                    **{f"missing_{name}": count for name, count in row["missing"].items()},
                    **{f"{name}_id": number for name, number in row["group_id"].items()}}
            for name in ("start", "end", "count", "sum", "completeness", *row["group"]):
                if name not in line:
                    self.differ(f"{window.spec['name']}: no column {name}: {line}")
            for name in line.keys() & flat.keys():
                if not is_same_cell(line[name], flat[name]):
                    self.differ(f"{window.spec['name']}: csv says {name} {line[name]} of {row}")

    def check_missing(self, windows, rows):
        """Nothing was shed here; what cannot be missing is not; and the share follows from it."""
        name = windows[0].spec["name"]
        for row in rows:
            missing, share = row["missing"], row["completeness"]
            if missing["shed"] or missing["ring_full"]:
                self.differ(f"{name}: nothing of that is missing: {row}")
            # An event may come too late for some instances of a window that slides, and in time
            # for the others: then it is not late.
            if missing["late"] and windows[0].spec["kind"] != "sliding" and \
                    not any(window.counts["late"] for window in windows):
                self.differ(f"{name}: nothing was late: {row}")
            if share is None and missing["unattended_ms"]:
                continue
            if share is None or not 0 <= share <= 1 or (
                    share == 1) != (missing_records(row) == 0):
                self.differ(f"{name}: completeness of {row}")

    def check_late(self, windows):
        """Exactly what was late is kept, where that is asked for."""
        spec, name = windows[0].spec, windows[0].spec["name"]
        wanted = [event for window in windows for event in window.late]
        if spec["late"] != "keep":
            wanted = []
        elif self.is_lateness_open(spec):
            return
        found = [(nanoseconds(e["time"]), e["value"], (int(e["fields"]["source"]),
                  e["source_epoch"], e["sequence"], e["index"]))
                 for e in self.query(windows[0], "--late")]
        expected = [(e["t"], e["value"], e["identity"]) for e in wanted]
        if sorted(found) != sorted(expected):
            self.differ(f"{name}: {len(found)} late events are kept, {len(expected)} expected: "
                        f"{sorted(set(found) ^ set(expected))[:5]}")

    def check_rows(self, windows, rows):
        name, found = windows[0].spec["name"], {}
        expected, lives = self.expected_rows(windows)
        for row in rows:
            if self.key_of_row(row) in found:
                self.differ(f"{name}: printed twice: {row}")
            found[self.key_of_row(row)] = row
        for key in sorted(expected.keys() - found.keys()):
            self.differ(f"{name}: missing {key}: {len(expected[key])} events")
        for key in sorted(found.keys() - expected.keys()):
            self.differ(f"{name}: unexpected {found[key]}")
        for key in sorted(expected.keys() & found.keys()):
            self.check_row(windows[0], key, found[key], expected[key])
            if len(lives[key]) == 1:
                self.check_final(lives[key][0], key, found[key])

    def groups_max(self, spec):
        """Of the window, whichever panes they are in."""
        panes = 1
        if spec["kind"] == "sliding" and not HAS_GROUPS_BY_WINDOW:
            panes = spec["size_ns"] // math.gcd(spec["size_ns"], spec["slide_ns"])
        return self.config["max_groups"] * panes

    def check_totals(self, windows, rows):
        """With more groups than there is room for, what is left exact: the sums over all groups."""
        name, truth, found = windows[0].spec["name"], {}, {}
        expected, _ = self.expected_rows(windows)
        is_session = windows[0].spec["kind"] == "session"
        groups_max = self.groups_max(windows[0].spec)
        for (start, end, _), events in expected.items():
            truth.setdefault(None if is_session else (start, end), []).extend(events)
        for row in rows:
            key = self.key_of_row(row)
            found.setdefault(None if is_session else key[:2], []).append(row)
            if not is_session and key in expected and (
                    row["count"] > aggregates.count(expected[key])):
                self.differ(f"{name}: more than there is: {row}")
        if not is_session:
            self.same(f"{name}: windows", sorted(found), sorted(truth))
        for place in truth.keys() & found.keys():
            whole = aggregates.count(truth[place])
            total = sum(row["count"] for row in found[place])
            if is_session:
                self.same(f"{name}: more than there is", max(total, whole), whole)
            else:
                self.same(f"{name}: count of {place}", total, whole)
            if not is_session and len(found[place]) > (groups_max + 1) * len(windows):
                self.differ(f"{name}: {len(found[place])} groups in {place}")

    def check_row(self, window, key, row, events):
        name, (start, end, _) = window.spec["name"], key
        missing, share = missing_records(row), row["completeness"]
        # The last of its 15 decimals is rounded down.
        least = len(events) / (len(events) + missing) * (1 - 1e-12) - 1e-15
        if share is not None and share < least:
            self.differ(f"{name}: {len(events)} events are more than the share says: {row}")
        for aggregate in window.spec["aggregate"]:
            if not aggregates.check(aggregate, row, events, end - start,
                                    lambda n: window.names.get(n, n), self.text_of):
                first = [(e["t"], e["value"], e["weight"], e["identity"]) for e in events[:20]]
                self.differ(f"{name}: {aggregate} of {key} in {row}: events {first}")

    def check_final(self, window, key, row):
        name, end = window.spec["name"], key[1]
        is_final = window.watermark.has_reached(
            window.shape.closes_at(end) + window.spec["allowed_lateness_ns"])
        if is_final is not None and row["final"] != is_final:
            self.differ(f"{name}: final of {key} is {row['final']}, expected {is_final}: {row}")
        if row["retracted"] or row["early"]:
            self.differ(f"{name}: not a last revision: {row}")

    def check_revisions(self, window):
        """Each once; the counts of a row never fall, unless it is a session."""
        by_key = {}
        for row in self.query(window, "--all-revisions"):
            if not row["early"]:
                by_key.setdefault((row["epoch"], *self.key_of_row(row)), []).append(row)
        for key, rows in by_key.items():
            rows.sort(key=lambda row: row["revision"])
            numbers = [row["revision"] for row in rows]
            if len(set(numbers)) != len(numbers) or numbers[0] < 0:
                self.differ(f"{window.spec['name']}: revisions of {key} are {numbers}")
            if window.spec["kind"] != "session":
                counts = [row["count"] for row in rows]
                if counts != sorted(counts):
                    self.differ(f"{window.spec['name']}: counts of {key} fall: {counts}")


def main(plan_path, state):
    with open(plan_path, encoding="ascii") as file:
        judge = Judge(json.load(file), state)
    judge.run()
    for difference in judge.differences[:DIFFERENCES_SHOWN]:
        print(difference)
    datagrams, accepted = (sum(oracle.counts[name] for oracle in judge.oracles)
                           for name in ("datagrams", "accepted"))
    print(f"{len(judge.differences)} differences; {datagrams} datagrams, "
          f"{accepted} events accepted, {judge.rows} rows")
    sys.exit(1 if judge.differences else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
