"""An arena for each level, shared by the attacks of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.checking.conftest import LEVELS, best, required_or_skip
from tests.hostile.arena import Arena

LONGEST = 180  # seconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try no attack where it would do harm, or show nothing new. One that is tried three times,
    each with more time, takes longer than a test should. Those at lower levels than this machine's
    own are slow."""
    items[:] = [item for item in items if _wanted(item)]
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(LONGEST))
            if "arena" in _given(item) and not _at_best(item):
                item.add_marker(pytest.mark.slow)


def _wanted(item: pytest.Item) -> bool:
    given = _given(item)
    if "attack" not in given:
        return True
    attack = given["attack"]
    return given["arena"] in attack.levels and (_at_best(item) or not attack.once)


def _at_best(item: pytest.Item) -> bool:
    return bool(_given(item)["arena"] == best(max(LEVELS)))


def _given(item: pytest.Item) -> dict[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}


@pytest.fixture(scope="module", params=LEVELS, ids=lambda number: f"level-{number}")
def arena(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    """An arena at the level that the test asks for; skipped where this machine does not have it."""
    required_or_skip(request.param)
    with Arena(request.param, tmp_path_factory.mktemp("arena")) as arena:
        yield arena
