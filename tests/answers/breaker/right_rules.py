"""An object for each state, which says what comes next."""

from dataclasses import dataclass, field, replace


@dataclass
class Closed:
    tickets: set = field(default_factory=set)
    row: int = 0


@dataclass
class Open:
    until: float


@dataclass
class HalfOpen:
    probe: int
    ends: float


class Breaker:
    def __init__(self, policy, clock, rng):
        self.policy, self.clock, self.rng = policy, clock, rng
        self.state = Closed()
        self.tickets = 0

    def opened(self, moment):
        drawn = self.policy["spread"] * self.rng.random()
        return Open(moment + self.policy["seconds"] + drawn)

    def now(self):
        now = self.clock.now()
        match self.state:
            case HalfOpen(ends=ends) if now >= ends:
                self.state = self.opened(ends)
        return now

    def allow(self):
        now = self.now()
        ticket = self.tickets + 1
        match self.state:
            case Closed(tickets=tickets):
                tickets.add(ticket)
            case Open(until=until) if now >= until:
                self.state = HalfOpen(ticket, now + self.policy["patience"])
            case _:
                return None
        self.tickets = ticket
        return ticket

    def succeeded(self, ticket):
        self.now()
        match self.state:
            case Closed(tickets=tickets) if ticket in tickets:
                self.state = Closed(tickets - {ticket})
            case HalfOpen(probe=probe) if ticket == probe:
                self.state = Closed()

    def failed(self, ticket):
        now = self.now()
        match self.state:
            case Closed(tickets=tickets, row=row) if ticket in tickets:
                self.state = replace(self.state, tickets=tickets - {ticket}, row=row + 1)
                if row + 1 >= self.policy["failures"]:
                    self.state = self.opened(now)
            case HalfOpen(probe=probe) if ticket == probe:
                self.state = self.opened(now)
