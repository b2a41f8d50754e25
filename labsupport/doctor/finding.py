"""What a look finds, and what several looks share."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from labsupport.checking import InputError

__all__ = ["AGAIN", "INSTALL", "Finding", "project", "text_of"]

State = Literal["ok", "less", "missing"]

AGAIN = "Get the course again."
INSTALL = "make lab installs the pinned ones; or: pip install -c constraints.txt -e ."


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found. means: for the course. advice: what to do, "" for nothing.

    state: "ok"; "less", when the course runs and leaves something out; "missing", when it does not
    run.
    """

    found: str
    means: str
    advice: str = ""
    state: State = "ok"


def project(root: Path) -> dict[str, Any]:
    """What pyproject.toml says of the project. Raises InputError."""
    project: dict[str, Any] = tomllib.loads(text_of(root, "pyproject.toml"))["project"]
    return project


def text_of(root: Path, name: str) -> str:
    """A file at the course's root. Raises InputError.

    A copy that a hub keeps for a user has none of them: there it is that of the course from which
    this package comes.
    """
    for folder in (root, Path(__file__).parents[2]):
        try:
            return (folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputError(f"{folder / name} cannot be read ({error.strerror}).") from error
    raise InputError(f"The course's folder is not complete: there is no {root / name}.")
