"""One direction of one relayed TCP connection: read, hold, send.

A `Way` moves bytes from its source socket to its target socket. Everything it does is in `pump`,
which may be called at any time and does whatever can be done now: it asks `schedule.decide` for the
next step at the current offset and either sends, or ends, or returns after arranging that it is
called again: when bytes come, when the target takes bytes, when a piece is due, or soon, when the
receiver must read first. Because each step is decided when it is taken, changed faults apply to
every byte that has not left.

Back-pressure: at most `READ_AHEAD` bytes wait here, then the source is not read, its sender's
window closes, and the sender notices as it would without a link. It is `LONG_READ_AHEAD` with
`delay`, `jitter` and `retransmit_delay`, which model a longer cable with bytes under way on it, and
with `merge` and large pieces of `cut`, which must fit. The kernel's own buffers of the link's two
sockets come on top.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Literal, Protocol

from labsupport.clock import now
from labsupport.link.causal import ReadProbe
from labsupport.link.faults import LARGEST_BLOCK, TcpFaults
from labsupport.link.schedule import Departures, Dice, End, Hold, Piece, decide
from labsupport.link.waiting import Waiting
from labsupport.trace import Direction, Trace

__all__ = ["LONG_READ_AHEAD", "PATIENCE", "READ_AHEAD", "UNREAD_LIMIT", "Ends", "Way"]

READ_AHEAD = 64 * 1024
"""Bytes that wait in one direction before the source is no longer read."""

LONG_READ_AHEAD = LARGEST_BLOCK
"""The same in bytes where a fault models a longer cable, merges, or cuts large pieces."""

PATIENCE = 0.020
"""Seconds that a begun piece of `cut` waits for the rest of it, when the sender pauses."""

UNREAD_LIMIT = 2.0
"""Seconds after which a receiver that leaves a piece unread gets the next one anyway."""

_READ = 64 * 1024
_EAGER_LOOKS = 16
_PAUSE, _LONG_PAUSE, _LOOKS_BEFORE_LONG_PAUSE = 0.001, 0.005, 100
_WATCH = 0.050
_STANDING = ("delay", "jitter", "rate", "cut", "merge")


class Ends(Protocol):
    """What a way needs of the connection that it is one half of."""

    loop: asyncio.AbstractEventLoop
    trace: Trace
    name: str
    number: int
    probe: ReadProbe | None

    def finished(self, way: Way) -> None:
        """The way has sent its end of stream, or has read its sender's, or both."""

    def truncated(self, way: Way) -> None:
        """The way ended by `truncate`: the other one must end too."""

    def reset(self, why: str) -> None:
        """Both ends are to be reset, for this reason."""

    def source_reset(self, way: Way) -> None:
        """The way's sender has reset the connection."""

    def wrote(self, way: Way) -> None:
        """The way has sent bytes."""

    def target_lost(self, way: Way, error: OSError) -> None:
        """The way's receiver takes no more bytes."""


class Way:
    """One direction. ends: the connection; faults may be replaced at any time by `change`."""

    def __init__(
        self,
        ends: Ends,
        direction: Direction,
        source: socket.socket,
        target: socket.socket,
        faults: TcpFaults,
        dice: Dice,
    ) -> None:
        self.ends = ends
        self.direction: Direction = direction
        self.source = source
        self.target = target
        self.faults = faults
        self.written = 0
        self.sent_end = False
        self.read_end = False
        self._dice = dice
        self._departures = Departures()
        self._waiting = Waiting()
        self._offset = 0  # of the first byte that has not been taken from _waiting
        self._unsent = b""  # the rest of a piece that the target has not accepted
        self._read = 0
        self._dropped = 0
        self._dropping = False
        self._end: Literal["eof", "reset"] | None = None
        self._end_came = 0.0
        self._reading = self._writing = False
        self._timer: asyncio.Handle | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._looks = 0
        self._unread_since = 0.0
        self._last_left = 0.0
        self._said_stall = False

    # -- from outside

    def start(self) -> None:
        """Begin to read and to decide."""
        standing = ", ".join(
            f"{name}={value!r}" for name, value in self.faults.given.items() if name in _STANDING
        )
        if standing:
            self._say(standing)
        self._say_if_not_causal()
        self.pump()

    def change(self, faults: TcpFaults) -> None:
        """Use other faults for all bytes that have not left."""
        self.faults = faults
        self._looks = 0
        self._said_stall = False
        self._say_if_not_causal()
        self.pump()

    def end_here(self) -> None:
        """Send what waits, then end the stream; drop whatever the sender sends from now on."""
        self._dropping = True
        if self._end is None:
            self._end, self._end_came = "eof", now()
        self.pump()

    def abandon(self) -> None:
        """Send nothing more, since the receiver is gone; drop what comes."""
        self._dropping = self.sent_end = True
        self._waiting.clear()
        self._unsent = b""
        self.pump()

    def close(self) -> None:
        """Let go of the loop. The sockets belong to the connection."""
        self.sent_end = self.read_end = True
        self._waiting.clear()
        self._unsent = b""
        self._no_timer()
        if self._watching is not None:
            self._watching.cancel()
        self._adjust()
        if self._dropped:
            self._say(f"{self._dropped:,} bytes dropped")

    # -- the pump

    def pump(self) -> None:
        """Do what can be done now, and arrange to be called for the rest."""
        self._no_timer()
        while not self.sent_end:
            if self._unsent:
                if not self._flush():
                    break
                continue
            # Chunks that came at different times leave at different times, unless a fault joins.
            joined = bool(self.faults.cut) or self.faults.merge is not None
            available = self._waiting.total if joined else self._waiting.head
            ended = self._end is not None and available == self._waiting.total
            step = decide(self.faults, self._dice, self._offset, available, ended=ended)
            if isinstance(step, Hold):
                if step.why == "stall" and not self._said_stall:
                    self._said_stall = True
                    self._say(f"stall: bytes from offset {self._offset} on are held")
                break
            if isinstance(step, End):
                if self._may_end(step):
                    self._finish(step)
                break
            if not self._may_leave(step):
                break
            self._send(step)
        self._adjust()

    def _may_leave(self, piece: Piece) -> bool:
        came = self._waiting.came(piece.length)
        if piece.partial and self._room() > 0 and not self._reached(came + PATIENCE):
            return False
        if not self._reached(self._departures.due(piece, came)):
            return False
        return not piece.causal or self._receiver_is_ready()

    def _may_end(self, end: End) -> bool:
        if end.how == "eof":  # the end travels like a byte
            due = self._departures.due(Piece(0, hold=self.faults.delay), self._end_came)
            return self._reached(due)
        # So that the receiver gets every byte before the reset, wherever it is waiting.
        return end.how != "reset" or self._receiver_is_ready()

    def _reached(self, due: float) -> bool:
        left = due - now()
        if left <= 0:
            return True
        self._again(left)
        return False

    def _receiver_is_ready(self) -> bool:
        """Whether the receiver has read all before; if not, look again soon."""
        if self.ends.probe is None:  # no way to know: a short pause makes it likely
            return self._reached(self._last_left + _PAUSE)
        try:
            read = self.ends.probe.has_read(self.target)
        except OSError as error:
            self.ends.probe = None
            self._say(f"cuts are no longer causal: {error}")
            self._again(_PAUSE)
            return False
        if read:
            self._looks = 0
            return True
        if self._looks == 0:
            self._unread_since = now()
        self._looks += 1
        if now() - self._unread_since >= UNREAD_LIMIT:
            self._looks = 0
            self._say(f"the receiver left bytes unread for {UNREAD_LIMIT:g} s; going on")
            return True
        # Each look through the loop gives other threads and processes a turn. After some of them
        # the receiver is busy with something else, and timers leave it the processor.
        if self._looks <= _EAGER_LOOKS:
            self._timer = self.ends.loop.call_soon(self.pump)
        else:
            patient = self._looks > _LOOKS_BEFORE_LONG_PAUSE
            self._again(_LONG_PAUSE if patient else _PAUSE)
        return False

    def _send(self, piece: Piece) -> None:
        due = self._departures.due(piece, self._waiting.came(piece.length))
        self._last_left = now()
        self._departures.left(due, self._last_left)
        for index, bit in piece.flips:
            self._say(f"corrupt: bit {bit} of the byte at offset {self._offset + index} inverted")
        if piece.late:
            self._say(
                f"retransmit_delay: bytes from offset {self._offset} on held for {piece.late:g} s, "
                "a modelled retransmission"
            )
        self._unsent = piece.applied(self._waiting.take(piece.length))
        self._offset += piece.length
        self._flush()

    def _flush(self) -> bool:
        """Send the rest of a piece; whether nothing of it is left."""
        while self._unsent:
            try:
                with self.ends.trace.indivisible():
                    at = self.ends.trace.moment()
                    count = self.target.send(self._unsent)
                    self._add("sent", data=self._unsent[:count], offset=self.written, at=at)
            except BlockingIOError:
                if self._end == "reset":  # a reset does not wait for the receiver's window
                    self.ends.reset("its sender reset the connection")
                return False
            except OSError as error:
                self.ends.target_lost(self, error)
                return False
            self.written += count
            self._unsent = self._unsent[count:]
            self.ends.wrote(self)
        return True

    def _finish(self, end: End) -> None:
        if end.how == "reset" or self._end == "reset":
            fault = end.how == "reset"
            if fault:
                self._say(f"reset at offset {self._offset}")
            self.ends.reset("the fault reset" if fault else "its sender reset the connection")
            return
        if end.how != "eof":
            self._say(f"{end.how} at offset {self._offset}")
            self._dropped += self._waiting.total
            self._waiting.clear()
            self._dropping = True
        with self.ends.trace.indivisible():
            at = self.ends.trace.moment()
            try:
                self.target.shutdown(socket.SHUT_WR)
            except OSError as error:
                self.ends.target_lost(self, error)
                return
            self.sent_end = True
            self._add("eof", offset=self.written, note="sent", at=at)
            if end.how == "truncate":
                self.ends.truncated(self)
            self.ends.finished(self)  # so that a close which follows from it is in the trace too

    # -- reading

    def _readable(self) -> None:
        try:
            data = self.source.recv(_READ if self._dropping else min(_READ, self._room()))
        except BlockingIOError:
            return
        except OSError as error:
            self._source_failed(error)
            return
        if data:
            self._add("received", data=data, offset=self._read)
            self._read += len(data)
            if self._dropping:
                self._dropped += len(data)
                return
            self._waiting.append(data, now())
        else:
            self.read_end = True
            self._add("eof", offset=self._read, note="received")
            if self._end is None:
                self._end, self._end_came = "eof", now()
        self.pump()
        if self.read_end:
            self.ends.finished(self)

    def _source_failed(self, error: OSError) -> None:
        self.read_end = True
        self._adjust()
        if error.errno not in (errno.ECONNRESET, errno.ECONNABORTED):
            self._add("error", offset=self._read, note=f"reading: {error.strerror}")
        self._add("reset", offset=self._read, note="received")
        self._end, self._end_came = "reset", now()
        self.ends.source_reset(self)

    def _watch(self) -> None:
        """Look for a reset of a source that is not read because the target takes nothing."""
        self._watching = None
        if not self._unsent or self.read_end:
            return
        paused = not self._reading
        failed = self.source.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if paused else 0
        if failed:
            self._source_failed(OSError(failed, os.strerror(failed)))
        else:
            self._watching = self.ends.loop.call_later(_WATCH, self._watch)

    def _adjust(self) -> None:
        """Read, or wait for the target to take bytes, as the state says."""
        room = self._dropping or self._room() > 0
        read = room and not self.read_end
        if read != self._reading:
            self._reading = read
            if read:
                self.ends.loop.add_reader(self.source, self._readable)
            else:
                self.ends.loop.remove_reader(self.source)
        write = bool(self._unsent) and not self.sent_end
        if write != self._writing:
            self._writing = write
            if write:
                self.ends.loop.add_writer(self.target, self.pump)
                if self._watching is None:
                    self._watching = self.ends.loop.call_later(_WATCH, self._watch)
            else:
                self.ends.loop.remove_writer(self.target)

    def _room(self) -> int:
        """How many more bytes may wait here."""
        faults = self.faults
        long = (
            faults.delay
            or faults.jitter
            or faults.retransmit_delay
            or faults.merge is not None
            or max(faults.cut, default=0) > READ_AHEAD
        )
        held = self._waiting.total + len(self._unsent)
        return (LONG_READ_AHEAD if long else READ_AHEAD) - held

    # -- small things

    def _again(self, seconds: float) -> None:
        self._timer = self.ends.loop.call_later(seconds, self.pump)

    def _no_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _say_if_not_causal(self) -> None:
        if self.faults.cut and self.ends.probe is None:
            self._say("cuts are not causal on this machine: pieces may be read together")

    def _say(self, note: str) -> None:
        self._add("fault", offset=self._offset, note=note)

    def _add(
        self,
        kind: str,
        *,
        data: bytes = b"",
        offset: int = 0,
        note: str = "",
        at: float | None = None,
    ) -> None:
        self.ends.trace.add(
            self.ends.name,
            kind,
            connection=self.ends.number,
            direction=self.direction,
            data=data,
            offset=offset,
            note=note,
            at=at,
        )
