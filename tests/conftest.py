"""What holds for all tests: a history of their own, and markers that skip where they must."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _history_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tries and votes of tests out of the course's own history."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABSUPPORT_STATE", str(tmp_path_factory.mktemp("state")))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs Linux where there is none."""
    if sys.platform != "linux":
        for item in items:
            if item.get_closest_marker("linux"):
                item.add_marker(pytest.mark.skip(reason="needs an interface that only Linux has"))
