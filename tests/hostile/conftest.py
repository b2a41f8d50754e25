"""An arena for each level, shared by the attacks of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checking.conftest import LEVELS, best, mark_lower_levels, required_or_skip
from tests.hostile.arena import Arena

LONGEST = 180  # seconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try no attack where it would do harm, or show nothing new. One that is tried three times,
    each with more time, takes longer than a test should."""
    items[:] = [item for item in items if _wanted(item)]
    mark_lower_levels(items, "arena")
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(LONGEST))


def _wanted(item: pytest.Item) -> bool:
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if "attack" not in given:
        return True
    attack, level = given["attack"], given["arena"]
    return level in attack.levels and not (attack.once and level != best(max(LEVELS)))


@pytest.fixture(scope="module", params=LEVELS, ids=lambda number: f"level-{number}")
def arena(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    """An arena at the level that the test asks for; skipped where this machine does not have it."""
    required_or_skip(request.param)
    with Arena(request.param, tmp_path_factory.mktemp("arena")) as arena:
        yield arena
