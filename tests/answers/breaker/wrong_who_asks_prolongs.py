"""Begins its time anew whenever somebody asks.

refused by: an open one waits for its time, they do not come back together, a probe that says nothing has failed
misconception:
"""

from itertools import count


class Breaker:
    def __init__(self, policy, clock, rng):
        self.policy, self.clock, self.rng = policy, clock, rng
        self.numbers = count(1)
        self.counting = set()  # the tickets whose results count; in half-open the probe's
        self.failures = 0  # in a row
        self.until = None  # seconds: a probe may go from then on; None while it is closed
        self.silent = None  # seconds: the probe has failed then, if it has said nothing

    def allow(self):
        now = self._now()
        if self.until is not None:
            if self.counting:
                return None
            if now < self.until:
                self.until = now + self.policy["seconds"]
                return None
            self.silent = now + self.policy["patience"]
        ticket = next(self.numbers)
        self.counting.add(ticket)
        return ticket

    def succeeded(self, ticket):
        self._now()
        if ticket in self.counting:
            self.counting.remove(ticket)
            self.failures = 0
            self.until = None

    def failed(self, ticket):
        now = self._now()
        if ticket in self.counting:
            self.counting.remove(ticket)
            self.failures += 1
            if self.until is not None or self.failures >= self.policy["failures"]:
                self._open(now)

    def _now(self):
        """The time; a probe that has been silent for too long has failed by then."""
        now = self.clock.now()
        if self.until is not None and self.counting and now >= self.silent:
            self._open(self.silent)
        return now

    def _open(self, moment):
        self.counting.clear()  # what was let through before says nothing about later
        self.failures = 0
        self.until = moment + self.policy["seconds"] + self.policy["spread"] * self.rng.random()
