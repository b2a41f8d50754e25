"""Checks of the exercise `gather`: at most n coroutines at once, and nothing left behind.

The coroutines are the checks' own: they decide when each ends, and see when it is made, begun and
cancelled. Whether a call waited for its coroutines is seen without a clock: those that it leaves
running are cancelled by its loop, after it, and say so.
"""

import asyncio
import contextlib

from labsupport.checking import (
    AnswerRaised,
    Coroutine,
    Exercise,
    Mismatch,
    StandIn,
    assert_equal,
    assert_that,
    fail,
)
from labsupport.checking.asserts import apart, having, patience
from labsupport.clock import Deadline

exercise = Exercise(
    "gather",
    title="gather: at most n at once, and nothing left behind",
    lesson="05b",
    minutes=45,
    kind="core",
    entry="async gather_bounded(n, makers, deadline) -> list",
)

race = Exercise(
    "gather.race",
    title="gather, the step: wait for those that you have cancelled",
    lesson="05b",
    minutes=3,
    kind="core",
    entry="async race(makers) -> result",
)

GENEROUS = 3.0  # seconds that something may take which takes a moment
MOMENT = 0.5  # seconds in which most answers begin the next one
SHORT = 0.5  # seconds: a deadline that is to pass
PART = 0.05  # seconds that each of many coroutines takes
LATE = 60  # of these coroutines: they take three seconds in turn
HOUR = 3600  # seconds: a deadline that does not pass


class Work(Coroutine):
    """A coroutine that waits until its check lets it end.

    error: what it raises then. regrets: what it raises when it is cancelled, if anything else.
    shrugs: when it is cancelled, it returns. takes: seconds after which it ends by itself. lingers:
    when it is cancelled, it goes on until the check lets it go.
    """

    def __init__(self, crew, number):
        self.crew = crew
        self.number = number
        self.error = None
        self.regrets = None
        self.shrugs = False
        self.takes = None
        self.lingers = False
        self.made = self.begun = self.stopped = self.ended = False
        self.beside = 0  # how many ran when it began, with it
        self.left = False  # to run on by itself
        self.gate = asyncio.Event()
        self.free = asyncio.Event()

    def begins(self):
        self.begun = True
        self.beside = len(self.crew.running())
        self.crew.changed.set()

    async def run(self):
        self.crew.has_begun(self)
        try:
            if self.takes is None:
                await self.gate.wait()
            else:
                await asyncio.sleep(self.takes)
            if self.error is not None:
                raise self.error
            return f"result {self.number}"
        except asyncio.CancelledError:
            if self.lingers:
                await self.free.wait()
            if self.regrets is not None and not self.left:
                raise self.regrets from None
            if self.shrugs and not self.left:
                return "too late"
            raise

    def cancelled(self, left):
        self.stopped = self.stopped or not left
        self.left = self.left or left
        self.crew.changed.set()

    def over(self, left):
        self.ended = True
        self.left = self.left or left
        self.crew.changed.set()


class Maker(StandIn):
    """What makes one coroutine, and notes that it was called."""

    exposed = ("__call__",)

    def __init__(self, work):
        self.work = work

    def __repr__(self):
        return f"maker_{self.work.number}"

    def __call__(self):
        if self.work.made:
            raise Mismatch("each maker is called once", got=f"{self!r} was called again")
        self.work.made = True
        self.work.crew.has_made()
        return self.work


class Crew:
    """The coroutines of one call, and what holds for all of them."""

    def __init__(self, size, *, most=None, unbegun=None):
        self.works = [Work(self, number) for number in range(size)]
        self.makers = [Maker(work) for work in self.works]
        self.most = most
        self.unbegun = unbegun
        self.changed = asyncio.Event()
        self.expected = ()
        self.task = None
        self.did = ""

    @contextlib.asynccontextmanager
    async def met_by(self, answer, name, *args, did, raises=()):
        """Have the answer called with these coroutines while the block runs.

        raises: errors that the call may end in; any other is a crash of the answer.
        """
        self.did, self.expected = did, raises
        with having(did):
            async with answer.running(name, *args) as self.task:
                try:
                    yield self
                finally:
                    for work in self.works:
                        work.free.set()

    def running(self):
        """Those that have begun and not ended."""
        return [work for work in self.works if work.begun and not work.ended]

    def has_begun(self, work):
        if self.most is not None and work.beside > self.most:
            raise Mismatch(
                f"at most {self.most} run at once",
                did=self.did,
                expected=f"at most {self.most} that have begun and not ended",
                got=f"{work.beside} of them",
            )

    def has_made(self):
        waiting = [work for work in self.works if work.made and not work.begun]
        if self.unbegun is not None and len(waiting) > self.unbegun:
            raise Mismatch(
                "a maker is called when its coroutine can begin",
                did=self.did,
                expected=f"at most {self.unbegun} coroutines that were made and have not begun",
                got=f"{len(waiting)} of them",
            )

    async def until(self, holds, said):
        """Wait until it holds. The call must not end before."""
        until = Deadline(GENEROUS * patience.get())
        while not holds():
            self.changed.clear()
            if self.task.done():
                fail(said, did=self.did, expected="the call goes on", got=await self.outcome())
            if until.left() <= 0:
                raise self._late(said, self.state())
            change = asyncio.ensure_future(self.changed.wait())
            ended = asyncio.ensure_future(self.task.wait())
            await asyncio.wait(
                (change, ended), timeout=until.left(), return_when=asyncio.FIRST_COMPLETED
            )
            change.cancel()
            ended.cancel()

    async def at_once(self, number):
        """Wait until that many run: what the check does then needs them."""
        with apart(
            "How many coroutines has yours begun, before the first one has ended?",
            "A task for each place, or for each maker: await only when all of them are there.",
        ):
            await self.until(lambda: len(self.running()) >= number, f"{number} run at once")

    async def may_begin(self, number):
        """Give that many a moment to have begun: that they have to is judged elsewhere."""
        until = Deadline(MOMENT * patience.get())
        while sum(work.begun for work in self.works) < number and until.left() > 0:
            self.changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(until.left()):
                    await self.changed.wait()

    async def release(self, numbers, said):
        """Let those end that were cancelled, each when the one before is over.

        So a call that waits for the first of them only is over before the last one.
        """
        for number in numbers:
            self.works[number].free.set()
            await self.until(lambda each=number: self.works[each].ended, said)

    def _late(self, said, got):
        expected = f"{said}, within {GENEROUS:g} s"
        return Mismatch(said, did=self.did, expected=expected, got=got, waited=True)

    async def end(self, said):
        """Wait until the call has ended."""
        if not await self.task.wait(GENEROUS * patience.get()):
            raise self._late(said, f"the call goes on: {self.state()}")

    async def end_without(self, numbers, said):
        """Wait until the call has ended. None of those may begin, whoever has ended."""
        works = [self.works[number] for number in numbers]
        await self.until(
            lambda: self.task.done() or any(work.begun for work in works),
            "your coroutine ends when those have ended that were cancelled",
        )
        self.assert_not_begun(numbers, said)

    async def outcome(self):
        """What the call came to, in words. An error that is not expected leaves as a crash."""
        try:
            return f"it returned {await self.task.result()!r}"
        except AnswerRaised as raised:
            if not set(raised.kinds) & set(self.expected):
                raise
            return f"it raised {raised.kind}"

    async def raises(self, kind, message, said, other):
        """Fail unless the call ends in this error. other: hints for another error."""
        await self.end(said)
        expected = f"{kind}{': ' + message if message else ''}"
        try:
            got = f"it returned {await self.task.result()!r}"
        except AnswerRaised as raised:
            if kind in raised.kinds and (message is None or raised.message == message):
                return
            with apart(*other):
                fail(said, did=self.did, expected=expected, got=f"it raised {raised}")
        fail(said, did=self.did, expected=expected, got=got)

    def state(self):
        """Which coroutines are in which state, in words."""
        begun = [work.number for work in self.works if work.begun]
        ended = [work.number for work in self.works if work.ended]
        return f"begun: {begun}; of these ended: {ended} (counted from 0)"

    def assert_stopped(self, numbers, said):
        """Fail unless those were cancelled while the call went on."""
        left = [n for n in numbers if not self.works[n].stopped]
        assert_that(
            not left,
            said,
            did=self.did,
            expected=f"{_these(numbers)} cancelled by your coroutine",
            got=f"{_these(left)} left to run on",
        )

    def assert_nothing_left(self, said):
        """Fail if one had not ended when the call had."""
        left = [work.number for work in self.works if work.begun and (work.left or not work.ended)]
        assert_that(
            not left,
            said,
            did=self.did,
            expected="no coroutine that has begun and not ended",
            got=f"{_these(left)} had not ended when yours had",
        )

    def assert_not_begun(self, numbers, said):
        """Fail if one of those has begun."""
        begun = [n for n in numbers if self.works[n].begun]
        assert_that(
            not begun, said, did=self.did, expected=f"{_these(numbers)} never begun",
            got=f"{_these(begun)} begun",
        )  # fmt: skip


def _these(numbers):
    return f"coroutine{'s' if len(numbers) != 1 else ''} {', '.join(map(str, numbers))}"


# Hints for an error that is not the one that is wanted.
THE_FIRST = (
    "Several errors came. Which of them is wanted, and which did yours raise?",
    "One is of the coroutine that failed, the others of those that were cancelled then. A "
    "TaskGroup puts all of them into an ExceptionGroup.",
    "Note the first error where it comes, and raise that one at the end.",
)
AT_THEIR_END = (
    "A coroutine that is cancelled can raise an error of its own. What does yours raise then?",
    "A TaskGroup raises a group of those errors, in the place of TimeoutError or CancelledError.",
    "Cancel the tasks in your finally, await them with return_exceptions=True, and drop what comes:"
    " the error that brought you there goes on by itself.",
)


# ---- the step ----


@race.check(
    "returns when the others have ended",
    points=1,
    deadline=10.0,
    misconception="cancel-stops-at-once",
    hints=[
        "cancel asks a task to end. When has it ended?",
        "Wait for all of `pending`, and do not let out what they raise.",
        "await asyncio.gather(*pending, return_exceptions=True), before the return.",
    ],
)
async def returns_when_the_others_have_ended(answer, draw, variant):
    size = draw.integer(4, 6)
    first = draw.integer(0, size - 1)
    others = [number for number in range(size) if number != first]
    crew = Crew(size)
    for work in crew.works:
        work.lingers = True
    crew.works[others[-1]].regrets = OSError("no clean end")  # released when the rest is over
    did = f"let coroutine {first} of {size} end; the others take a moment to end when cancelled"
    async with crew.met_by(answer, "race", crew.makers, did=did, raises=("OSError",)):
        await crew.until(lambda: len(crew.running()) == size, "all of them run at once")
        crew.works[first].gate.set()
        await crew.until(
            lambda: all(crew.works[n].stopped for n in others), "the others are cancelled"
        )
        await crew.release(others, "`race` returns when all have ended, and not before")
        await crew.end("`race` returns when all have ended")
        crew.assert_nothing_left("`race` returns when all have ended, and not before")
        got = await crew.outcome()
    said = "`race` returns the result of the first one"
    assert_that(got == (wanted := f"it returned 'result {first}'"), said, wanted, got, did)
    crew = Crew(1)
    did = "called race with one maker, and let its coroutine end"
    async with crew.met_by(answer, "race", crew.makers, did=did):
        crew.works[0].gate.set()
        await crew.end("`race` returns when all have ended")
        with apart(
            "There is one maker. What is in `pending` when its coroutine has ended?",
            "asyncio.wait raises ValueError for an empty set. asyncio.gather may be given none.",
        ):
            try:
                got = await crew.outcome()
            except AnswerRaised as raised:
                got = f"it raised {raised}"
            assert_that(got == (wanted := "it returned 'result 0'"), said, wanted, got, did)


# ---- the build ----


def call(n, size, deadline="None"):
    """A call of gather_bounded in words."""
    return f"called gather_bounded({n}, makers, {deadline}) with {size} makers"


@exercise.check(
    "results in the order given",
    points=1,
    deadline=10.0,
    hints=[
        "In which order do the coroutines end, and in which order do you note their results?",
        "A result belongs to the place of its maker, whenever it comes.",
        "results = [None] * len(makers), and results[number] = ...; or read the tasks in order.",
    ],
)
async def results_in_the_order_given(answer, draw, variant):
    size = draw.integer(4, 6)
    order = list(range(size))
    order = order[1:] + order[:1] if draw.integer(0, 1) else order[::-1]
    crew = Crew(size)
    did = f"{call(size, size, HOUR)}; they ended in the order {order}"
    async with crew.met_by(answer, "gather_bounded", size, crew.makers, HOUR, did=did):
        await crew.until(lambda: len(crew.running()) == size, f"with n = {size} all {size} run")
        for number in order:
            crew.works[number].gate.set()
            await crew.until(lambda n=number: crew.works[n].ended, "a coroutine ends by itself")
        await crew.end("`gather_bounded` returns when all have ended")
        got = await crew.task.result()
    wanted = [f"result {number}" for number in range(size)]
    assert_equal(got, wanted, "the results stand in the order of the makers", did)
    got = await answer.call("gather_bounded", 3, [], None)
    assert_equal(got, [], "of no maker there is no result", "called gather_bounded(3, [], None)")


@exercise.check(
    "n at once, and no more",
    points=2,
    deadline=10.0,
    hints=[
        "How many coroutines have begun when the first one waits?",
        "A semaphore counts places: whoever begins takes one, and gives it back at its end.",
        "room = asyncio.Semaphore(n); then `async with room:` around the await of the coroutine.",
    ],
)
async def n_at_once_and_no_more(answer, draw, variant):
    n, rounds = draw.integer(3, 4), 3
    size = n * rounds
    crew = Crew(size, most=n)
    async with crew.met_by(answer, "gather_bounded", n, crew.makers, None, did=call(n, size)):
        for number in range(rounds):
            begun = n * (number + 1)
            said = f"{n} run at once, as long as there are so many"
            await crew.until(
                lambda begun=begun: sum(work.begun for work in crew.works) >= begun, said
            )
            for work in crew.running()[:n]:
                work.gate.set()
                await crew.until(lambda each=work: each.ended, "a coroutine ends by itself")
                if work is crew.works[n * number]:  # n - 1 are left: who takes its place?
                    await crew.may_begin(min(begun + 1, size))
        await crew.end("`gather_bounded` returns when all have ended")
        await crew.task.result()


@exercise.check(
    "the next begins when one ends",
    points=2,
    deadline=10.0,
    hints=[
        "One of n has ended, the others take long. Who has its place?",
        "Groups of n wait for the slowest of each group. Give every coroutine a place of its own.",
        "A task for each maker that waits for a place first, or n tasks that take the next maker.",
    ],
)
async def the_next_begins_when_one_ends(answer, draw, variant):
    n, size = draw.integer(2, 4), 8
    slow = draw.integer(0, n - 1)
    crew = Crew(size)
    did = f"{call(n, size)}; coroutine {slow} took long, and the others ended one after the other"
    async with crew.met_by(answer, "gather_bounded", n, crew.makers, None, did=did):
        for number in [each for each in range(size) if each != slow]:
            said = f"coroutine {number} begins as soon as there is a place"
            await crew.until(lambda each=number: crew.works[each].begun, said)
            crew.works[number].gate.set()
            await crew.until(lambda each=number: crew.works[each].ended, "it ends by itself")
        crew.works[slow].gate.set()
        await crew.end("`gather_bounded` returns when all have ended")
        await crew.task.result()


@exercise.check(
    "a coroutine is made when it can begin",
    points=1,
    deadline=10.0,
    misconception="calling-runs-it",
    hints=[
        "When do you call the makers, and when do you await what they return?",
        "A coroutine that is made and never awaited is a warning, and work that was not done.",
        "Call the maker where the place is taken: async with room: result = await maker().",
    ],
)
async def a_coroutine_is_made_when_it_can_begin(answer, draw, variant):
    n, size = draw.integer(2, 4), 12
    crew = Crew(size, unbegun=n)
    async with crew.met_by(answer, "gather_bounded", n, crew.makers, None, did=call(n, size)):
        for work in crew.works:
            work.gate.set()
        await crew.end("`gather_bounded` returns when all have ended")
        await crew.task.result()
        ended = sum(work.ended for work in crew.works)
        assert_equal(ended, size, "`gather_bounded` runs every coroutine", crew.did)


@exercise.check(
    "the first error stops the others",
    points=2,
    deadline=10.0,
    misconception="first-error-stops-all",
    hints=[
        "One coroutine has raised. Who tells the others, and who those that have not begun?",
        "asyncio.gather passes the error on and lets the others run. Whoever has a task, or waits "
        "for a place, begins one more when a place comes free, also on the way out of an error.",
        "Where the error comes, empty the list of those that have not begun, and cancel the tasks. "
        "Where one swallows its cancellation, your worker goes on behind it.",
    ],
)
async def the_first_error_stops_the_others(answer, draw, variant):
    n = draw.integer(3, 4)
    size, bad = n + 3, draw.integer(0, n - 1)
    others = [number for number in range(n) if number != bad]
    crew = Crew(size)
    message = draw.word()
    crew.works[bad].error = ConnectionError(message)
    crew.works[others[0]].shrugs = True
    crew.works[others[-1]].regrets = ValueError("no clean end")
    did = (
        f"{call(n, size)}; coroutine {bad} raised an error; when cancelled, coroutine {others[0]} "
        f"returns a result, and coroutine {others[-1]} raises an error of its own"
    )
    async with crew.met_by(answer, "gather_bounded", n, crew.makers, None, did=did):
        await crew.at_once(n)
        crew.works[bad].gate.set()
        said = "after the first error the others are cancelled"
        await crew.until(
            lambda: crew.task.done() or all(crew.works[each].stopped for each in others), said
        )
        crew.assert_stopped(others, said)
        await crew.end_without(range(n, size), "after the first error no coroutine begins")
        said = "the first error is raised, as it is"
        await crew.raises("ConnectionError", message, said, THE_FIRST)


@exercise.check(
    "an error is raised when all have ended",
    points=2,
    deadline=10.0,
    misconception="cancel-stops-at-once",
    hints=[
        "A coroutine that you cancel closes its connection first. Who waits for that?",
        "cancel only asks. Wait for every task that you have cancelled, and raise then.",
        "await asyncio.gather(*tasks, return_exceptions=True) before the raise. A TaskGroup waits.",
    ],
)
async def an_error_is_raised_when_all_have_ended(answer, draw, variant):
    n = draw.integer(3, 4)
    size, bad = n + 2, draw.integer(0, n - 1)
    others = [number for number in range(n) if number != bad]
    crew = Crew(size)
    crew.works[bad].error = ConnectionError("reset")
    for number in others:
        crew.works[number].lingers = True
    did = f"{call(n, size)}; coroutine {bad} raised; the others take a moment to end when cancelled"
    async with crew.met_by(
        answer, "gather_bounded", n, crew.makers, None, did=did, raises=("ConnectionError",)
    ):
        await crew.at_once(n)
        crew.works[bad].gate.set()
        said = "after the first error the others are cancelled"
        await crew.until(lambda: all(crew.works[each].stopped for each in others), said)
        said = "the error is raised when all coroutines have ended, and not before"
        await crew.release(others, said)
        await crew.end(said)
        crew.assert_nothing_left(said)


@exercise.check(
    "the deadline is for the whole",
    points=2,
    deadline=15.0,
    misconception="timeout-per-item-is-total",
    hints=[
        "Each coroutine is quick, and there are many. What bounds the time of all of them?",
        "One timeout around the whole, not one around each coroutine.",
        "async with asyncio.timeout(deadline): around everything; None is no deadline for it.",
    ],
)
async def the_deadline_is_for_the_whole(answer, draw, variant):
    size = 3 * LATE
    crew = Crew(size)
    for work in crew.works:
        work.takes = PART
    did = f"{call(1, size, SHORT)}, whose coroutines take {PART} s each"
    async with crew.met_by(answer, "gather_bounded", 1, crew.makers, SHORT, did=did):
        # Each takes its time, so that the number of those that have begun is a clock, too.
        while not (crew.task.done() or crew.works[LATE].begun):
            await crew.task.wait(PART)
        crew.assert_not_begun([LATE], f"{LATE * PART:g} s are over, and the deadline is long past")
        said = "after the deadline TimeoutError is raised"
        await crew.raises("TimeoutError", None, said, AT_THEIR_END)
    crew = Crew(4)
    for work in crew.works:
        work.lingers = True
    crew.works[0].shrugs = True
    crew.works[1].regrets = OSError("no clean end")
    did = (
        f"{call(2, 4, SHORT)}, of which none ends by itself; when cancelled, coroutine 0 returns a "
        "result, and coroutine 1 raises an error of its own"
    )
    ends = ("TimeoutError", "OSError")
    async with crew.met_by(answer, "gather_bounded", 2, crew.makers, SHORT, did=did, raises=ends):
        with apart(
            "The deadline has passed. Which coroutines run on when yours raises?",
            "Whatever ends yours, the others are cancelled first, and you wait for their end.",
            "finally: for each task cancel(); then await asyncio.gather(*tasks, "
            "return_exceptions=True).",
        ):
            said = "after the deadline those that have begun are cancelled"
            await crew.until(lambda: all(work.stopped for work in crew.works[:2]), said)
            said = "TimeoutError is raised when all coroutines have ended, and not before"
            await crew.release([0, 1], said)
            await crew.end_without([2, 3], "after the deadline no coroutine begins")
            crew.assert_nothing_left(said)
        said = "after the deadline TimeoutError is raised; what they raise at their end is dropped"
        await crew.raises("TimeoutError", None, said, AT_THEIR_END)


@exercise.check(
    "who is cancelled cancels its coroutines",
    points=2,
    deadline=10.0,
    misconception="a-task-runs-by-itself",
    hints=[
        "Your coroutine is cancelled while it waits. What becomes of the tasks that it has made?",
        "asyncio.wait lets them run on. A TaskGroup cancels and awaits them; so can your finally.",
        "Let CancelledError out: except Exception does not catch it, and nothing else should.",
    ],
)
async def who_is_cancelled_cancels_its_coroutines(answer, draw, variant):
    n = draw.integer(2, 4)
    size = n + 3
    crew = Crew(size)
    for work in crew.works:
        work.lingers = True
    crew.works[0].shrugs = True
    crew.works[1].regrets = OSError("no clean end")
    did = (
        f"{call(n, size)}, and cancelled the task that it ran in; when cancelled, coroutine 0 "
        "returns a result, and coroutine 1 raises an error of its own"
    )
    ends = ("CancelledError", "OSError")
    async with crew.met_by(answer, "gather_bounded", n, crew.makers, None, did=did, raises=ends):
        await crew.at_once(n)
        await crew.task.cancel()
        said = "those that have begun are cancelled"
        await crew.until(lambda: all(work.stopped for work in crew.works[:n]), said)
        said = "CancelledError is raised when all coroutines have ended, and not before"
        await crew.release(range(n), said)
        await crew.end_without(range(n, size), "whoever is cancelled begins nothing more")
        crew.assert_nothing_left(said)
        said = "CancelledError is raised; what they raise at their end is dropped"
        await crew.raises("CancelledError", None, said, AT_THEIR_END)
