"""A state with a name, and a probe of its own."""


class Breaker:
    def __init__(self, policy, clock, rng):
        self.policy = policy
        self.clock = clock
        self.rng = rng
        self.given = 0
        self.close()

    def close(self):
        self.state = "closed"
        self.row = 0
        self.first = self.given + 1  # tickets from before do not count
        self.reported = set()
        self.probe = None

    def open(self, moment):
        self.state = "open"
        self.probe = None
        self.until = moment + self.policy["seconds"]
        self.until += self.rng.uniform(0, self.policy["spread"])

    def look(self):
        now = self.clock.now()
        if self.state == "half-open" and self.probe is not None and now >= self.patience_ends:
            self.open(self.patience_ends)
        if self.state == "open" and now >= self.until:
            self.state = "half-open"
        return now

    def allow(self):
        now = self.look()
        if self.state == "open" or self.probe is not None:
            return None
        self.given += 1
        if self.state == "half-open":
            self.probe = self.given
            self.patience_ends = now + self.policy["patience"]
        return self.given

    def succeeded(self, ticket):
        self.look()
        if self.state == "half-open" and ticket == self.probe:
            self.close()
        elif self.counts(ticket):
            self.row = 0

    def failed(self, ticket):
        now = self.look()
        if self.state == "half-open" and ticket == self.probe:
            self.open(now)
        elif self.counts(ticket):
            self.row += 1
            if self.row == self.policy["failures"]:
                self.open(now)

    def counts(self, ticket):
        """Whether a ticket of a closed breaker is reported for the first time."""
        if self.state != "closed" or ticket in self.reported:
            return False
        self.reported.add(ticket)
        return self.first <= ticket <= self.given
