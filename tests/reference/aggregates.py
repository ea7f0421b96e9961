# SPDX-License-Identifier: BSD-2-Clause
"""What each aggregate of a list of events may print.

In: the name of an aggregate, the printed row, its events and length. Out: whether it may be so.
Exact ones must be equal; sketches must keep their stated error.
"""

import math
import re
from fractions import Fraction

I64_MIN, I64_MAX = -(1 << 63), (1 << 63) - 1
DISTINCT_EXACT_MAX = 256
# Five standard errors of 2^12 registers.
DISTINCT_ERROR = 5 * 1.04 / math.sqrt(1 << 12)
QUANTILE_ERROR = 0.011


def weighted_sum(events):
    return sum(e["value"] * e["weight"] for e in events)


def count(events):
    return sum(e["weight"] for e in events)


def same_float(found, exact):
    return abs(Fraction(found) - exact) <= abs(exact) * Fraction(1, 10 ** 12)


def check_exact(name, row, events, length_ns):
    found = row[name]
    if name == "avg":
        return same_float(found, Fraction(weighted_sum(events), count(events)))
    if name == "rate":
        return same_float(found, Fraction(count(events) * 10 ** 9, length_ns))
    if name in ("first", "last"):
        # Ties are decided by identity; which of two identities is the lesser is not said.
        edge = (min if name == "first" else max)(e["t"] for e in events)
        return found in [e["value"] for e in events if e["t"] == edge]
    values = [e["value"] for e in events]
    return found == {
        "count": lambda: count(events), "records": lambda: len(events),
        "sum": lambda: min(max(weighted_sum(events), I64_MIN), I64_MAX),
        "min": lambda: min(values), "max": lambda: max(values),
    }[name]()


def check_distinct(found, values):
    exact = len(set(values))
    if exact <= DISTINCT_EXACT_MAX:
        return found == {"value": exact, "exact": True}
    return not found["exact"] and abs(found["value"] - exact) <= DISTINCT_ERROR * exact


def value_at(pairs, rank):
    for value, weight in pairs:
        if rank < weight:
            return value
        rank -= weight
    return pairs[-1][0]


def check_quantile(quantile, found, events):
    """Between the values around the rank, each widened by the stated error."""
    pairs = sorted((e["value"], e["weight"]) for e in events)
    total = count(events)
    rank = quantile * total
    ranks = (max(math.floor(rank) - 1, 0), min(math.ceil(rank), total - 1))
    low, high = (value_at(pairs, r) for r in ranks)
    return low - abs(low) * QUANTILE_ERROR <= found <= high + abs(high) * QUANTILE_ERROR


def check_top(found, k, field, events, names):
    totals = {}
    for event in events:
        text = names(field, event[field])
        totals[text] = totals.get(text, 0) + event["weight"]
    if len(found) != min(k, len(totals)) or len({one["key"] for one in found}) != len(found):
        return False
    for one in found:
        if not one["count"] - one["error"] <= totals.get(one["key"], 0) <= one["count"]:
            return False
    if len(totals) > 8 * k:
        return True
    most = sorted(totals.values(), reverse=True)[:k]
    return [one["count"] for one in found] == most and all(not one["error"] for one in found)


def check(name, row, events, length_ns, field_of, names):
    """field_of turns a configured name into a field; names turns a field's value into its text."""
    call = re.fullmatch(r"(\w+)\((\w+)(?:[,;] *(.*))?\)", name)
    if not call:
        return check_exact(name, row, events, length_ns)
    kind, argument, rest = call.groups()
    field = field_of(argument)
    if kind == "distinct":
        return check_distinct(row["distinct"][argument], [e[field] for e in events])
    if kind == "quantiles":
        printed = row["quantiles"][argument]
        return len(printed) == len(rest.split(",")) and all(
            check_quantile(Fraction(q), value, events) for q, value in printed.items())
    return check_top(row["top"][argument], int(rest), field, events, names)
