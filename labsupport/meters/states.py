"""The states of a connection's two ends, written into a trace at moments that the caller names."""

from __future__ import annotations

from collections.abc import Mapping

from labsupport.clock import Deadline, poll
from labsupport.meters.sockets import STATES, Address, Unavailable, tcp_state
from labsupport.trace import Event, Trace

__all__ = ["NOT_VISIBLE", "StateRecorder", "state_of"]

NOT_VISIBLE = "NOT_VISIBLE"
"""What a `StateRecorder` writes where this machine does not show the state."""


class StateRecorder:
    """Writes the TCP states of a connection's two ends into a trace, each time it is told to.

    ``client`` is (local address, remote address) as the client sees them; ``server`` the same as
    the server sees them, and may be left out when nothing on the way changes addresses. Take the
    addresses while the sockets are open: a closed socket does not know its own any more.

    Each mark adds a "state" event for the client and one for the server, with a note such as
    "FIN_WAIT_2 after client: close()"; `state_of` reads it.
    """

    def __init__(
        self,
        trace: Trace,
        client: tuple[Address, Address],
        server: tuple[Address, Address] | None = None,
        *,
        connection: int = 1,
    ) -> None:
        self.trace = trace
        self.connection = connection
        self._ends = {"client": client, "server": server or (client[1], client[0])}

    def now(self) -> dict[str, str]:
        """The states of both ends; `NOT_VISIBLE` for one that this machine does not show."""
        return {name: _visible(*end) for name, end in self._ends.items()}

    def mark(
        self,
        what: str,
        *,
        until: Mapping[str, str] | None = None,
        deadline: Deadline | float = 2.0,
    ) -> dict[str, str]:
        """Record the states after ``what`` ("client: close()") and return them.

        ``until`` names the state that each end is expected to reach, such as
        {"client": "TIME_WAIT"}: the kernel works on after the call, so the recorder waits for them
        up to ``deadline`` (seconds). An end that is not visible is not waited for.

        Raises TimeoutError when a state was not reached, ValueError for an unknown end or state.
        """
        wanted = dict(until or {})
        for name, state in wanted.items():
            if name not in self._ends or state not in STATES:
                raise ValueError(
                    f"until={{{name!r}: {state!r}}} needs an end ({', '.join(self._ends)}) and one "
                    f"of the states {', '.join(STATES)}"
                )
        seen: dict[str, str] = {}

        def reached() -> bool:
            seen.update(self.now())
            return all(seen[name] in (state, NOT_VISIBLE) for name, state in wanted.items())

        try:
            poll(reached, deadline=deadline, said="")
        except TimeoutError:
            missed = [
                f"the {name} was to reach {state} and is in {seen[name]}"
                for name, state in wanted.items()
                if seen[name] not in (state, NOT_VISIBLE)
            ]
            raise TimeoutError(f"after {what}: {'; '.join(missed)}") from None
        for name, state in seen.items():
            self.trace.add(name, "state", connection=self.connection, note=f"{state} after {what}")
        return seen


def state_of(event: Event) -> tuple[str, str] | None:
    """The state and the mark in an event of a `StateRecorder`; None for any other event."""
    state, after, what = event.note.partition(" after ")
    known = event.kind == "state" and after and (state in STATES or state == NOT_VISIBLE)
    return (state, what) if known else None


def _visible(local: Address, remote: Address) -> str:
    try:
        return tcp_state(local, remote)
    except Unavailable:
        return NOT_VISIBLE
