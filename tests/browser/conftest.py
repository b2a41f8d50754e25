"""Browser tests need a Chromium: without one they skip and say so; in CI they fail."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def chromium() -> None:
    from tests.browser.lab import HOW_TO_INSTALL, find_chromium

    if find_chromium() is None:
        said = f"there is no Chromium on this machine. {HOW_TO_INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(said, pytrace=False)
        pytest.skip(said)
