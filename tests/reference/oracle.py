# SPDX-License-Identifier: BSD-2-Clause
"""The window semantics, taken literally and slowly.

In: the configuration, then datagrams in the order they were sent, silences and settled moments.
Out: for each window its rows, each with the list of its events, and the counts of the ledger.
An event whose fate depends on when a tick came raises Ambiguous before anything is changed, so that
whoever plans a stream can leave it out.
"""

import copy

from watermark import Ambiguous, Watermark
from wire import event_time_ns

WINDOW_OF_SEQUENCES = 8192
FIELDS_FROM_SIZE = {"event_id": 40, "dim2": 48, "dim3": 48}


def decided(answer):
    if answer is None:
        raise Ambiguous
    return answer


class Sequences:
    """Datagrams of one source and epoch that were seen, by their last 8192 numbers."""

    def __init__(self):
        self.highest = -1
        self.seen = set()

    def judge(self, sequence):
        if sequence <= self.highest - WINDOW_OF_SEQUENCES:
            return "stale"
        return "duplicate" if sequence in self.seen else "accepted"

    def add(self, sequence):
        self.seen.add(sequence)
        self.highest = max(self.highest, sequence)


def is_selected(where, names, event):
    for field, wanted in where.items():
        if field == "types":
            if event["type"] not in wanted:
                return False
        elif field == "value":
            if not wanted.get("min", -1 << 63) <= event["value"] <= wanted.get("max", 1 << 63):
                return False
        elif event[names.get(field, field)] not in wanted:
            return False
    return True


class FixedWindow:
    """Tumbling and sliding: every [k * slide + offset, … + size) that holds the event's time."""

    def __init__(self, spec):
        self.size = spec["size_ns"]
        self.slide = spec.get("slide_ns", self.size)
        self.offset = spec.get("offset_ns", 0)
        self.lateness = spec["allowed_lateness_ns"]
        self.rows = {}

    def closes_at(self, end):
        return end

    def starts(self, t):
        start = t - (t - self.offset) % self.slide
        while start > t - self.size:
            yield start
            start -= self.slide

    def judge(self, watermark, group, event):
        return [start for start in self.starts(event["t"])
                if not decided(watermark.has_reached(start + self.size + self.lateness))]

    def add(self, starts, group, event):
        for start in starts:
            self.rows.setdefault((start, start + self.size, group), []).append(event)


class SessionWindow:
    """Per group; times that differ by at most the gap belong together while their state is kept.

    An event at the very end of a session still belongs to it, and is in time when the watermark
    stands there too: so a session closes one nanosecond behind its end.
    """

    def __init__(self, spec):
        self.gap = spec["gap_ns"]
        self.lateness = spec["allowed_lateness_ns"]
        self.forgets_ids = spec["dedup"] == "event_id"
        self.rows = {}
        self.by_group = {}

    def is_freed(self, watermark, last):
        return decided(watermark.has_reached(self.closes_at(last + self.gap) + self.lateness))

    def closes_at(self, end):
        return end + 1

    def judge(self, watermark, group, event):
        t = event["t"]
        near = [row for row in self.by_group.get(group, ())
                if row[0] - self.gap <= t <= row[1]]
        near = [row for row in near if not self.is_freed(watermark, row[1] - self.gap)]
        if near and self.forgets_ids and event["event_id"] and self.is_freed(watermark, t):
            raise Ambiguous     # how long ids are remembered while a session goes on is not said
        if near or not self.is_freed(watermark, t):
            return [near]
        return []

    def add(self, near, group, event):
        rows = near[0]
        start = min([event["t"]] + [row[0] for row in rows])
        end = max([event["t"] + self.gap] + [row[1] for row in rows])
        events = [event]
        for row in rows:
            events += self.rows.pop((*row, group))
            self.by_group[group].remove(row)
        self.rows[(start, end, group)] = events
        self.by_group.setdefault(group, []).append((start, end))


class Window:
    """One configured window: selection, groups, event ids, its watermark and its rows."""

    def __init__(self, spec, config):
        self.spec = spec
        self.names = {name: f"dim{i}" for i, name in enumerate(config["names"]["dims"])}
        self.group_by = [self.names.get(name, name) for name in spec["group_by"]]
        self.watermark = Watermark(spec["max_disorder_ns"], config["max_lag_ns"])
        self.shape = (SessionWindow if spec["kind"] == "session" else FixedWindow)(spec)
        self.memory = tuple(sorted(spec["from"]))
        self.ids = set()
        self.late = []
        self.counts = dict.fromkeys(("unselected", "aggregated", "duplicate_id", "late",
                                     "duplicate_datagram"), 0)

    def reads(self, listener):
        return listener in self.spec["from"]

    def judge(self, event):
        """The outcome, and where it goes; changes nothing."""
        if not is_selected(self.spec["where"], self.names, event):
            return "unselected", None, None
        group = tuple(event[field] for field in self.group_by)
        places = self.shape.judge(self.watermark, group, event)
        if not places:
            return "late", None, None
        if self.spec["dedup"] == "event_id" and event["event_id"] in self.ids:
            return "duplicate_id", None, None
        return "aggregated", places, group

    def take(self, event):
        outcome, places, group = self.judge(event)
        self.counts[outcome] += 1
        if outcome == "late":
            self.late.append(event)
        if outcome == "aggregated":
            if event["event_id"]:
                self.ids.add(event["event_id"])
            self.shape.add(places, group, event)


class Oracle:
    def __init__(self, config):
        self.config = config
        self.windows = [Window(spec, config) for spec in config["windows"]]
        self.sequences = {}
        self.counts = dict.fromkeys(("datagrams", "events", "refused", "filtered_datagrams",
                                     "filtered_events", "duplicate", "stale", "future",
                                     "accepted"), 0)

    def events_of(self, datagram):
        """What the engine sees: records that no rule drops, fields that the record has."""
        events = []
        for index, record in enumerate(datagram["events"]):
            if record["type"] in self.config["dropped_types"]:
                continue
            event = dict(record, t=event_time_ns(datagram, record), source=datagram["source"],
                         tenant=datagram["tenant"], weight=record["weight"] or 1,
                         identity=(datagram["source"], datagram["epoch"], datagram["sequence"],
                                   index))
            for field, size in FIELDS_FROM_SIZE.items():
                if datagram["event_size"] < size:
                    event[field] = 0
            events.append(event)
        return events

    def is_future(self, event):
        """Far from the limit on either side, else nobody outside can tell."""
        ahead = event["t"] - self.config["start_by_ns"] - self.config["max_ahead_ns"]
        if ahead > 60_000_000_000:
            return True
        if ahead < -5_000_000_000:
            return False
        raise Ambiguous

    def numbers(self, memory, datagram):
        key = (memory, datagram["source"], datagram["epoch"])
        return self.sequences.setdefault(key, Sequences())

    def verdicts(self, datagram):
        """What each memory says; one for each set of listeners that some window reads."""
        return {memory: self.numbers(memory, datagram).judge(datagram["sequence"])
                for memory in {window.memory for window in self.windows}
                if datagram["listener"] in memory}

    def accepted_of(self, datagram, is_trial):
        """The events that are let in and the memories that take them, with everything before the
        windows counted."""
        counts = dict.fromkeys(self.counts, 0)
        counts.update(datagrams=1, events=len(datagram["events"]))
        events, takers = [], set()
        if datagram.get("lie"):
            counts["refused"] = 1
        else:
            left = self.events_of(datagram)
            counts["filtered_events"] = len(datagram["events"]) - len(left)
            counts["filtered_datagrams"] = 0 if left else 1
            if left:
                events, takers = self.judge_left(datagram, left, counts)
        if not is_trial:
            for name, count in counts.items():
                self.counts[name] += count
            # What was refused as a whole for its time has not used its sequence up.
            for memory in takers if events else ():
                self.numbers(memory, datagram).add(datagram["sequence"])
        return events, takers

    def judge_left(self, datagram, left, counts):
        verdicts = self.verdicts(datagram)
        takers = {memory for memory, verdict in verdicts.items() if verdict == "accepted"}
        if verdicts and not takers:
            is_known = "duplicate" in verdicts.values()
            counts["duplicate" if is_known else "stale"] += len(left)
            return [], takers
        events = [event for event in left if not self.is_future(event)]
        counts["future"] = len(left) - len(events)
        counts["accepted"] = len(events)
        return events, takers

    def readers(self, datagram):
        return [window for window in self.windows if window.reads(datagram["listener"])]

    def is_certain(self, datagram):
        """Whether the fate of every event of it is decided, if it came now and in order."""
        try:
            events, takers = self.accepted_of(datagram, is_trial=True)
            for window in self.readers(datagram) if events else ():
                trial = copy.copy(window)
                trial.watermark = copy.deepcopy(window.watermark)
                trial.watermark.accept(datagram["source"], [event["t"] for event in events])
                for event in events if window.memory in takers else ():
                    trial.judge(event)
        except Ambiguous:
            return False
        return True

    def take(self, datagram):
        events, takers = self.accepted_of(datagram, is_trial=False)
        if events:
            self.give(datagram, events, takers)

    def give(self, datagram, events, takers):
        for window in self.windows:
            if not window.reads(datagram["listener"]):
                window.counts["unselected"] += len(events)
                continue
            window.watermark.accept(datagram["source"], [event["t"] for event in events])
            if window.memory not in takers:
                window.counts["duplicate_datagram"] += len(events)
                continue
            for event in events:
                window.take(event)

    def take_racing(self, datagrams):
        """Datagrams of several flows, sent at once. Raises Ambiguous when their order matters."""
        accepted = [(d, self.accepted_of(d, is_trial=False)[0]) for d in datagrams]
        for window in self.windows:
            times = {}
            for datagram, events in accepted:
                if window.reads(datagram["listener"]) and events:
                    times.setdefault(datagram["source"], []).extend(e["t"] for e in events)
            if times:
                window.watermark.accept_in_any_order(times)
        for window in self.windows:
            for datagram, events in accepted:
                if not window.reads(datagram["listener"]):
                    window.counts["unselected"] += len(events)
                    continue
                for event in events:
                    if decided(window.watermark.has_reached(event["t"])):
                        raise Ambiguous
                    window.take(event)

    def silence(self, sources):
        for window in self.windows:
            window.watermark.silent.update(sources)

    def settle(self):
        for window in self.windows:
            window.watermark.settle()

    def run(self, steps):
        for step in steps:
            for datagram in step.get("datagrams", ()):
                self.take(datagram)
            if step["do"] == "race":
                self.take_racing([d for flow in step["flows"] for d in flow])
            if step["do"] == "silence":
                self.silence(step["sources"])
            self.settle()
            if step["do"] == "wall":
                for window in self.windows:
                    window.watermark.advance_with_wall_clock(
                        step["passed_ns"] - self.config["idle_timeout_ns"])
            yield step
