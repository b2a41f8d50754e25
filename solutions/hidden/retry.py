"""Hidden checks of the exercise `retry`."""

from email.utils import formatdate
from itertools import accumulate

from labsupport.checking import Coroutine, HiddenChecks, Mismatch, StandIn, assert_equal
from labsupport.checking.asserts import having, patience
from labsupport.checking.simulated import ScriptedRandom, SimulatedClock

hidden = HiddenChecks("retry")

DELAYS = [1.0, 2.0, 4.0]  # seconds: a half of the base of 2, of twice that, and so on
GENEROUS = 3.0  # seconds that something may take which takes a moment


class Failing(StandIn):
    """A `send` whose tries meet these responses in turn; notes when each begins."""

    exposed = ("__call__",)

    def __init__(self, clock, *responses):
        self.clock = clock
        self.responses = list(responses)
        self.times = []

    def __call__(self, request, timeout):
        return Met(self)


class Met(Coroutine):
    def __init__(self, send):
        self.send = send

    def begins(self):
        self.send.times.append(self.send.clock.seconds)

    async def run(self):
        return self.send.responses[min(len(self.send.times), len(self.send.responses)) - 1]


class Budget(StandIn):
    exposed = ("earn", "spend")

    def earn(self):
        pass

    def spend(self):
        return True


def arguments(send, draw):
    """What `call` gets. The dice give a half each time."""
    request = {"method": "GET", "target": f"/{draw.word()}", "headers": {}}
    policy = {"tries": 4, "timeout": 8, "deadline": 4096, "base": 2, "cap": 64}
    return send, request, policy, send.clock, ScriptedRandom([0.5]), Budget()


@hidden.check(
    "two calls at a time know nothing of each other",
    points=1,
    deadline=15.0,
    misconception="globals-belong-to-the-app",
    said="A call that runs while another one waits changes nothing of what the other does.",
)
async def two_calls_at_a_time_know_nothing_of_each_other(answer, draw, variant):
    begin = draw.integer(1, 1000) * 3600.0
    waiting = Failing(SimulatedClock(begin, moves=False), {"status": 503, "headers": {}})
    date = formatdate(begin + 40, usegmt=True)
    asks = {"status": 503, "headers": {"Retry-After": date}}
    other = Failing(SimulatedClock(begin), asks, {"status": 502, "headers": {}})
    did = "had a GET that meets 503 each time, and called call once more during each of its waits"
    said = "each call has tries and delays of its own"
    with having(did):
        async with answer.running("call", *arguments(waiting, draw)) as task:
            for delay in DELAYS:
                await waiting.clock.until_asleep(1, said=said)
                assert_equal(waiting.clock.asleep(), [delay], said)
                other.times.clear()
                other.clock.seconds = begin
                await answer.call("call", *arguments(other, draw))
                steps = [time - begin for time in other.times]
                assert_equal(steps, [0.0, *(40 + each for each in accumulate(DELAYS))], said)
                await waiting.clock.advance(delay)
            if not await task.wait(GENEROUS * patience.get()):
                raise Mismatch(said, expected="the end, after 4 tries", got="a wait", waited=True)
            got = await task.result()
        assert_equal(got, waiting.responses[0], "each call ends in what its own last try met")
        times = [time - begin for time in waiting.times]
        assert_equal(times, [0.0, *accumulate(DELAYS)], said)
