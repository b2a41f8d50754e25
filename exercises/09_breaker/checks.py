"""Checks of the exercise `breaker`: a circuit breaker without I/O.

The answer's object is called from here, and its clock and its dice are the checks' own: hours pass
between two calls, and what is drawn is known. So a check asks at the moments that matter, and sees
who is let through.
"""

from labsupport.checking import Exercise, assert_equal, assert_that
from labsupport.checking.asserts import apart
from labsupport.checking.simulated import ScriptedRandom, SimulatedClock

exercise = Exercise(
    "breaker",
    title="breaker: ask less of a service that fails",
    lesson="09",
    minutes=35,
    kind="stretch",
    entry="class Breaker: __init__(policy, clock, rng), allow(), succeeded(ticket), failed(ticket)",
)

TICK = 0.25  # seconds: the time before or behind a moment, where nothing is rounded
SHOWN = 280  # characters of what was done that feedback has room for: the last steps
CALLERS = 10  # that want to get through at the same moment

RESET = (
    "What has your breaker counted when three calls have failed, one has worked, and three fail?",
    "Failures in a row, in the order in which they are reported: a success sets the count to 0.",
)
OWN = (
    "Two breakers guard two services. Which of your attributes do they share?",
    "What the class holds is there once. What belongs to one breaker is made in __init__.",
)


class Guarded:
    """A breaker of the answer, its policy, its clock and its dice; it remembers what was done."""

    def __init__(self, breaker, policy, clock, rng):
        self.breaker = breaker
        self.policy = policy
        self.clock = clock
        self.rng = rng
        self.steps = []

    @property
    def did(self):
        """What the check did, in words."""
        said = f"made Breaker({self.policy}, clock, rng); then "
        shown = ""
        for step in reversed(self.steps):
            if len(said) + len(shown) + len(step) > SHOWN:
                return f"{said}..., {shown}"
            shown = f"{step}, {shown}" if shown else step
        return said + shown

    def later(self, seconds):
        """Let time pass."""
        self.clock.seconds += seconds
        self.steps.append(f"{seconds:g} s passed")

    async def allow(self):
        """A ticket, or None."""
        ticket = await self.breaker.call("allow")
        self.steps.append(f"allow() gave {ticket!r}")
        assert_that(
            ticket is None or type(ticket) is int,
            said="allow returns a ticket, which is a number, or None",
            expected="an int or None",
            got=repr(ticket),
            did=self.did,
        )
        return ticket

    async def passes(self, said):
        """The next one has to be let through; its ticket."""
        ticket = await self.allow()
        assert_that(ticket is not None, said, "a ticket", "None", self.did)
        return ticket

    async def blocked(self, said, times=1):
        """The next ones must not be let through."""
        for _ in range(times):
            ticket = await self.allow()
            assert_that(ticket is None, said, "None", f"the ticket {ticket}", self.did)

    async def fails(self, ticket):
        """Report a failure."""
        await self.breaker.call("failed", ticket)
        self.steps.append(f"failed({ticket})")

    async def succeeds(self, ticket):
        """Report a success."""
        await self.breaker.call("succeeded", ticket)
        self.steps.append(f"succeeded({ticket})")

    async def opens(self, failures=None):
        """Have it open by failures in a row."""
        for _ in range(failures or self.policy["failures"]):
            await self.fails(await self.passes("a closed breaker lets everybody through"))

    async def probes(self):
        """Let the time of an open breaker pass; the ticket of the probe."""
        self.later(self.policy["seconds"] + TICK)
        return await self.passes("when its time is over, one is let through")

    async def is_closed(self, said):
        """Everybody has to be let through."""
        for _ in range(CALLERS):
            await self.passes(said)


async def guarded(answer, draw, numbers=(0.0,), **more):
    """A new breaker, whose policy is drawn."""
    policy = {
        "failures": draw.integer(3, 6),
        "seconds": float(draw.integer(10, 60)),
        "spread": float(draw.choice([4, 8, 16])),
        "patience": float(draw.integer(3, 9)),
        **more,
    }
    clock = SimulatedClock(float(draw.integer(1000, 9000)), moves=False)
    rng = ScriptedRandom(numbers)
    return Guarded(await answer.new("Breaker", policy, clock, rng), policy, clock, rng)


@exercise.check(
    "failures in a row open it",
    points=2,
    hints=RESET,
    deadline=15.0,
)
async def failures_in_a_row_open_it(answer, draw, variant):
    closed = "it stays closed as long as fewer calls fail in a row than the policy says"
    opened = "as many failures in a row as the policy says open it"
    for failures in (1, 2, draw.integer(4, 6)):
        one = await guarded(answer, draw, failures=failures)
        for _ in range(2):
            for _ in range(failures - 1):
                await one.fails(await one.passes(closed))
            await one.succeeds(await one.passes(closed))
        await one.opens()
        await one.blocked(opened, times=3)
    two = await guarded(answer, draw, failures=3)
    first = [await two.passes(closed) for _ in range(6)]
    # The order of the reports counts, and not that of the tickets.
    for ticket in (first[5], first[3]):
        await two.fails(ticket)
    await two.succeeds(first[0])
    for ticket in (first[4], first[1]):
        await two.fails(ticket)
    last = await two.passes("a success sets the count to 0, whenever its call had begun")
    await two.fails(last)
    await two.blocked(opened)
    with apart(*OWN):
        three = await guarded(answer, draw)
        three.steps.append("opened another breaker before")
        await three.is_closed("each breaker has its own count")


@exercise.check(
    "an open one waits for its time",
    points=1,
    hints=[
        "From which moment on is somebody let through again, and what could have moved it?",
        "The moment is computed when the breaker opens. Who asks meanwhile changes nothing.",
        "self.until = now + seconds + ..., when it opens; blocked while now < self.until.",
    ],
    deadline=15.0,
)
async def an_open_one_waits_for_its_time(answer, draw, variant):
    for wait in (0.5, float(draw.integer(10, 90)), 3600.0):
        one = await guarded(answer, draw, seconds=wait)
        one.later(draw.integer(1, 1000))
        await one.opens()
        said = "an open breaker lets nobody through before its time is over"
        await one.blocked(said)
        for _ in range(3):
            one.later((wait - TICK) / 4)
            await one.blocked(said)
        one.later((wait - TICK) / 4)
        await one.blocked(said)
        one.later(TICK)
        await one.passes("when its time is over, and not later, one is let through")


@exercise.check(
    "they do not come back together",
    points=1,
    hints=[
        "A thousand processes have lost the same service in the same second. When does each of "
        "them try it again?",
        "Each time it opens, a breaker draws one number, and adds its share of the spread.",
        'self.until = now + policy["seconds"] + policy["spread"] * self.rng.random(), once for '
        "each opening.",
    ],
    deadline=15.0,
)
async def they_do_not_come_back_together(answer, draw, variant):
    few = draw.integer(1, 7) / 16
    numbers = [few, 1 - few, *(draw.integer(1, 15) / 16 for _ in range(2))]
    one = await guarded(answer, draw, numbers)
    said = "it is open for `seconds`, and for the drawn share of `spread`"
    await one.opens()
    for at, number in enumerate(numbers):
        one.steps.append(f"rng gave {number}")
        one.later(one.policy["seconds"])
        share = one.policy["spread"] * number
        for _ in range(2):
            await one.blocked(said)
            one.later((share - TICK / 2) / 2)
        await one.blocked(said)
        one.later(TICK)
        probe = await one.passes(said)
        did = f"{one.did}; rng was asked {one.rng.asked} times"
        assert_equal(one.rng.asked, at + 1, "one number is drawn for each opening", did)
        await one.fails(probe)


@exercise.check(
    "half-open lets exactly one through",
    points=2,
    misconception="half-open-is-open",
    hints=[
        "The time is over, and ten callers ask in the same moment. What does each of them get?",
        "The first one is the probe. Until somebody says what became of it, all others get None.",
        "Keep the probe's ticket. While there is one: return None.",
    ],
    deadline=15.0,
)
async def half_open_lets_exactly_one_through(answer, draw, variant):
    one = await guarded(answer, draw)
    said = "as long as a probe is under way, nobody else is let through"
    for _ in range(2):
        await one.opens()
        probe = await one.probes()
        await one.blocked(said, times=CALLERS)
        for _ in range(3):
            one.later((one.policy["patience"] - TICK) / 4)
            await one.blocked(said)
        await one.succeeds(probe)


@exercise.check(
    "the probe decides",
    points=2,
    hints=[
        "What does your breaker know when a probe has failed, and what when it has succeeded?",
        "One failure of the probe opens it again, from the moment of the report. Its success "
        "closes it, and the count begins at 0.",
        "In failed: if it is half-open, or the count has reached `failures`, open it. In "
        "succeeded: closed, count 0.",
    ],
    deadline=15.0,
)
async def the_probe_decides(answer, draw, variant):
    one = await guarded(answer, draw)
    await one.opens()
    for _ in range(4):
        probe = await one.probes()
        one.later(one.policy["patience"] / 2)
        await one.fails(probe)
        said = "a probe that has failed opens the breaker again, from that moment"
        await one.blocked(said, times=3)
        one.later(one.policy["seconds"] - TICK)
        await one.blocked(said)
    await one.succeeds(await one.probes())
    await one.is_closed("a probe that has succeeded closes the breaker")
    said = "a closed breaker has forgotten the failures from before"
    for _ in range(one.policy["failures"]):
        await one.fails(await one.passes(said))
    await one.blocked("as many failures in a row as the policy says open it again")
    await one.succeeds(await one.probes())
    await one.is_closed("a probe that has succeeded closes the breaker")


@exercise.check(
    "late results change nothing",
    points=2,
    hints=[
        "A call was let through, then the breaker opened, and now the call reports. What does its "
        "result say about the service of today?",
        "A ticket counts once, and until the breaker opens. Who reports with another one is not "
        "heard.",
        "Keep the set of tickets that count. A report takes its ticket out, and opening the "
        "breaker clears the set.",
    ],
    deadline=15.0,
)
async def late_results_change_nothing(answer, draw, variant):
    one = await guarded(answer, draw, failures=3)
    old = [await one.passes("a closed breaker lets everybody through") for _ in range(12)]
    await one.opens()
    said = "the success of a call from before does not close an open breaker"
    await one.succeeds(old.pop())
    await one.blocked(said)
    said = "the failure of a call from before does not keep a breaker open for longer"
    one.later(one.policy["seconds"] / 2)
    for _ in range(3):
        await one.fails(old.pop())
    one.later(one.policy["seconds"] / 2 + TICK)
    probe = await one.passes(said)
    said = "while a probe is under way, only its own result counts"
    await one.succeeds(old.pop())
    await one.fails(probe)
    await one.blocked(said)
    probe = await one.probes()
    await one.fails(old.pop())
    await one.succeeds(probe)
    await one.is_closed(said)
    said = "a closed breaker does not count what was let through before it opened"
    fresh = await one.passes(said)
    for _ in range(3):
        await one.fails(old.pop())
    await one.passes(said)
    for _ in range(2):
        await one.fails(await one.passes(said))
    await one.succeeds(old.pop())
    await one.fails(fresh)
    await one.blocked("a success from before it opened does not set the count to 0")
    await one.succeeds(await one.probes())
    said = "a ticket counts once"
    worked = await one.passes(said)
    await one.succeeds(worked)
    ticket = await one.passes(said)
    for _ in range(4):
        await one.fails(ticket)
    await one.fails(await one.passes(said))
    last = await one.passes(said)
    await one.succeeds(worked)
    await one.fails(last)
    await one.blocked("a success that is reported again does not set the count to 0")
    await one.succeeds(await one.probes())
    said = "a ticket that was never given does not count"
    for unknown in (0, -1, 10**6, 10**6 + 1):
        await one.fails(unknown)
    await one.passes(said)
    tickets = [await one.passes(said) for _ in range(CALLERS)]
    assert_that(len(set(tickets)) == CALLERS, "no two calls have the same ticket", did=one.did)


@exercise.check(
    "a probe that says nothing has failed",
    points=1,
    hints=[
        "Whoever had the probe's ticket has crashed. Who is let through after that, and when?",
        "`patience` seconds after its ticket the probe counts as failed: as if failed had been "
        "called at that moment, whoever asks how much later.",
        "At the beginning of each method: if there is a probe and now >= its end, open the breaker "
        "as of its end, and not as of now.",
    ],
    deadline=15.0,
)
async def a_probe_that_says_nothing_has_failed(answer, draw, variant):
    said = "a probe that has said nothing for `patience` seconds has failed at that moment"
    one = await guarded(answer, draw)
    seconds, patience = one.policy["seconds"], one.policy["patience"]
    await one.opens()
    slow = await one.probes()
    one.later(patience - TICK)
    await one.succeeds(slow)
    await one.is_closed("a probe is waited for for `patience` seconds")
    await one.opens()
    silent = await one.probes()
    one.later(patience)
    await one.blocked(said, times=3)
    one.later(seconds - TICK)
    await one.blocked(f"{said}, and the breaker is open again")
    one.later(2 * TICK)
    probe = await one.passes(f"{said}, and when its time is over the next probe goes")
    await one.succeeds(silent)
    await one.fails(probe)
    await one.blocked("a silent probe that succeeds after all is late: the next one decides")
    # From here on nobody asks meanwhile, so a breaker that has not noticed yet would be late.
    silent = await one.probes()
    one.later(patience + seconds - TICK)
    await one.blocked(f"{said}, also when nobody has asked since")
    one.later(2 * TICK)
    silent = await one.passes(f"{said}, also when nobody has asked since")
    one.later(patience)
    await one.succeeds(silent)
    await one.blocked(f"{said}: its success is late, also when nobody has asked since")
