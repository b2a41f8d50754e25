"""Programs beside Python that a part of the course uses where they are."""

from __future__ import annotations

import shutil
from pathlib import Path

from labsupport.doctor.finding import Finding

__all__ = ["chromium", "find_chromium", "program"]

_OPTIONAL = "All else goes without it."


def program(name: str, used_by: str, root: Path) -> Finding:
    """Whether a program is on PATH. used_by: a sentence about the part that uses it."""
    if path := shutil.which(name):
        return Finding(path, used_by)
    advice = f"Install it with your system's packages (Debian, Ubuntu: sudo apt install {name})."
    return Finding("not here", f"{used_by} {_OPTIONAL}", advice, "less")


def chromium(root: Path) -> Finding:
    """Whether there is a browser for the browser test."""
    used_by = "The browser test of `make test` drives it."
    if path := find_chromium():
        return Finding(path, used_by)
    advice = (
        "Install it with your system's packages (Debian, Ubuntu: sudo apt install chromium), or "
        "with: python -m playwright install chromium"
    )
    return Finding("not here", f"{used_by} {_OPTIONAL}", advice, "less")


def find_chromium() -> str | None:
    """The path of a Chromium on this machine (Debian's, Chrome, or playwright's own), or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:  # a package of the tests, which learners do not have
        return None
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None
