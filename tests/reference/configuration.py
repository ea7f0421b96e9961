# SPDX-License-Identifier: BSD-2-Clause
"""A random configuration, as the oracle reads it and as the agent's file says it.

In: a random number generator. Out: a dictionary with times in nanoseconds, and YAML (of which JSON
is a part). Sizes need not divide slides, offsets shift, windows read one listener or both.
"""

import json

MS = 1_000_000
LISTENERS = {"edge": 9125, "side": 9126}
ALL_AGGREGATES = ["count", "records", "sum", "min", "max", "avg", "first", "last", "rate"]
# More than any stream here has.
MANY_GROUPS = 2000
# Rules of the description that the agent may still lack; then streams do without what they decide.
HAS_SEQUENCES_BY_SOURCE = True     # a datagram counts once, by whichever listener it came
HAS_GROUPS_BY_WINDOW = True        # max_groups holds for the window, not for each pane
GROUPINGS = ([], ["type"], ["dim0"], ["dim1", "type"], ["source"], ["tenant", "dim0"], ["key"],
             ["dim2", "dim3"], ["source", "type", "dim0", "dim1"])


def random_where(random, pools):
    where = {}
    if random.random() < 0.25:
        where["types"] = random.sample(pools["type"], 2)
    if random.random() < 0.2:
        where["dim0"] = random.sample(pools["dim0"], 2)
    if random.random() < 0.2:
        where["value"] = random.choice(({"min": -10}, {"max": 100}, {"min": 0, "max": 500}))
    return where


def random_aggregates(random):
    aggregates = random.sample(ALL_AGGREGATES, random.randint(1, len(ALL_AGGREGATES)))
    more = ["distinct(key)", "distinct(dim1)", "quantiles(value; 0, 0.5, 0.9, 0.99, 1)",
            "top(key, 5)", "top(type, 2)", "top(dim0, 3)"]
    return ["count", "sum"] + [a for a in aggregates if a not in ("count", "sum")] + [
        a for a in more if random.random() < 0.3]


def random_window(random, index, pools, disorder_ns, has_event_ids):
    kind = random.choice(("tumbling", "sliding", "session"))
    window = {
        "name": f"w{index}", "kind": kind, "group_by": list(random.choice(GROUPINGS)),
        "from": random.choice((["edge"], ["side"], ["edge", "side"], ["edge", "side"])),
        "where": random_where(random, pools), "aggregate": random_aggregates(random),
        "max_disorder_ns": disorder_ns * random.choice((1, 1, 2, 3)),
        "allowed_lateness_ns": random.choice((0, 0, 300, 1000, 4000)) * MS,
        "early_ns": random.choice((0, 0, 0, 100)) * MS,
        "dedup": random.choice(("none", "event_id")) if has_event_ids else "none",
        "late": random.choice(("drop", "keep")),
    }
    if kind == "session":
        window["gap_ns"] = random.choice((1, 20, 75, 200)) * MS
        return window
    size = random.choice((250, 500, 700, 1000, 1300, 3000))
    window["size_ns"] = size * MS
    if kind == "sliding":
        window["slide_ns"] = MS * random.choice(
            [slide for slide in (100, 250, 300, 400, 700, 1000) if slide <= size])
    smallest = window.get("slide_ns", window["size_ns"]) // MS
    window["offset_ns"] = random.choice((0, 0, 1, random.randrange(smallest))) * MS
    return window


def random_configuration(random, now_ns, pools, has_event_ids=True):
    ends_by_clock = random.random() < 0.25
    disorder_ns = random.choice((50, 200, 400)) * MS
    config = {
        "start_by_ns": now_ns + 12000 * MS, "ends_by_clock": ends_by_clock,
        "disorder_ns": disorder_ns,
        "idle_timeout_ns": 3000 * MS, "max_lag_ns": 8000 * MS, "tick_ns": 20 * MS,
        "max_ahead_ns": 10_000 * MS,
        "workers": random.choice((1, 2)),
        "max_groups": MANY_GROUPS if random.random() < 0.85 else random.choice((1, 3, 20)),
        "names": {"types": {pools["type"][0]: "page_view", pools["type"][1]: "click"},
                  "dims": random.choice(([], ["region"], ["region", "device"]))},
        "dropped_types": random.choice(([], [], [pools["type"][-1]])),
    }
    config["windows"] = [random_window(random, i, pools, disorder_ns, has_event_ids)
                         for i in range(6)]
    rename(config)
    return config


def rename(config):
    """Windows call dimensions by their names, where they have some."""
    names = {f"dim{i}": name for i, name in enumerate(config["names"]["dims"])}
    for window in config["windows"]:
        window["group_by"] = [names.get(field, field) for field in window["group_by"]]
        window["where"] = {names.get(k, k): v for k, v in window["where"].items()}
        for dim, name in names.items():
            window["aggregate"] = [a.replace(f"({dim}", f"({name}") for a in window["aggregate"]]


def duration(ns):
    return f"{ns // MS}ms"


def window_yaml(window):
    out = {key: window[key] for key in ("name", "kind", "from", "where", "group_by", "aggregate",
                                        "dedup")}
    for key, value in window.items():
        if key.endswith("_ns") and (value or key == "max_disorder_ns"):
            out[key[:-3]] = duration(value)
    if window["late"] == "keep":
        out["late"] = "keep"
    return out


def yaml(config, state_dir):
    """The agent's file."""
    rules = [{"types": config["dropped_types"], "action": "drop"}]
    return json.dumps({
        "state_dir": state_dir, "durability": "none", "workers": config["workers"],
        "listen": [{"name": name, "interface": "edge0", "port": port, "ring_size": "1MiB"}
                   for name, port in LISTENERS.items()],
        "filter": {"rules": rules if config["dropped_types"] else []},
        "names": config["names"],
        "time": {key: duration(config[f"{key}_ns"])
                 for key in ("max_ahead", "idle_timeout", "max_lag", "tick")},
        "windows": [window_yaml(window) for window in config["windows"]],
        "results_log": {"segment_size": "4MiB", "max_bytes": "16MiB"},
        "limits": {"max_groups": config["max_groups"], "memory": "256MiB"},
        "admin": {"socket": "/run/sluice/sluice.sock"},
    }, indent=1)
