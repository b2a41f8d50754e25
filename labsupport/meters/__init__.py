"""Meters: what the operating system says about a process, its sockets and this machine.

Everything here but `LoopLag`, which measures an asyncio loop, asks the operating system and not
Python, so that a figure means the same for any program. What a system does not tell is
`Unavailable` with the reason, never a guess.
"""

from __future__ import annotations

from labsupport.meters.lag import LoopLag
from labsupport.meters.machine import Facts, what_this_machine_allows
from labsupport.meters.process import descriptors, memory, threads
from labsupport.meters.sockets import (
    STATES,
    Connection,
    Owner,
    Unavailable,
    connections,
    owner_of_port,
    tcp_info,
    tcp_state,
)
from labsupport.meters.states import NOT_VISIBLE, StateRecorder, state_of

__all__ = [
    "NOT_VISIBLE",
    "STATES",
    "Connection",
    "Facts",
    "LoopLag",
    "Owner",
    "StateRecorder",
    "Unavailable",
    "connections",
    "descriptors",
    "memory",
    "owner_of_port",
    "state_of",
    "tcp_info",
    "tcp_state",
    "threads",
    "what_this_machine_allows",
]
