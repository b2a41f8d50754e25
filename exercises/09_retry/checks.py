"""Checks of the exercise `retry`: which requests are sent again, when, and how often.

The answer meets a `send`, a clock, dice and a budget of the checks. Nothing is sent and nobody
waits: `send` meets what a check has laid out, and moves the clock by what that takes. What is
judged is which tries were made, at which times, with which timeouts, and how the call ended. All
times are multiples of 1/64 s, so that every way to add them up gives the same.
"""

import asyncio
import math
from email.utils import formatdate

from labsupport.checking import (
    AnswerRaised,
    Coroutine,
    Exercise,
    Mismatch,
    StandIn,
    assert_equal,
)
from labsupport.checking.asserts import apart, patience
from labsupport.checking.showing import count, show
from labsupport.checking.simulated import ScriptedRandom, SimulatedClock

exercise = Exercise(
    "retry",
    title="retry: what may be sent again, when, and how often",
    lesson="09",
    minutes=50,
    kind="core",
    entry="async call(send, request, policy, clock, rng, budget) -> response",
)

step = Exercise(
    "retry.budget",
    title="retry, the step: a budget of retries",
    lesson="09",
    minutes=4,
    kind="core",
    entry="class Budget(calls, most): earn(), spend() -> bool",
)

IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE")  # RFC 9110, section 9.2.2
OTHERS = ("POST", "PATCH", "LOCK")
NEW_YEAR = 1_767_225_600  # seconds since 1970: 1 January 2026, in UTC
DAY, TEN_HOURS = 86_400, 36_000  # seconds
MOST_TRIES = 40  # after which a check ends a call that goes on and on
PLENTY = 1000  # retries that a budget has where it is not the subject
GENEROUS = 3.0  # seconds that something may take which takes a moment
HANGS = "no answer"  # what a try meets that lasts until it is cancelled

# A policy that leaves room for all that a check does, where it is not the subject.
ROOMY = {"tries": 8, "timeout": 8, "deadline": 4096, "base": 1, "cap": 16}


# ---- what the answer is handed ----


class Send(StandIn):
    """Sends nothing: its tries meet these outcomes in turn, then the last one again.

    An outcome is a response, an exception or HANGS. takes: seconds that each try lasts. A
    TimeoutError lasts as long as the timeout of its try, and so does a try that takes longer.
    """

    exposed = ("__call__",)

    def __init__(self, clock, outcomes, takes):
        self.clock = clock
        self.outcomes = outcomes
        self.takes = takes
        self.tries = []
        self.going = 0
        self.begun = asyncio.Event()

    def __repr__(self):
        return "send"

    def __call__(self, request, timeout):
        number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
        if not number or math.isnan(timeout):
            raise Mismatch(
                "`send` is told how many seconds its try may take",
                expected="send(request, timeout), with an int or a float",
                got=f"send(request, {show(timeout)})",
            )
        if len(self.tries) == MOST_TRIES:
            raise Mismatch(
                "a call comes to an end",
                expected="as many tries as the policy says, at most",
                got=f"more than {MOST_TRIES} tries",
            )
        return Try(self, request, timeout)


class Try(Coroutine):
    """One try: when it began and ended, with which request and timeout, and what it met."""

    def __init__(self, send, request, timeout):
        self.send = send
        self.request = request
        self.timeout = timeout
        self.at = self.until = 0.0
        self.met = None
        self.stopped = False

    def begins(self):
        outcomes = self.send.outcomes
        self.met = outcomes[min(len(self.send.tries), len(outcomes) - 1)]
        self.at = self.until = self.send.clock.seconds
        self.send.tries.append(self)
        self.send.going += 1
        self.send.begun.set()

    async def run(self):
        if self.send.going > 1:
            raise Mismatch(
                "one try is made after the other",
                expected="a try begins when the one before has ended",
                got="a try that begins beside another",
            )
        if self.met is HANGS:
            await asyncio.Event().wait()
        room = max(self.timeout, 0)
        if isinstance(self.met, TimeoutError) or self.send.takes > room:
            lasts = room
            self.met = self.met if isinstance(self.met, TimeoutError) else TimeoutError("too slow")
        else:
            lasts = self.send.takes
        self.send.clock.seconds += lasts
        self.until = self.send.clock.seconds
        if isinstance(self.met, Exception):
            raise self.met
        return self.met

    def cancelled(self, left):
        self.stopped = self.stopped or not left

    def over(self, left):
        self.send.going -= 1


class Budget(StandIn):
    """A budget of so many retries, which notes what it is told and asked."""

    exposed = ("earn", "spend")

    def __init__(self, retries):
        self.retries = retries
        self.earned = 0
        self.asked = 0

    def __repr__(self):
        return "budget"

    def earn(self):
        self.earned += 1

    def spend(self):
        self.asked += 1
        if self.retries == 0:
            return False
        self.retries -= 1
        return True


class LateClock(SimulatedClock):
    """Its sleeps take longer than they should, as those of a busy machine do."""

    def __init__(self, start, late):
        super().__init__(start)
        self.late = late

    def sleep(self, seconds):
        return super().sleep(seconds + self.late)


# ---- one call ----


class Scene:
    """A call of the answer: what its tries meet, and what came of it.

    policy: what differs from ROOMY. numbers: what the dice give. takes: seconds of each try.
    """

    def __init__(
        self, draw, *outcomes, method="GET", headers=None, policy=None, numbers=(0.5,), takes=0.25,
        budget=None, clock=None,
    ):  # fmt: skip
        self.clock = clock or SimulatedClock(a_time(draw))
        self.begun = self.clock.seconds
        self.send = Send(self.clock, outcomes, takes)
        self.request = {"method": method, "target": f"/{draw.word()}", "headers": headers or {}}
        self.policy = ROOMY | (policy or {})
        self.rng = ScriptedRandom(numbers)
        self.budget = budget or Budget(PLENTY)
        self.result = None
        self.raised = None
        self.over = False
        lines = "".join(f", {name}: {value}" for name, value in self.request["headers"].items())
        asked = f"{method} {self.request['target']}{lines}"
        meets = ", ".join(map(words, outcomes))
        more = "" if len(outcomes) == 1 else " in turn"
        self.did = f"called call for {asked}; its tries meet{more}: {meets}; policy: {self.policy}"

    @property
    def tries(self):
        return self.send.tries

    @property
    def args(self):
        return self.send, self.request, self.policy, self.clock, self.rng, self.budget

    async def play(self, answer, ends=False):
        """Have the answer called. ends: whether any error in which it ends is to be judged; else
        one that its tries have not met is a crash."""
        try:
            self.result = await answer.call("call", *self.args)
        except AnswerRaised as raised:
            known = raised.kind in {type(each.met).__name__ for each in self.tries}
            if not (known or ends):
                raise
            self.raised = raised
        self.over = True
        if not self.tries:
            said = "`call` sends the request, by `send`"
            raise Mismatch(said, self.did, "one try at least", f"no try: {self.came()}")

    def equal(self, got, wanted, said):
        """Fail unless both are equal, and tell of the tries."""
        try:
            assert_equal(got, wanted, said, self.did)
        except Mismatch as mismatch:
            mismatch.notes.append(self.story())
            raise

    def tried(self, times, said):
        """Fail unless so many tries were made."""
        self.equal(tries(len(self.tries)), tries(times), said)

    def waited(self, seconds, said):
        """Fail unless these seconds lay between a try and the next."""
        pairs = zip(self.tries, self.tries[1:], strict=False)
        self.equal(rounded(b.at - a.until for a, b in pairs), rounded(seconds), said)

    def at_once(self, said):
        """Fail if time has passed behind the last try."""
        rest = self.clock.seconds - self.tries[-1].until
        self.equal(f"{rest:g} s behind the last try", "0 s behind the last try", said)

    def ended(self, said):
        """Fail unless the call ended in what its last try met, as that was."""
        met = self.tries[-1].met
        if self.raised is None and not isinstance(met, Exception):
            self.equal(self.result, met, said)
        elif isinstance(met, Exception):
            self.equal(self.came(), f"it raised {type(met).__name__}: {met}", said)
        else:
            self.equal(self.came(), f"it returned {show(met)}", said)

    def came(self):
        """How the call ended, in words."""
        if self.raised is not None:
            return f"it raised {self.raised}"
        return f"it returned {show(self.result)}"

    def story(self):
        """The tries in words, one a line, with times from the beginning of the call."""
        lines = [
            f"{each.at - self.begun:10g} s   timeout {each.timeout:g} s   {words(each.met)}, at "
            f"{each.until - self.begun:g} s"
            for each in self.tries
        ]
        if self.over:
            lines.append(f"{self.clock.seconds - self.begun:10g} s   {self.came()}")
        return "\n".join(["The tries, from the beginning of the call:", *lines])


def a_time(draw):
    """A time in 2026, not at the beginning of a second."""
    return NEW_YEAR + draw.integer(0, 300 * DAY) + draw.choice((0.25, 0.5, 0.75))


def response(draw, status, **fields):
    """A response that is not like any other; names of fields have a - for each _."""
    named = {name.replace("_", "-"): str(value) for name, value in fields.items()}
    return {"status": status, "headers": {"X-Request": draw.word(), **named}}


def refused():
    return ConnectionRefusedError("nobody listens")


def reset():
    return ConnectionResetError("reset by the peer")


def late():
    return TimeoutError("no answer in time")


def words(outcome):
    """What a try meets, in words."""
    if isinstance(outcome, Exception):
        return type(outcome).__name__
    if not isinstance(outcome, dict):
        return str(outcome)
    fields = "".join(
        f" with {name}: {value}"
        for name, value in outcome["headers"].items()
        if name.lower() == "retry-after"
    )
    return f"{outcome['status']}{fields}"


def tries(number):
    """So many tries, in words."""
    return f"{number} {'try' if number == 1 else 'tries'}"


def dated(clock, seconds):
    """A date so many seconds from the second that the clock is in."""
    return formatdate(math.floor(clock.seconds) + seconds, usegmt=True)


def rounded(seconds):
    """Seconds to be compared: an int is as good as a float."""
    return [round(float(each), 6) for each in seconds]


def parts(draw, n):
    """n numbers for the dice, from 1/16 to 15/16, of which each two in a row differ."""
    drawn = [draw.integer(1, 15)]
    while len(drawn) < n:
        drawn.append((drawn[-1] + draw.integer(1, 14) - 1) % 15 + 1)
    return [each / 16 for each in drawn]


# ---- the step ----


@step.check(
    "every so many calls pay for one retry",
    points=1,
    deadline=15.0,
    misconception="retries-cost-nothing",
    hints=[
        "What does your budget hold after a night without a failure, and what after an hour in "
        "which every retry was refused?",
        "It never holds more than `most` retries, and a retry that is refused takes nothing.",
        "self.credit = min(self.credit + 1, self.most * self.calls); and in spend, first: "
        "if self.credit < self.calls: return False.",
    ],
)
async def every_so_many_calls_pay_for_one_retry(answer, draw, variant):
    for calls, most in ((10, 2), (draw.integer(3, 9), draw.integer(3, 5)), (1, 1)):
        budget = await answer.new("Budget", calls, most)
        made = f"made Budget({calls}, {most})"

        async def spends(times, wanted, said, did, budget=budget):
            got = [await budget.call("spend") for _ in range(times)]
            assert_equal(got, wanted, said, f"{did}, and called spend {count(times, 'time')}")

        async def earns(times, budget=budget):
            for _ in range(times):
                await budget.call("earn")

        await spends(most, [True] * most, "a new budget is full", made)
        await spends(calls + 2, [False] * (calls + 2), "an empty budget refuses", f"{made}: empty")
        said = "what was refused has taken nothing: so many calls pay for one retry again"
        await earns(calls - 1)
        did = f"{made}, emptied it, was refused {calls + 2} times, called earn {calls - 1} times"
        await spends(1, [False], f"fewer than {calls} calls pay for none", did)
        await earns(1)
        await spends(2, [True, False], said, f"{did}, then once more")
        for _ in range(3):
            await earns(calls)
            await spends(2, [True, False], f"{calls} calls pay for one", f"{made}; after {calls}")
        await earns(most * calls * 5)
        did = f"{made}, and called earn {most * calls * 5} times"
        said = f"a budget holds at most {most}"
        await spends(most + 1, [True] * most + [False], said, did)


# ---- the build ----


@exercise.check(
    "an answer is an answer",
    points=2,
    deadline=15.0,
    misconception="any-failure-may-be-retried",
    hints=[
        "What would the same request get that got 404? Who mends an error in the program?",
        "Four statuses and three errors may pass by themselves. Every other status is the answer, "
        "and every other error is raised, after one try.",
        'if response["status"] not in (429, 502, 503, 504): return response. And except '
        "(ConnectionRefusedError, ConnectionResetError, TimeoutError), not OSError: that is all.",
    ],
)
async def an_answer_is_an_answer(answer, draw, variant):
    said = "a status that is not 429, 502, 503 or 504 is the answer, at once"
    drawn = draw.choice((201, 302, 400, 401, 408, 410, 422, 428, 430, 501, 505))
    for status in (200, 204, 304, 404, 409, 500, drawn):
        scene = Scene(draw, response(draw, status))
        await scene.play(answer)
        scene.tried(1, said)
        scene.at_once(said)
        scene.ended("the response is returned as it came")
    said = "Retry-After alone is no reason to try again"
    scene = Scene(draw, response(draw, 301, Retry_After=1), response(draw, 200))
    await scene.play(answer)
    scene.tried(1, said)
    said = "any other error is raised, at once"
    for error in (PermissionError("not allowed"), ValueError("no such field"), EOFError("the end")):
        scene = Scene(draw, error, response(draw, 200))
        await scene.play(answer)
        scene.tried(1, said)
        scene.at_once(said)
        scene.ended("an error is raised as it came")


@exercise.check(
    "what may pass is tried again",
    points=1,
    deadline=15.0,
    hints=[
        "The server restarts, and is back a second later. What has your call met, and what next?",
        "429, 502, 503 and 504, and each of the three errors, are tried again as long as there "
        "are tries left, whatever came before.",
        "for number in range(policy['tries']): the same request each time, until something else "
        "comes.",
    ],
)
async def what_may_pass_is_tried_again(answer, draw, variant):
    said = "what may pass by itself is tried again, until there is an answer"
    failures = [
        *(response(draw, status) for status in (429, 502, 503, 504)),
        *(refused(), reset(), late()),
    ]
    failures = [failures.pop(draw.integer(0, n - 1)) for n in range(len(failures), 0, -1)]
    headers = {"Accept": "application/json", "X-Trace": draw.word()}
    scene = Scene(draw, *failures, response(draw, 200), headers=headers)
    await scene.play(answer)
    scene.tried(len(failures) + 1, said)
    scene.ended(said)
    for each in scene.tries:
        scene.equal(each.request, scene.request, "each try sends the request as it is")
    for most in (1, 2, draw.integer(3, 7)):
        scene = Scene(draw, response(draw, 503), policy={"tries": most})
        await scene.play(answer)
        scene.tried(most, f"where a policy has tries {most}, that many are made at most")


@exercise.check(
    "what came last comes out",
    points=1,
    deadline=15.0,
    hints=[
        "Your tries are used up. What does whoever called you learn of the reason?",
        "The last try met a response, or an error. That is what the call ends in, not None, and "
        "no error of your own.",
        "Keep both: response, error = await send(...), None; or None, caught. At the end: "
        "if error is not None: raise error; return response.",
    ],
)
async def what_came_last_comes_out(answer, draw, variant):
    said = "when the tries are used up, the call ends in what came last, as it came"

    for last in (
        response(draw, 503, Content_Type="text/plain"),
        ConnectionRefusedError(draw.word()),
        ConnectionResetError(draw.word()),
        TimeoutError(draw.word()),
        response(draw, 429, Retry_After=2),
    ):
        before = [reset(), response(draw, 503)]
        first = before.pop(draw.integer(0, 1))
        scene = Scene(draw, first, *before, last, policy={"tries": 3})
        await scene.play(answer, ends=True)
        scene.ended(said)
        scene.at_once("when the tries are used up, nobody waits any more")
    scene = Scene(draw, ConnectionResetError(draw.word()), method="POST")
    await scene.play(answer, ends=True)
    scene.ended("what may not be sent again ends the call, as it came")


@exercise.check(
    "only what may be repeated is repeated",
    points=2,
    deadline=15.0,
    misconception="a-reset-means-nothing-happened",
    hints=[
        "A payment was sent, and the connection was reset. Was it paid?",
        "Nobody knows what became of a request after a reset, a timeout, or a 502, 503 or 504. "
        "Who repeats it has to know that twice is as good as once: by the method, or by a key.",
        "repeatable = method in {the six} or any(name.lower() == 'idempotency-key' for name in "
        "headers). ConnectionRefusedError and 429 do not need it: there nothing was done.",
    ],
)
async def only_what_may_be_repeated_is_repeated(answer, draw, variant):
    unsure = (
        reset(),
        late(),
        response(draw, 502),
        response(draw, 503, Retry_After=1),
        response(draw, 504),
    )
    untouched = (refused(), response(draw, 429))
    key = {"Content-Type": "application/json", "Idempotency-Key": f'"{draw.word()}"'}
    plain = {"Content-Type": "application/json", "X-Key": draw.word()}

    async def meets(outcome, method, headers, times, said):
        scene = Scene(draw, outcome, response(draw, 200), method=method, headers=headers)
        await scene.play(answer)
        scene.tried(times, said)
        scene.ended(said)
        for each in scene.tries:
            said = "each try sends the request as it is, with the same Idempotency-Key if any"
            scene.equal(each.request, scene.request, said)

    said = "is not idempotent: what may have been done is not sent again"
    for outcome in unsure:
        await meets(outcome, "POST", plain, 1, f"POST {said}")
    for method in OTHERS[1:]:
        await meets(draw.choice(unsure), method, plain, 1, f"{method} {said}")
    for outcome in untouched:
        said = "what was not done can be sent again, whatever it is"
        await meets(outcome, draw.choice(OTHERS), plain, 2, said)
    for outcome in unsure[:2]:
        said = "with an Idempotency-Key the server knows a repetition"
        await meets(outcome, draw.choice(OTHERS[:2]), key, 2, said)
    with apart("Which names of fields does your answer look for?", "Names of fields have no case."):
        lower = {name.lower(): value for name, value in key.items()}
        await meets(reset(), "POST", lower, 2, "names of fields have no case")
    for method in IDEMPOTENT:
        said = f"{method} is idempotent: it can be sent again, whatever became of it"
        await meets(draw.choice(unsure[:2]), method, plain, 2, said)
    scene = Scene(draw, refused(), reset(), response(draw, 200), method="POST")
    await scene.play(answer)
    scene.tried(2, "each try is judged by what it met")


@exercise.check(
    "the delays are drawn",
    points=2,
    deadline=15.0,
    misconception="everybody-waits-the-same",
    hints=[
        "A server fails, and a thousand clients wait the same time. What happens then?",
        "Before retry n, counted from 0: one number of rng, laid out from 0 to base times 2 to "
        "the n, or to the cap if that is less.",
        'rng.uniform(0, min(policy["cap"], policy["base"] * 2**n)); n is 0 before the second try.',
    ],
)
async def the_delays_are_drawn(answer, draw, variant):
    said = "before retry n: a number of rng, from 0 to the smaller of cap and base * 2**n"
    for base, cap in ((1, 6), (draw.choice((0.25, 0.5, 2)), draw.choice((3, 12)))):
        numbers = parts(draw, 5)
        outcomes = [draw.choice((refused(), reset(), response(draw, 503))) for _ in range(5)]
        scene = Scene(
            draw, *outcomes, response(draw, 200), numbers=numbers, policy={"base": base, "cap": cap}
        )
        scene.did += f"; rng.random() gives {numbers}"
        await scene.play(answer)
        wanted = [part * min(cap, base * 2**n) for n, part in enumerate(numbers)]
        scene.tried(6, said)
        scene.waited(wanted, said)
    scene = Scene(draw, response(draw, 503), numbers=[0.0], policy={"tries": 3})
    await scene.play(answer)
    scene.tried(3, "a delay can be 0 s")
    scene.waited([0, 0], "a delay can be 0 s")


@exercise.check(
    "Retry-After is waited for, and the drawn delay on top",
    points=2,
    deadline=15.0,
    misconception="everybody-waits-the-same",
    hints=[
        "The server says when it wants to be asked again. To how many clients has it said that?",
        "Retry-After is whole seconds, or a date. The wait is that, and the drawn delay behind "
        "it: all who were told the same do not come back in the same moment.",
        "Digits: text.isascii() and text.isdigit(). A date: email.utils.parsedate_to_datetime("
        "text).timestamp() - clock.now(), and 0 if that is less; ValueError: it says nothing.",
    ],
)
async def retry_after_is_waited_for(answer, draw, variant):
    part = parts(draw, 1)[0]

    async def waits(failures, seconds, said, clock=None):
        scene = Scene(draw, *failures, response(draw, 200), numbers=[part], clock=clock)
        scene.did += f"; rng.random() gives {part}"
        await scene.play(answer)
        scene.waited(seconds, said)
        scene.ended("behind the wait comes the next try")

    said = "the wait is what Retry-After says, and the drawn delay"
    for status, asked in ((503, draw.integer(20, 90)), (429, draw.integer(2, 9)), (504, 0)):
        await waits([response(draw, status, Retry_After=asked)], [asked + part], said)
    said = "what one response says does not hold for the next one"
    failures = response(draw, 503, Retry_After=30), response(draw, 503), refused()
    await waits(failures, [30 + part, 2 * part, 4 * part], said)
    for asked in (draw.integer(20, 1800), 1, 0, -draw.integer(1, 400 * DAY)):
        clock = SimulatedClock(a_time(draw))
        failure = response(draw, 503, Retry_After=dated(clock, asked))
        # A try takes 0.25 s, after which the date is read.
        left = max(0, math.floor(clock.seconds) + asked - clock.seconds - 0.25)
        said = "where Retry-After is a date, the wait is the time until then, and the drawn delay"
        past = "a date that is past asks for no wait: the drawn delay is left"
        await waits([failure], [left + part], said if left else past, clock)
    with apart("Which name does your answer look for?", "Names of fields have no case."):
        failure = response(draw, 503, retry_after=20)
        await waits([failure], [20 + part], "names of fields have no case")
    with apart(
        "What does your answer do with a Retry-After that is neither a number nor a date?",
        "Digits alone are a number: int() takes signs, underscores and more. What cannot be read "
        "is as good as no Retry-After.",
        "if text.isascii() and text.isdigit(): int(text); else parsedate_to_datetime(text), which "
        "raises ValueError.",
    ):
        said = "a Retry-After that cannot be read says nothing"
        for text in ("soon", "", "-5", "+5", "1.5", "1_0", "²"):
            await waits([response(draw, 503, Retry_After=text)], [part], said)


@exercise.check(
    "nobody waits past the deadline",
    points=2,
    deadline=15.0,
    misconception="the-server-decides-how-long",
    hints=[
        "The server asks for ten hours, and you have a minute. When can your caller be told?",
        "Before you wait, look at what is left of the deadline. If the wait is as long, or longer, "
        "there is nothing to wait for: the call ends at once, in what came last.",
        'if wait >= ends - clock.now(): end, where ends is clock.now() + policy["deadline"], '
        "taken when the call began.",
    ],
)
async def nobody_waits_past_the_deadline(answer, draw, variant):
    said = "a wait that lasts to the deadline or longer is not begun: the call ends at once"
    policy = {"deadline": 64}
    far = response(draw, 429, Retry_After=TEN_HOURS)
    scene = Scene(draw, far, response(draw, 200), policy=policy)
    await only_one(scene, answer, said)
    clock = SimulatedClock(a_time(draw))
    failure = response(draw, 503, Retry_After=dated(clock, TEN_HOURS))
    scene = Scene(draw, failure, response(draw, 200), policy=policy, clock=clock)
    await only_one(scene, answer, said)
    # What is left after a try of 1 s, and the drawn delay before it is reached, or is not.
    drawn = {"policy": {"deadline": 9, "base": 16}, "takes": 1}
    await only_one(
        Scene(draw, refused(), response(draw, 200), numbers=[0.5], **drawn), answer, said
    )
    asked = response(draw, 503, Retry_After=8)
    short = {"policy": {"deadline": 9, "base": 1}, "takes": 1}
    await only_one(Scene(draw, asked, response(draw, 200), numbers=[0.0], **short), answer, said)
    said = "a wait that ends before the deadline is waited"
    scene = Scene(draw, reset(), response(draw, 200), numbers=[0.375], **drawn)
    await scene.play(answer)
    scene.tried(2, said)
    scene.waited([6], said)
    said = "the deadline counts from the beginning of the call"
    scene = Scene(
        draw, *(response(draw, 503, Retry_After=20) for _ in range(5)), policy=policy, takes=0.5,
        numbers=[0.0],
    )  # fmt: skip
    await scene.play(answer)
    scene.tried(4, said)
    scene.waited([20, 20, 20], said)
    scene.ended("the call ends in what came last")


async def only_one(scene, answer, said):
    """Play it: one try, and no wait."""
    await scene.play(answer)
    scene.tried(1, said)
    scene.at_once(said)
    scene.ended("the call ends in what came last, as it came")


@exercise.check(
    "one deadline for all tries",
    points=2,
    deadline=15.0,
    misconception="a-deadline-is-per-try",
    hints=[
        "Your caller gives you 10 s. How long may the third try take?",
        "A try may take policy['timeout'] seconds, or what is left of the deadline, if that is "
        "less. What is left, the clock knows: not you, by adding up waits.",
        "ends = clock.now() + policy['deadline'], once. Before each try: left = ends - "
        "clock.now(); if left <= 0: end; send(request, min(policy['timeout'], left)).",
    ],
)
async def one_deadline_for_all_tries(answer, draw, variant):
    async def plays(scene, least):
        await scene.play(answer)
        said = "what may pass is tried again, as long as something is left of the deadline"
        if len(scene.tries) < least:
            scene.equal(tries(len(scene.tries)), f"{tries(least)} or more", said)
        timeout, deadline = scene.policy["timeout"], scene.policy["deadline"]
        left = [deadline - (each.at - scene.begun) for each in scene.tries]
        said = "no try begins when the deadline is over"
        scene.equal([seconds > 0 for seconds in left], [True] * len(left), said)
        said = "a try may take the timeout of the policy, or what is left of the deadline if less"
        wanted = [min(timeout, seconds) for seconds in left]
        scene.equal(rounded(each.timeout for each in scene.tries), rounded(wanted), said)
        scene.ended("when the deadline is over, the call ends in what came last")

    deadline = draw.integer(5, 9)
    policy = {"timeout": deadline + draw.integer(1, 30), "deadline": deadline}
    await plays(Scene(draw, response(draw, 200), policy=policy), 1)
    policy = {"timeout": 2, "deadline": 5, "base": 0.5}
    await plays(Scene(draw, late(), policy=policy), 2)
    policy = {"timeout": 8, "deadline": 16}
    failures = response(draw, 503), reset(), refused()
    await plays(Scene(draw, *failures, policy=policy, takes=4, numbers=[0.0]), 2)
    for delay, over, least in ((3, "3 s", 2), (TEN_HOURS, "ten hours", 1)):
        clock = LateClock(a_time(draw), delay)
        scene = Scene(draw, response(draw, 503), policy=policy, takes=2, clock=clock)
        scene.did += f"; each sleep takes {over} longer than it was asked to"
        await plays(scene, least)


@exercise.check(
    "retries are paid for from one budget",
    points=2,
    deadline=15.0,
    misconception="retries-cost-nothing",
    hints=[
        "The server is down, and a thousand of your calls are at it. How many requests is that?",
        "earn once for each call, before its first try. spend before each retry, when all else "
        "permits it and before the wait; where it returns False, the call ends in what came last.",
        "if not repeatable or no_tries_left or wait >= left or not budget.spend(): end. `or` asks "
        "the budget last.",
    ],
)
async def retries_are_paid_for_from_one_budget(answer, draw, variant):
    budget = Budget(3)
    said = "a retry is made only if the budget has one left; all calls share it"
    for number, times in enumerate([3, 2, 1, 1, 1]):
        failure = draw.choice((response(draw, 503), refused()))
        scene = Scene(draw, failure, budget=budget, policy={"tries": 3})
        left = f"{budget.retries} {'retry' if budget.retries == 1 else 'retries'}"
        scene.did += f"; call {number + 1} of 5 with one budget, which has {left} left"
        await scene.play(answer)
        scene.tried(times, said)
        if times < 3:
            scene.at_once("who gets no retry does not wait for one")
            scene.ended("who gets no retry ends in what came last")
        scene.equal(budget.earned, number + 1, "each call earns once, however many tries it makes")
    scenes = [
        ("who gets an answer spends nothing", 0, Scene(draw, response(draw, 200))),
        ("who may not try again spends nothing", 0, Scene(draw, reset(), method="POST")),
        (
            "who has no tries left spends nothing more",
            2,
            Scene(draw, response(draw, 503), policy={"tries": 3}),
        ),
        (
            "who would wait past the deadline spends nothing",
            0,
            Scene(draw, response(draw, 503, Retry_After=TEN_HOURS)),
        ),
    ]
    for said, asked, scene in scenes:
        await scene.play(answer)
        scene.equal(scene.budget.asked, asked, f"spend is asked for each retry: {said}")
        scene.equal(scene.budget.earned, 1, "each call earns once, whatever becomes of it")


@exercise.check(
    "a cancellation ends it",
    points=1,
    deadline=15.0,
    misconception="cancel-stops-at-once",
    hints=[
        "Somebody cancels your call: the user has left. What do you send then?",
        "CancelledError is none of the failures that are tried again, in send as in sleep. It is "
        "no Exception either: who catches BaseException, or everything, catches it too.",
        "Name what you catch: except (ConnectionRefusedError, ConnectionResetError, TimeoutError). "
        "A CancelledError then leaves by itself.",
    ],
)
async def a_cancellation_ends_it(answer, draw, variant):
    scene = Scene(draw, HANGS, response(draw, 200))
    async with answer.running("call", *scene.args) as task:
        scene.did += "; cancelled the call during the first try"
        await either(task, scene.send.begun)
        await task.cancel()
        await is_cancelled(scene, task)
        scene.equal(scene.tries[0].stopped, True, "the try is cancelled with the call")
    scene = Scene(draw, response(draw, 503), response(draw, 200), clock=SimulatedClock(moves=False))
    async with answer.running("call", *scene.args) as task:
        scene.did += "; cancelled the call while it waited for the second try"
        await scene.clock.until_asleep(1, said="between two tries a call sleeps on the clock")
        await task.cancel()
        await is_cancelled(scene, task)


async def either(task, event):
    """Wait for the event, or for the end of the call."""
    waiting = [asyncio.ensure_future(each) for each in (event.wait(), task.wait())]
    try:
        await asyncio.wait(
            waiting, timeout=GENEROUS * patience.get(), return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for each in waiting:
            each.cancel()


async def is_cancelled(scene, task):
    """Fail unless the call ends in CancelledError, after one try."""
    said = "a call that is cancelled raises CancelledError, and tries nothing more"
    if not await task.wait(GENEROUS * patience.get()):
        raise Mismatch(said, scene.did, "CancelledError", "the call goes on", waited=True)
    try:
        got = f"it returned {show(await task.result())}"
    except AnswerRaised as raised:
        cancelled = "CancelledError" in raised.kinds
        got = "CancelledError" if cancelled else f"it raised {raised}"
    scene.equal(got, "CancelledError", said)
    scene.tried(1, said)
