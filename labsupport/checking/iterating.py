"""Async iterators of an answer: a check takes one item after the other, and sees what it costs.

The iterator stays in the answer's process, on an event loop of its own. The check's `anext` lets it
go on to its next item and no further; between two items the answer's loop runs, so that what it
begins ahead of time is seen. Leaving the block closes the iterator (aclose, as contextlib.aclosing
does) and waits for the end of that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from labsupport.checking.asserts import Mismatch
from labsupport.checking.showing import show
from labsupport.checking.standins import Coroutine, StandIn

if TYPE_CHECKING:
    from labsupport.checking.remote import RemoteAnswer

__all__ = ["RemoteIterator", "iterating"]


class RemoteIterator:
    """What an async generator function of the answer has returned. Items are plain data.

    It raises as `RemoteAnswer.call` does when the answer's iterator raises.
    """

    def __init__(self, answer: RemoteAnswer, name: str, args: Sequence[Any], spoken: str) -> None:
        self._taker = _Taker()
        self._spoken = spoken
        answer.did = f"iterated over {spoken}"
        self._end = asyncio.create_task(
            answer._request("iterate", spoken, name=name, object=None, args=list(args),
                            taker=self._taker)
        )  # fmt: skip

    def __aiter__(self) -> RemoteIterator:
        return self

    async def __anext__(self) -> Any:
        self._taker.wanted.put_nowait(True)
        taken = asyncio.ensure_future(self._taker.taken.get())
        try:
            await asyncio.wait((taken, self._end), return_when=asyncio.FIRST_COMPLETED)
            if taken.done():
                return taken.result()
        finally:
            taken.cancel()
        await self._has_ended()
        raise StopAsyncIteration

    async def close(self) -> None:
        """Close the iterator, and wait until it is."""
        if not self._end.done():
            self._taker.wanted.put_nowait(False)
            await self._has_ended()

    async def _has_ended(self) -> None:
        kind = await self._end
        if kind is not None:
            raise Mismatch(
                f"`{self._spoken}` returns an async iterator",
                expected="an async generator function: `async def` with `yield`",
                got=f"it returned an object of the type {show(kind)}",
            )

    def abandon(self) -> None:
        """Wait for it no longer."""
        self._end.cancel()


class _Taker(StandIn):
    """What the answer's process asks before each item, and hands the item to."""

    exposed = ("wants", "take")

    def __init__(self) -> None:
        self.wanted: asyncio.Queue[bool] = asyncio.Queue()
        self.taken: asyncio.Queue[Any] = asyncio.Queue()

    def wants(self) -> Coroutine:
        return _Wants(self.wanted)

    def take(self, item: Any) -> None:
        self.taken.put_nowait(item)


class _Wants(Coroutine):
    def __init__(self, wanted: asyncio.Queue[bool]) -> None:
        self._wanted = wanted

    async def run(self) -> bool:
        return await self._wanted.get()


@asynccontextmanager
async def iterating(
    answer: RemoteAnswer, name: str, args: Sequence[Any], spoken: str
) -> AsyncIterator[RemoteIterator]:
    """Iterate over what name(*args) returns. Leaving the block closes it. spoken: for feedback."""
    iterator = RemoteIterator(answer, name, args, spoken)
    try:
        yield iterator
        await iterator.close()
    finally:
        iterator.abandon()
