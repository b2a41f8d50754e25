"""The helper package of the course: peers, faulty cables, pictures and checks.

The names below are imported when they are first used, so that `import labsupport` costs nothing and
a process that needs one part does not load the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labsupport import (
        checking,
        crowd,
        http1,
        lessons,
        load,
        meters,
        openloop,
        phases,
        pictures,
        serving,
        storm,
        twins,
    )
    from labsupport.ends import arrived, connected
    from labsupport.link import Link
    from labsupport.predictions import settle, warm_up
    from labsupport.recording import RecordingSocket, record
    from labsupport.serving import serve
    from labsupport.trace import Event, Trace, hexdump

__version__ = "0.1.0"

__all__ = [
    "Event",
    "Link",
    "RecordingSocket",
    "Trace",
    "arrived",
    "checking",
    "connected",
    "crowd",
    "hexdump",
    "http1",
    "lessons",
    "load",
    "meters",
    "openloop",
    "phases",
    "pictures",
    "record",
    "serve",
    "serving",
    "settle",
    "storm",
    "twins",
    "warm_up",
]

_HOMES = {
    "Event": "trace",
    "Link": "link",
    "RecordingSocket": "recording",
    "Trace": "trace",
    "arrived": "ends",
    "connected": "ends",
    "hexdump": "trace",
    "record": "recording",
    "serve": "serving",
    "settle": "predictions",
    "warm_up": "predictions",
}
_ROOMS = (
    "checking", "crowd", "http1", "lessons", "load", "meters", "openloop", "phases", "pictures",
    "serving", "storm", "twins",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """Add the course's magics to a notebook: what `%load_ext labsupport` calls."""
    import_module(f"{__name__}.notebook").load_ipython_extension(shell)
