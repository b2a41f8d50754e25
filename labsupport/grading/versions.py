"""What a verdict depends on, as short texts that change when it does.

An answer's key is made of the answer, of the constants that its student's task has, and of three
such texts: the checks of its exercise, the engine with the libraries that answers and checks use,
and the limits. Whoever changes one of them has the answers judged again that it touches; whoever
changes a lesson has none.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labsupport.checking import Answer
from labsupport.checking.exercise import load_misconceptions
from labsupport.checking.hosts import Limits
from labsupport.checking.variants import FILE

__all__ = ["Versions"]

_ENGINE = Path(__file__).resolve().parent.parent
# Rooms that no check and no answer meets (tests/promises/test_layers.py has the floors).
_ELSEWHERE = (
    *("grading", "publishing", "lab", "pictures", "predictions", "history", "lessons", "bootstrap"),
    *("cli", "terminal", "standing", "progress", "watching", "marking", "similar", "classroom"),
    *("doctor", "notebook"),
)
_LIBRARIES = ("h11", "httpx", "httpcore", "tornado", "trustme", "cryptography", "psutil")


class Versions:
    """The present ones, of the course at `root`; each is read once.

    seed: what all data of the checks are drawn from is a part of a key, too; see `Store.secret`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._checks: dict[Path, str] = {}
        self._engine = _digest(f"{name} {value}" for name, value in _engine().items())

    def key(
        self,
        answer: Answer,
        folder: Path,
        seed: int,
        hidden: bool,
        constants: Mapping[str, Any] | None = None,
    ) -> str:
        """What the verdict of an answer is stored by. folder: of its exercise.

        constants: see `Whose`.
        """
        parts = [answer.slug, answer.source, *sorted(answer.elsewhere)]
        for other in answer.others:
            parts += [other.slug, other.source]
        told = json.dumps(constants, sort_keys=True)
        return _digest([*parts, self._of(folder), self._engine, str(seed), str(hidden), told])

    def parts(self, folders: Iterable[Path]) -> dict[str, str]:
        """What makes the keys of answers to these exercises, by what each part is called: with
        another machine's it tells why the two have other keys."""
        return {**_engine(), **{f"checks of {each.name}": self._of(each) for each in folders}}

    def _of(self, folder: Path) -> str:
        """The checks of an exercise, hidden ones too, with what lies beside them, and what they
        say of wrong beliefs."""
        if folder not in self._checks:
            slug = folder.name.partition("_")[2]
            hidden = self.root / "solutions" / "hidden" / f"{slug}.py"
            files = [path for path in _programs(folder) if path.stem.partition(".")[0] != slug]
            files += [path for path in (hidden, folder / FILE) if path.is_file()]
            contents = list(_contents(files))
            said = [
                f"{name}: {sorted(belief.items())}"
                for name, belief in sorted(load_misconceptions(folder.parent).items())
                if any(name in text for text in contents)
            ]
            self._checks[folder] = _digest([*contents, *said])
        return self._checks[folder]


@cache
def _engine() -> dict[str, str]:
    """The engine and the libraries: as they were when this process first asked, since it runs what
    it loaded then."""
    contents = _contents(path for path in _programs(_ENGINE) if _matters(path))
    return {
        "Python": f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}",
        **{name: _version(name) for name in _LIBRARIES},
        "labsupport": _digest([json.dumps(asdict(Limits(sockets=0))), *contents]),
    }


def _matters(path: Path) -> bool:
    return Path(path.relative_to(_ENGINE).parts[0]).stem not in _ELSEWHERE


def _programs(folder: Path) -> Iterator[Path]:
    """The Python files below a folder, but for copies that tools keep, JupyterLab for example."""
    for path in folder.rglob("*.py"):
        if not any(name.startswith(".") for name in path.relative_to(folder).parts):
            yield path


def _contents(paths: Iterable[Path]) -> Iterator[str]:
    for path in sorted(paths):
        yield path.name
        yield path.read_text(encoding="utf-8", errors="surrogateescape")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _digest(parts: Iterable[str]) -> str:
    """Of texts of any content: the length of each is a part of it."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d\n" % len(data) + data)
    return digest.hexdigest()
