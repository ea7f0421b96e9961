# SPDX-License-Identifier: BSD-2-Clause
"""Sends events whose truth is known while the agent, its interfaces and its senders get into
trouble, then asks the rows. Inside the network of the test (tests/e2e/honesty.sh).

In: a seed; the work folder; how many times through all kinds of trouble; kinds, or all. Exit 1 when
a row says 1.0 and misses events, holds more than was sent, or is absent without a word, or when
what nothing disturbed does not say 1.0.
"""

import collections
import json
import os
import random as random_numbers
import signal
import subprocess
import sys
import time

from honesty_judge import WINDOWS, Judge, yaml
from honesty_stream import Stream

SHOWN = 6
# Long enough for the oldest source to be idle, and for the longest window.
IDLE_S, END_S = 5, 13
CONFIG = """state_dir: {work}/state
durability: none
workers: {workers}
listen:
  - {{name: edge, interface: edge0, port: 9125, ring_size: 256KiB}}
  - {{name: side, interface: side0, port: 9126, ring_size: 256KiB}}
time: {{max_ahead: 2s, idle_timeout: {idle}s, max_lag: 10s, tick: 20ms}}
windows:
{windows}
limits: {{memory: 256MiB}}
results_log: {{segment_size: 4MiB, max_bytes: 64MiB}}
admin: {{socket: /run/sluice/sluice.sock}}
"""


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def link_up(name, address, peer, peer_address):
    """A pair of interfaces as the first one was made, with neighbours that are known."""
    run("ip", "link", "add", name, "type", "veth", "peer", "name", peer, "netns", "sender")
    run("ip", "addr", "add", f"{address}/24", "dev", name)
    run("ip", "-n", "sender", "addr", "add", f"{peer_address}/24", "dev", peer)
    run("ip", "link", "set", name, "up")
    run("ip", "-n", "sender", "link", "set", peer, "up")
    know_neighbour(name, address, peer)


def know_neighbour(name, address, peer):
    with open(f"/sys/class/net/{name}/address", encoding="ascii") as file:
        mac = file.read().strip()
    run("ip", "-n", "sender", "neigh", "replace", address, "lladdr", mac, "dev", peer, "nud",
        "permanent")


class Agent:
    def __init__(self, work):
        self.work, self.starts = work, 0
        self.process = None

    def start(self):
        self.starts += 1
        path = f"{self.work}/agent-{self.starts}.log"
        with open(path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [os.environ["SLUICE"], "run", "-c", f"{self.work}/c.yaml"], stderr=log, stdout=log)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            with open(path, encoding="utf-8") as log:
                if "msg=ready" in log.read():
                    return
            time.sleep(0.02)
        with open(path, encoding="utf-8") as log:
            sys.exit(f"the agent did not start: {log.read()[-600:]}")

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(30)

    def lost_in_rings(self):
        found = subprocess.run([os.environ["SLUICE"], "status", "--json"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, check=False)
        try:
            listeners = json.loads(found.stdout)["listeners"]
        except (ValueError, KeyError):
            return None
        return sum(listener["ledger"]["ring_full"]["datagrams"] for listener in listeners)


class Trouble:
    """One method a kind; each returns when it is over."""

    def __init__(self, random, agent, stream):
        self.random, self.agent, self.stream = random, agent, stream
        self.links = (("edge0", "10.8.0.1", "wire0", "10.8.0.2"),
                      ("side0", "10.9.0.1", "wire1", "10.9.0.2"))

    def kill(self):
        self.agent.end(signal.SIGKILL)
        time.sleep(self.random.choice((0, 0.3, 1.5)))
        self.agent.start()

    def restart(self):
        self.agent.end(signal.SIGTERM)
        time.sleep(self.random.choice((0, 0, 0.3, 1)))
        self.agent.start()

    def freeze(self):
        self.agent.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.choice((0.3, 1, 2.5)))
        self.agent.process.send_signal(signal.SIGCONT)

    def full(self):
        self.agent.process.send_signal(signal.SIGSTOP)
        self.stream.flood(3000)
        time.sleep(0.3)
        self.agent.process.send_signal(signal.SIGCONT)

    def full_and_kill(self):
        self.agent.end(signal.SIGKILL)
        self.stream.flood(3000)
        self.agent.start()

    def down(self):
        name, address, peer, _ = self.random.choice(self.links)
        run("ip", "link", "set", name, "down")
        time.sleep(self.random.choice((0.2, 1)))
        run("ip", "link", "set", name, "up")
        know_neighbour(name, address, peer)

    def remake(self):
        link = self.random.choice(self.links)
        run("ip", "link", "del", link[0])
        time.sleep(self.random.choice((0, 0.5)))
        link_up(*link)
        time.sleep(1)

    def detach(self):
        """The program is taken off under the agent, by its pinned link."""
        name = self.random.choice(self.links)[0]
        found = [os.path.join(folder, file) for folder, _, files in os.walk("/sys/fs/bpf")
                 for file in files if "link" in file and name in file]
        run("bpftool", "link", "detach", "pinned", found[0])
        time.sleep(1)

    def switch(self, name, seconds):
        self.stream.on.add(name)
        time.sleep(seconds)
        self.stream.on.discard(name)

    def skip(self):
        self.switch("skip", 1)

    def late(self):
        self.switch("late", 1)

    def future(self):
        self.switch("future", 1)

    def lag(self):
        self.stream.lag_ns = self.random.choice((1, 3, 6, 14)) * 10**9
        self.switch("lag", 1.5)

    # These must leave no trace in any row.

    def repeat(self):
        self.switch("repeat", 1)

    def disorder(self):
        self.switch("disorder", 1.5)

    def fast(self):
        self.switch("fast", 1.5)


KINDS = ("kill", "restart", "freeze", "full", "full_and_kill", "down", "remake", "detach", "skip",
         "late", "future", "lag", "repeat", "disorder", "fast")
HARMLESS = {"repeat", "disorder", "fast"}


class Story:
    def __init__(self, seed, work):
        self.random = random_numbers.Random(seed)
        self.agent, self.stream = Agent(work), Stream(random_numbers.Random(seed + 1))
        self.trouble = Trouble(self.random, self.agent, self.stream)
        self.troubles, self.lost = [(time.time_ns(), time.time_ns(), "begin")], 0

    def rest(self, seconds):
        """Nothing is done; what the rings lose on a busy machine is trouble all the same."""
        until = time.time() + seconds
        while time.time() < until:
            before = time.time_ns()
            time.sleep(0.25)
            lost = self.agent.lost_in_rings()
            if lost != self.lost:
                self.troubles.append((before - 10**9, time.time_ns(), "busy"))
            self.lost = lost

    def do(self, kind):
        before = time.time_ns()
        getattr(self.trouble, kind)()
        if kind not in HARMLESS:
            self.troubles.append((before, time.time_ns(), kind))
        self.lost = self.agent.lost_in_rings()

    def tell(self, rounds, kinds):
        self.agent.start()
        self.stream.start()
        try:
            self.rest(3)
            for _ in range(rounds):
                deck = list(kinds)
                self.random.shuffle(deck)
                pause = self.random.randrange(len(deck))
                for place, kind in enumerate(deck):
                    print("+", kind, flush=True)
                    self.do(kind)
                    self.rest(9 if place == pause else self.random.choice((0.3, 0.8, 1.5)))
            self.rest(2)
        finally:
            self.stream.stop()
        end_ns = time.time_ns()
        time.sleep(END_S)
        self.agent.end(signal.SIGTERM)
        return end_ns


def main(seed, work, rounds="1", kinds=""):
    windows = "\n".join(f"  - {yaml(window)}" for window in WINDOWS)
    with open(f"{work}/c.yaml", "w", encoding="ascii") as file:
        file.write(CONFIG.format(work=work, windows=windows, idle=IDLE_S,
                                 workers=1 + int(seed) % 2))
    story = Story(int(seed), work)
    kinds = kinds.split(",") if kinds else KINDS
    try:
        end_ns = story.tell(int(rounds), kinds)
    finally:
        if story.agent.process and story.agent.process.poll() is None:
            story.agent.end(signal.SIGKILL)
    judge = Judge(story.stream, story.troubles, end_ns, f"{work}/state")
    is_honest = judge.run()
    for kind, found in judge.found.items():
        windows = collections.Counter(text.split(" ", 1)[0] for text in found)
        if found:
            print(f"{kind}: {len(found)} {dict(windows)}")
        for text in found[:SHOWN]:
            print(f"  {text}")
    print(f"seed {seed}: {len(story.stream.events)} events in {judge.rows} rows: {judge.exact} say "
          f"1.0 and hold all, {judge.modest} hold all and do not say so; " +
          ", ".join(f"{len(found)} {kind}" for kind, found in judge.found.items()))
    sys.exit(0 if is_honest else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
