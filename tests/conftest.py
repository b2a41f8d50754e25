"""What holds for all tests: a history of their own, programs that can be interrupted, and markers
that skip where they must."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _history_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tries and votes of tests out of the course's own history."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABSUPPORT_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _interrupts_reach_children() -> None:
    """A shell starts what runs in the background with SIGINT ignored, nohup ignores SIGHUP, and
    programs inherit that."""
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs Linux where there is none."""
    if sys.platform != "linux":
        for item in items:
            if item.get_closest_marker("linux"):
                item.add_marker(pytest.mark.skip(reason="needs an interface that only Linux has"))
