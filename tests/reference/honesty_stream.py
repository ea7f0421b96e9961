# SPDX-License-Identifier: BSD-2-Clause
"""Senders whose every event is remembered, whatever becomes of it on the way.

In: a random number generator, and which troubles are on. Out: datagrams, from a thread of its own
in the sender's network, and `events`: what was said, once each, with the listener it went to.
"""

import ctypes
import os
import socket
import threading
import time

from wire import encode

MS = 1_000_000
CLONE_NEWNET = 0x40000000
ADDRESSES = {"edge": ("10.8.0.1", 9125), "side": ("10.9.0.1", 9126)}
# By which listener each source comes; the last one by both in turn.
WAYS = {1: "edge", 2: "edge", 3: "side", 4: "side", 5: None}
LAGGING, FAST = 4, 3
EVENTS, PAUSE_S = 6, 0.02
DISORDER_NS, LATENESS_NS, MAX_AHEAD_NS = 500 * MS, 1000 * MS, 2000 * MS


class Stream:
    def __init__(self, random):
        self.random = random
        self.events = []        # (t, type, dim0, key, value, weight, listener)
        self.moments = []       # event times that are missing somewhere for their time
        self.on = set()         # troubles that are on
        self.lag_ns = 0
        self.sequences = dict.fromkeys(WAYS, 0)
        self.kept = []          # datagrams that come again later
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.failure = None

    def run(self):
        try:
            with open("/run/netns/sender", encoding="ascii") as network:
                if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            while not self.stopped.is_set():
                with self.lock:
                    self.send_round()
                time.sleep(PAUSE_S)
        except Exception as failure:  # pylint: disable=broad-except # told by who judges
            self.failure = failure

    def send_round(self):
        for source in WAYS:
            for _ in range(self.random.choice((1, 1, 2))):
                self.send_one(source)
        while self.kept and self.random.random() < 0.5:
            self.put(*self.kept.pop(self.random.randrange(len(self.kept))))

    def time_of(self, source):
        """When an event happened, as its sender says."""
        now, random = time.time_ns(), self.random
        t = now - random.randrange(300 * MS)
        if "late" in self.on and random.random() < 0.2:
            t = now - random.randrange(2000 * MS, 9000 * MS)
        if "future" in self.on and random.random() < 0.2:
            t = now + random.randrange(MAX_AHEAD_NS + 1000 * MS, MAX_AHEAD_NS + 3000 * MS)
        if "disorder" in self.on and source % 2:
            t = now - random.randrange(DISORDER_NS + LATENESS_NS - 500 * MS)
        if "fast" in self.on and source == FAST:
            t = now + random.randrange(MAX_AHEAD_NS - 500 * MS)
        if "lag" in self.on and source == LAGGING:
            t -= self.lag_ns
        if abs(t - now) > 1200 * MS and t < now or t > now + MAX_AHEAD_NS:
            self.moments.append(t)
        return t

    def new_datagram(self, source, listener):
        times = [self.time_of(source) for _ in range(EVENTS)]
        base = min(times)
        datagram = {"listener": listener, "source": source, "epoch": 7, "tenant": 0,
                    "sequence": self.sequences[source], "event_size": 32, "base_time_ns": base,
                    "events": []}
        for t in times:
            offset_us = (t - base) // 1000
            t = base + offset_us * 1000
            event = {"key": source * 1000 + t // (2000 * MS) % 1000,
                     "value": self.random.randint(-20, 100), "type": self.random.choice((1, 2, 3)),
                     "weight": self.random.choice((1, 1, 3)), "dim0": self.random.randrange(3),
                     "dim1": source, "time_offset_us": offset_us}
            datagram["events"].append(event)
            self.events.append((t, event["type"], event["dim0"], event["dim1"], event["key"],
                                event["value"], event["weight"], listener))
        self.sequences[source] += 1
        return datagram

    def send_one(self, source):
        listener = WAYS[source] or self.random.choice(("edge", "side"))
        datagram = self.new_datagram(source, listener)
        if "skip" in self.on and self.random.random() < 0.3:
            return
        self.put(datagram, listener)
        if "repeat" in self.on and self.random.random() < 0.5:
            self.put(datagram, listener)
            self.kept.append((datagram, listener))
        if WAYS[source] is None and self.random.random() < 0.3:
            self.put(datagram, "edge" if listener == "side" else "side")

    def put(self, datagram, listener):
        try:
            self.socket.sendto(encode(datagram), ADDRESSES[listener])
        except OSError:
            pass        # no way there at the moment: lost, as any datagram can be

    def flood(self, datagrams):
        """More than the rings take while nobody reads them."""
        with self.lock:
            for _ in range(datagrams):
                self.send_one(1)

    def mark(self):
        """The place in `events` up to here."""
        return len(self.events)

    def start(self):
        self.thread.start()

    def stop(self):
        self.stopped.set()
        self.thread.join()
        if self.failure:
            raise self.failure
