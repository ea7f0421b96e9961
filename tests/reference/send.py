# SPDX-License-Identifier: BSD-2-Clause
"""Sends the steps of one life of a plan, and waits after each until the agent has taken all in.

In: the plan, inside of the sender's network. Out: the plan, with the watermarks that the agent
showed after each step. Exit 75 when this machine stalled so long that a source may seem idle.
"""

import json
import os
import socket
import subprocess
import sys
import time

from configuration import LISTENERS
from wire import encode, frame, frame_ipv6

TRY_AGAIN = 75
STATUS_POLL_S = 0.02
# After the watermark shows: time to close windows and to write their rows.
SETTLE_S = 0.15
HOP_BY_HOP, DESTINATION = 0, 60
IPV6_HEADERS = {"ipv6_hop": (HOP_BY_HOP,), "ipv6_destination": (DESTINATION,),
                "ipv6_both": (HOP_BY_HOP, DESTINATION)}


class Wire:
    """The ways a datagram can take to 10.8.0.1."""

    def __init__(self, to_mac):
        self.to_mac = bytes.fromhex(to_mac.replace(":", ""))
        self.ipv4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ipv6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.raw.bind(("wire0", 0))
        self.from_mac = self.raw.getsockname()[4]

    def send(self, datagram):
        payload, port = encode(datagram), LISTENERS[datagram["listener"]]
        path = datagram["path"]
        if path == "ipv4":
            self.ipv4.sendto(payload, ("10.8.0.1", port))
        elif path == "ipv6":
            self.ipv6.sendto(payload, ("fd08::1", port))
        elif path in IPV6_HEADERS:
            self.raw.send(frame_ipv6(payload, self.to_mac, self.from_mac, port,
                                     IPV6_HEADERS[path]))
        else:
            vlans = {"vlan": (7,), "vlans": (7, 8)}.get(path, ())
            options = b"\1\1\1\0" if path == "options" else b""
            self.raw.send(frame(payload, self.to_mac, self.from_mac, port, vlans, options))


def status():
    """Exit status 1 is an answer too: the plans lose things on purpose."""
    found = subprocess.run([os.environ["SLUICE"], "status", "--json"], stdout=subprocess.PIPE,
                           check=False)
    if found.returncode not in (0, 1):
        raise SystemExit(f"sluice status: exit status {found.returncode}")
    return json.loads(found.stdout)


def wait_for(condition, seconds):
    """The last status, when the condition holds or the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        report = status()
        if condition(report) or time.monotonic() > deadline:
            return report
        time.sleep(STATUS_POLL_S)


def is_at_rest(report, sent):
    handover = report["handover"]
    return (sum(listener["ledger"]["seen"]["datagrams"] for listener in report["listeners"]) == sent
            and handover["waiting_in_rings"]["datagrams"] == 0
            and handover["emitted"] == handover["consumed"])


def watermarks(report):
    return [window.get("watermark_ns", 0) for window in report["windows"]]


def send_all(wire, datagrams, cpu):
    os.sched_setaffinity(0, {cpu})
    for datagram in datagrams:
        wire.send(datagram)


def send_flows(wire, flows):
    """Each from a CPU of its own, at the same time."""
    children = []
    for number, flow in enumerate(flows):
        child = os.fork()
        if child == 0:
            send_all(wire, flow, number % os.cpu_count())
            os._exit(0)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1] != 0:
            sys.exit("a flow could not be sent")


def send_beats(wire, step, cpu):
    count = len(step["datagrams"]) // step["beats"]
    for beat in range(step["beats"]):
        send_all(wire, step["datagrams"][beat * count:(beat + 1) * count], cpu)
        time.sleep(step["every_ns"] / 1e9)


def wait_for_the_clock(idle_ns):
    """Until all sources are idle and time has passed by itself."""
    time.sleep(idle_ns / 1e9 + 0.5)
    return time.time_ns() - 200_000_000


def run_step(wire, step, number, idle_ns):
    cpu = number % os.cpu_count()
    if step["do"] == "race":
        send_flows(wire, step["flows"])
    elif step["do"] == "silence":
        send_beats(wire, step, cpu)
    elif step["do"] == "wall":
        step["passed_ns"] = wait_for_the_clock(idle_ns)
    else:
        send_all(wire, step["datagrams"], cpu)


def main(plan_path, life_number, to_mac):
    with open(plan_path, encoding="ascii") as file:
        plan = json.load(file)
    life = plan["lives"][int(life_number)]
    wire, sent = Wire(to_mac), 0
    if time.time_ns() > life["start_by_ns"]:
        sys.exit(TRY_AGAIN)
    last_beat = time.monotonic()
    for number, step in enumerate(life["steps"]):
        run_step(wire, step, number, plan["config"]["idle_timeout_ns"])
        sent += len(step.get("datagrams", ())) + sum(len(flow) for flow in step.get("flows", ()))
        now = time.monotonic()
        silent_s = now - last_beat - (step.get("beats", 1) - 1) * step.get("every_ns", 0) / 1e9
        if step["do"] != "wall" and silent_s > plan["config"]["idle_timeout_ns"] / 1e9 * 0.8:
            sys.exit(TRY_AGAIN)
        if step["do"] != "race":
            last_beat = now
        wait_for(lambda report: is_at_rest(report, sent), 5)
        expected = [low for low, high in step.get("watermarks", ())]
        report = wait_for(lambda report: all(
            found >= low for found, low in zip(watermarks(report), expected)), 2)
        step["shown"] = watermarks(report)
        time.sleep(SETTLE_S)
    life["status"] = status()
    with open(plan_path, "w", encoding="ascii") as file:
        json.dump(plan, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
