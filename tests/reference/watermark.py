# SPDX-License-Identifier: BSD-2-Clause
"""What is known from outside about one window's watermark: bounds, because ticks come any time.

In: accepted event times by source, sources that fall silent, and settled moments, at which the
agent has certainly ticked. Out: `low` and `high`; the watermark is between them, and equal to both
when they meet. All event times are before the agent's now, so that it never holds the watermark
back, and every source rises again and again, so that none of them is stuck.
"""


class Ambiguous(Exception):
    """What comes next depends on when a tick comes."""


class Watermark:
    def __init__(self, max_disorder_ns, max_lag_ns):
        self.max_disorder_ns = max_disorder_ns
        self.max_lag_ns = max_lag_ns
        self.newest_by_source = {}
        self.silent = set()
        self.low = self.high = 0

    def least(self):
        """Minimum over the live sources that are not set aside, less the disorder. Who is silent is
        no longer waited for, but what is newest is still known of it."""
        live = [t for source, t in self.newest_by_source.items() if source not in self.silent]
        if not live:
            return None
        newest = max(self.newest_by_source.values())
        counted = [t for t in live if newest - t <= self.max_lag_ns]
        if not counted:
            raise Ambiguous     # then the clock moves it
        return min(counted) - self.max_disorder_ns

    def accept(self, source, times):
        self.silent.discard(source)
        self.newest_by_source[source] = max(self.newest_by_source.get(source, 0), *times)
        self.high = max(self.high, self.least())

    def accept_in_any_order(self, times_by_source):
        """Datagrams that raced: no order may be assumed, so only the outer bound holds."""
        for source, times in times_by_source.items():
            self.accept(source, times)
        newest = max(self.newest_by_source.values())
        self.high = max(self.high, newest - self.max_disorder_ns)

    def settle(self):
        least = self.least()
        if least is not None:
            self.high = max(self.high, least)
            self.low = max(self.low, least)

    def advance_with_wall_clock(self, wall_ns):
        """No source is live, and it is at least this late (less the idle timeout)."""
        self.low = max(self.low, wall_ns - self.max_disorder_ns)
        self.high = max(self.high, 1 << 64)

    def has_reached(self, moment):
        """True, False, or None when it depends on the ticks."""
        if self.low >= moment:
            return True
        if self.high < moment:
            return False
        return None
