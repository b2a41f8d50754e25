"""Async generators of an answer, taken item by item."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labsupport.checking import Result

Judged = Callable[..., Result]

STEPS = """
class Steps(StandIn):
    exposed = ("done",)
    def __init__(self): self.told = []
    def done(self, what): self.told.append(what)
steps = Steps()
"""
COUNTS = """
import asyncio
async def counts(steps, most):
    try:
        for number in range(most):
            steps.done(number)
            yield number
    finally:
        await asyncio.sleep(0)
        steps.done("closed")
"""


def test_an_item_is_made_when_the_check_wants_it(judged: Judged) -> None:
    result = judged(
        STEPS
        + """
async with answer.iterating("counts", steps, 9) as numbers:
    assert steps.told == []
    assert await anext(numbers) == 0
    assert (await anext(numbers), steps.told) == (1, [0, 1])
assert_equal(steps.told, [0, 1, "closed"], said="leaving the block closes it")
""",
        COUNTS,
    )
    assert result.verdict == "passed", result


def test_it_ends_when_the_answers_iterator_does(judged: Judged) -> None:
    result = judged(
        STEPS
        + """
async with answer.iterating("counts", steps, 3) as numbers:
    assert [number async for number in numbers] == [0, 1, 2]
assert_equal(steps.told, [0, 1, 2, "closed"], said="")
""",
        COUNTS,
    )
    assert result.verdict == "passed", result


def test_an_object_with_anext_is_an_iterator_too(judged: Judged) -> None:
    result = judged(
        """
        async with answer.iterating("Forever") as numbers:
            assert [await anext(numbers), await anext(numbers)] == [7, 7]
        """,
        """
        class Forever:
            def __aiter__(self): return self
            async def __anext__(self): return 7
        """,
    )
    assert result.verdict == "passed", result


def test_what_it_raises_is_raised_where_the_item_was_wanted(judged: Judged) -> None:
    result = judged(
        """
        async with answer.iterating("breaks") as items:
            assert await anext(items) == 1
            try:
                await anext(items)
            except AnswerRaised as raised:
                assert (raised.kind, raised.line) == ("KeyError", 3), raised
                return
        raise AssertionError("it raised")
        """,
        """
        async def breaks():
            yield 1
            raise KeyError("k")
        """,
    )
    assert result.verdict == "passed", result


def test_what_it_begins_ahead_of_time_is_seen(judged: Judged) -> None:
    result = judged(
        """
        class Ahead(Coroutine):
            def __init__(self): self.begun = asyncio.Event()
            def begins(self): self.begun.set()
            async def run(self): return 2
        class Maker(StandIn):
            exposed = ("__call__",)
            def __call__(self): return ahead
        ahead = Ahead()
        async with answer.iterating("eager", Maker()) as items:
            assert await anext(items) == 1
            await ahead.begun.wait()
        """,
        """
        import asyncio
        async def eager(make):
            task = asyncio.create_task(make())
            yield 1
            yield await task
        """,
    )
    assert result.verdict == "passed", result


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("def f(): return [1, 2]", "list"),
        ("async def f(): return [1, 2]", "coroutine"),
        ("def f(): yield 1", "generator"),
    ],
)
def test_what_is_no_async_iterator_is_said(judged: Judged, answer: str, kind: str) -> None:
    result = judged(
        """
        async with answer.iterating("f") as items:
            await anext(items)
        """,
        answer,
    )
    assert result.verdict == "failed", result
    assert result.said == "`f()` returns an async iterator", result
    assert kind in result.got, result
