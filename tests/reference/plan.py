# SPDX-License-Identifier: BSD-2-Clause
"""Random streams whose result the description decides, whenever ticks come and however CPUs race.

In: a seed and the time. Out: a configuration, and for each life of the agent on one store its
steps: datagrams to send, silences, waits. Every datagram is shown to the oracle first; those whose
fate would depend on the moment of a tick are left out.
"""

import json
import random as random_numbers
import sys
import time

from configuration import (HAS_SEQUENCES_BY_SOURCE, LISTENERS, MS, random_configuration,
                           yaml)
from oracle import Ambiguous, Oracle
from wire import event_time_ns

U16, U32, U64 = (1 << 16) - 1, (1 << 32) - 1, (1 << 64) - 1
VALUES = (0, 1, -1, 7, 100, 101, -10, -11, (1 << 63) - 1, -(1 << 63), 1 << 40)
LIES = ({"magic": 0x31434C54}, {"version": 2}, {"flags": 0x10}, {"event_count": 0},
        {"event_size": 36}, {"event_size": 24}, {"extra_bytes": 1}, {"extra_bytes": -8},
        {"event_size": 264}, {"event_count": 46})
# Leaves room for two extension headers in a frame.
DATAGRAM_BYTES_MAX = 1432
PATHS = ("ipv4", "ipv4", "ipv6", "ipv6_hop", "ipv6_destination", "ipv6_both", "vlan", "vlans",
         "options")
# From the latest start of a first life to that of the second.
SECOND_LIFE_NS = 15_000 * MS
# All events are over when the agent starts: its clock never holds a watermark back.
SPAN_NS, OVER_NS = 40_000 * MS, 20_000 * MS


def make_pools(random):
    return {
        "key": [0, 1, U64] + [random.getrandbits(64) for _ in range(random.choice((3, 40, 700)))],
        "type": [1, 2, U16, 0, 9],
        "dim0": [0, 1, 2, U32], "dim1": list(range(random.choice((2, 9)))),
        "dim2": [0, 5], "dim3": [0, U32], "tenant": [0, 3],
    }


class Planner:
    def __init__(self, seed, now_ns, has_event_ids):
        self.random = random_numbers.Random(seed)
        self.pools = make_pools(self.random)
        self.config = random_configuration(self.random, now_ns, self.pools, has_event_ids)
        self.has_extreme_values = self.random.random() < 0.3
        self.lives, self.deck = [], []
        self.end_ns = now_ns - OVER_NS
        self.begin_life(self.config["start_by_ns"], self.end_ns - SPAN_NS)
        self.sources = [self.new_source(i) for i in range(self.random.randint(2, 5))]

    def begin_life(self, start_by_ns, start_ns):
        """The agent starts anew, by that time: nothing that was open is known to it."""
        self.oracle = Oracle(dict(self.config, start_by_ns=start_by_ns))
        self.start_ns = start_ns + self.random.randrange(1000 * MS)
        self.steps, self.sent = [], []
        self.lives.append({"start_by_ns": start_by_ns, "steps": self.steps})

    def new_source(self, index):
        sequence = self.random.choice((0, 0, self.random.getrandbits(40), U64 - 3000))
        return {
            "id": self.random.choice((index, self.random.getrandbits(64))), "sequence": sequence,
            "epoch": self.random.getrandbits(32), "head": self.start_ns,
            "listener": "edge" if index < 2 else self.random.choice(list(LISTENERS)),
            "event_size": self.random.choice((32, 32, 40, 48, 56, 256)),
        }

    # Events and datagrams.

    def value(self):
        if self.has_extreme_values and self.random.random() < 0.5:
            return self.random.choice(VALUES)
        return self.random.randint(-50, 1000)

    def event(self):
        event = {name: self.random.choice(pool) for name, pool in self.pools.items()}
        event.update(value=self.value(), weight=self.random.choice((0, 0, 1, 3, U16)),
                     event_id=self.random.choice((0, self.random.getrandbits(64))))
        return event

    def datagram(self, source, times):
        """One datagram of the source with an event at each of the times, to the microsecond."""
        room = (DATAGRAM_BYTES_MAX - 40) // source["event_size"]
        times = times[:room]
        base = min(times)
        datagram = {
            "listener": source["listener"], "source": source["id"], "epoch": source["epoch"],
            "sequence": source["sequence"], "tenant": self.random.choice(self.pools["tenant"]),
            "event_size": source["event_size"], "base_time_ns": base, "events": [],
            "path": self.random.choice(PATHS),
        }
        for t in times:
            event = self.event()
            event.pop("tenant")
            event["time_offset_us"] = max(0, t - base) // 1000
            datagram["events"].append(event)
        return datagram

    def send(self, step, source, datagram):
        """Unless its fate is open."""
        if not self.oracle.is_certain(datagram):
            return False
        self.oracle.take(datagram)
        step["datagrams"].append(datagram)
        self.sent.append(datagram)
        if datagram["sequence"] == source["sequence"]:
            source["sequence"] += self.random.choice((1, 1, 1, 1, 2, 40))
        return True

    def settle(self, step):
        """Ends a step: all live sources say something, then the agent is given time."""
        for source in self.live:
            self.beat(step, source)
        self.add_step(step)

    def beat(self, step, source):
        """A sign of life: one event, newer than all before, of a type that no rule drops."""
        if source["head"] <= source.get("risen", 0):
            source["head"] = source["risen"] + 1000
        source["risen"] = source["head"]
        datagram = self.datagram(source, [source["head"]])
        for event in datagram["events"]:
            event["type"] = self.pools["type"][0]
        if not self.send(step, source, datagram):
            raise Ambiguous

    def add_step(self, step):
        self.oracle.settle()
        step["watermarks"] = [[w.watermark.low, w.watermark.high] for w in self.oracle.windows]
        self.steps.append(step)

    def edge_near(self, t):
        """A moment at or beside a window's edge, not after t."""
        spec = self.random.choice(self.config["windows"])
        period = spec.get("slide_ns") or spec.get("size_ns") or spec["gap_ns"]
        edge = t - (t - spec.get("offset_ns", 0)) % period
        return edge + self.random.choice((0, -1, -1000, 0)) if edge < t else edge

    def times_before(self, head, back_ns):
        """Up to some twenty moments before the head, some on edges, some a gap apart."""
        times = []
        for _ in range(self.random.choice((1, 2, 5, 20))):
            t = head - self.random.randrange(back_ns + 1)
            chance = self.random.random()
            if chance < 0.2:
                t = self.edge_near(t)
            elif chance < 0.4 and times:
                gaps = [spec["gap_ns"] for spec in self.config["windows"] if "gap_ns" in spec]
                t = times[-1] - self.random.choice(gaps or [MS]) - self.random.choice((0, 0, 1000))
            times.append(t)
        return times

    # Steps.

    def flow(self):
        """Sources advance each at its own pace; the slowest live one holds windows open."""
        step = {"do": "send", "datagrams": []}
        for _ in range(self.random.randint(10, 60)):
            source = self.random.choice(self.live)
            slowest = min(s["head"] for s in self.live)
            head = min(source["head"] + self.random.randrange(200 * MS), slowest + 2500 * MS,
                       self.end_ns)
            head = max(head, source["head"])
            times = self.times_before(head, self.config["disorder_ns"])
            if self.random.random() < 0.5:
                times.append(head)
            if self.send(step, source, self.datagram(source, times)):
                self.raise_head(source)
            if self.random.random() < 0.15:
                self.resend(step)
        self.settle(step)

    def raise_head(self, source):
        clocks = [w.watermark.newest_by_source for w in self.oracle.readers(self.sent[-1])]
        known = [clock[source["id"]] for clock in clocks if source["id"] in clock]
        source["head"] = max(known + [source["head"]])

    def resend(self, step):
        """The same datagram, maybe by another way; its sequence with other content; or its events
        under a new one."""
        old = self.random.choice(self.sent[-40:])
        source = next(s for s in self.sources if s["id"] == old["source"])
        if source not in self.live or old.get("lie"):
            return
        kind = self.random.choice(("same", "other", "new", "way"))
        if old["epoch"] != source["epoch"]:
            kind = "same"
        if kind == "same":
            new = dict(old)
        elif kind == "way":
            new = dict(old, listener=self.random.choice(list(LISTENERS)))
            # Where it is new it would start a clock of its own, which nobody keeps going.
            if not HAS_SEQUENCES_BY_SOURCE or "accepted" in self.oracle.verdicts(new).values():
                return
        elif kind == "other":
            new = dict(self.datagram(source, [source["head"]]), sequence=old["sequence"])
        else:
            new = dict(old, sequence=source["sequence"])
        self.send(step, source, new)

    def race(self):
        """Two flows at once from two CPUs: any order must give the same."""
        newest = max(s["head"] for s in self.live)
        flows = ([], [])
        span = self.config["disorder_ns"] - 1
        for i in range(self.random.randint(20, 120)):
            source = self.random.choice(self.live)
            count = self.random.randint(1, 20)
            times = [newest + self.random.randrange(span) for _ in range(count)]
            datagram = self.datagram(source, times)
            source["sequence"] += 1
            flows[self.sources.index(source) % 2].append(datagram)
        if newest + span > self.end_ns:
            return
        self.oracle.take_racing(flows[0] + flows[1])
        for datagram in flows[0] + flows[1]:
            source = next(s for s in self.sources if s["id"] == datagram["source"])
            source["head"] = max([source["head"]] + [event_time_ns(datagram, e)
                                                     for e in datagram["events"]])
        self.add_step({"do": "race", "flows": flows})
        self.settle({"do": "send", "datagrams": []})

    def late(self):
        """Behind the watermark: corrected, too late, and exactly on the limits."""
        step = {"do": "send", "datagrams": []}
        for _ in range(self.random.randint(5, 30)):
            window = self.random.choice(self.oracle.windows)
            limit = window.watermark.low - window.spec["allowed_lateness_ns"]
            source = self.random.choice(self.live)
            if limit < self.start_ns - 20_000 * MS:
                continue
            times = [max(1, limit + self.random.choice((0, -1, 1, 1000)) + self.random.choice(
                         (0, 1, -1)) * self.random.randrange(1500 * MS))
                     for _ in range(self.random.randint(1, 4))]
            times = [t for t in times if t <= source["head"]]
            if times:
                self.send(step, source, self.datagram(source, times))
        self.settle(step)

    def jump(self):
        """All advance at once; by more than max_lag all but one, which is set aside then."""
        by_ns = self.random.choice((1000, 3000, 9000, 9000)) * MS
        stays = self.random.choice(self.live) if len(self.live) > 2 else None
        step = {"do": "send", "datagrams": []}
        limit = stays["head"] + self.config["max_lag_ns"] + self.random.choice((0, 0, 1000)) \
            if stays and by_ns > self.config["max_lag_ns"] else None
        for source in self.live:
            head = limit or source["head"] + by_ns
            if source is not stays and source["head"] <= head <= self.end_ns:
                source["head"] = head
                self.beat(step, source)
        self.add_step(step)
        self.settle({"do": "send", "datagrams": []})

    def align(self):
        """All clocks stop where a window's watermark stands exactly on an edge, or on its limit."""
        spec = self.random.choice(self.config["windows"])
        newest = max(source["head"] for source in self.live)
        period = spec.get("slide_ns") or spec.get("size_ns") or spec["gap_ns"]
        ahead = spec["max_disorder_ns"] + self.random.choice((0, spec["allowed_lateness_ns"]))
        edge = newest - ahead
        edge += period - (edge - spec.get("size_ns", 0) - spec.get("offset_ns", 0)) % period
        if spec["kind"] == "session":
            ends = [end for window in self.oracle.windows if window.spec is spec
                    for _, end, _ in window.shape.rows if end + ahead >= newest]
            edge = min(ends, default=edge)
        if edge + ahead <= self.end_ns:
            for source in self.live:
                source["head"] = edge + ahead
        self.settle({"do": "send", "datagrams": []})
        self.late()

    def future(self):
        """A clock that is wrong by an hour must not close anything."""
        step = {"do": "send", "datagrams": []}
        for _ in range(self.random.randint(1, 5)):
            source = self.random.choice(self.live)
            ahead = self.start_ns + self.random.choice((3_600_000, 200_000)) * MS
            times = [ahead] * self.random.randint(1, 3)
            times += [source["head"]] * self.random.randint(0, 2)
            self.send(step, source, self.datagram(source, times))
        self.settle(step)

    def stale(self):
        """Sequence numbers around the end of the window of 8192, below a high one."""
        step = {"do": "send", "datagrams": []}
        source = self.random.choice(self.live)
        top = min(source["sequence"] + 9000, U64 - 1000)
        for sequence in (top, top - 8191, top - 8192, top - 8193, top - 8191, top - 1, top):
            if sequence >= 0:
                datagram = dict(self.datagram(source, [source["head"]]), sequence=sequence)
                self.send(step, source, datagram)
        source["sequence"] = top + 1
        self.settle(step)

    def reborn(self):
        """A source that lost its sequence: a new epoch, numbers from zero."""
        source = self.random.choice(self.live)
        source["epoch"] = (source["epoch"] + 1) & U32
        source["sequence"] = 0
        step = {"do": "send", "datagrams": []}
        self.beat(step, source)
        for _ in range(3):
            self.resend(step)
        self.settle(step)

    def broken(self):
        step = {"do": "send", "datagrams": []}
        for lie in self.random.sample(LIES, 4):
            source = self.random.choice(self.live)
            datagram = self.datagram(source, [source["head"]] * 2)
            self.send(step, source, dict(datagram, lie=lie, sequence=0))
        self.settle(step)

    def fall_silent(self):
        """One source says nothing for longer than the idle timeout; the others go on."""
        heads = [source["head"] for source in self.live]
        if len(heads) < 2 or max(heads) - min(heads) > self.config["max_lag_ns"]:
            return
        source = self.random.choice(self.live)
        self.live.remove(source)
        step = {"do": "silence", "sources": [source["id"]], "datagrams": [],
                "beats": 4, "every_ns": 850 * MS}
        for _ in range(step["beats"]):
            for other in self.live:
                self.beat(step, other)
        self.oracle.silence(step["sources"])
        self.add_step(step)
        if self.random.random() < 0.5:
            self.live.append(source)
            source["head"] = max(s["head"] for s in self.live)
            self.settle({"do": "send", "datagrams": []})

    def draw(self):
        """The next kind of step, from a shuffled deck that has all of them."""
        if not self.deck:
            self.deck = [self.flow] * 4 + [self.late, self.race, self.align, self.jump] * 2 + [
                self.future, self.stale, self.reborn, self.broken, self.fall_silent]
            self.random.shuffle(self.deck)
        return self.deck.pop()

    def live_on(self, steps):
        self.live = list(self.sources)
        for source in self.sources:
            source["head"] = self.start_ns
        self.settle({"do": "send", "datagrams": []})
        self.flow()
        for _ in range(steps):
            self.draw()()

    def end(self):
        """Most windows close, by the clock or by events; or the agent is stopped with them open."""
        if self.config["ends_by_clock"]:
            self.steps.append({"do": "wall"})
        elif self.random.random() < 0.7:
            for source in self.live:
                source["head"] = self.end_ns + 9000 * MS
            self.settle({"do": "send", "datagrams": []})

    def make(self):
        has_second_life = not self.config["ends_by_clock"] and self.random.random() < 0.25
        self.live_on(self.random.randint(2, 4) if has_second_life else self.random.randint(5, 11))
        if has_second_life:
            newest = max(source["head"] for source in self.sources)
            self.begin_life(self.config["start_by_ns"] + SECOND_LIFE_NS, newest)
            self.live_on(self.random.randint(1, 3))
        self.end()
        return {"config": self.config, "lives": self.lives}


def make_plan(seed, now_ns, has_event_ids=True):
    """The first of the seed's variations that is decided to its end."""
    for variation in range(50):
        try:
            return Planner(f"{seed}.{variation}", now_ns, has_event_ids).make()
        except Ambiguous:
            continue
    raise RuntimeError(f"seed {seed} makes no stream that is decided")


def main(seed, plan_path, yaml_path, state):
    plan = make_plan(seed, time.time_ns())
    with open(plan_path, "w", encoding="ascii") as file:
        json.dump(plan, file)
    with open(yaml_path, "w", encoding="ascii") as file:
        file.write(yaml(plan["config"], state))


if __name__ == "__main__":
    main(*sys.argv[1:])
