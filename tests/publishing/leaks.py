"""What may not be in a learners' copy, and a search for it.

A secret is the whole answer of a solution; a line of a solution, a hidden check or a graded answer
that stands nowhere in what learners have anyway, and is long enough to be nobody else's by chance;
and the name of a hidden check. Lines are compared without the white space around them and the marks
of a comment or a quotation before them, as they stand in a file and as the strings of a JSON file
or the text of a page have them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from labsupport.checking.hidden import load_hidden
from tests.notebooks.files import ROOT, read
from tests.promises import course

LEAST = 24  # characters; shorter lines are often the same in two programs
_MARKS = re.compile(r"^[\s#>*+-]+|\s+$")

Files = Mapping[str, bytes]


def files_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their paths there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def secrets() -> dict[str, str]:
    """The lines that may not be in a copy, or several at once, each with where it stands."""
    public = [line for text in _public() for line in _lines(text)]
    known, together = set(public), _joined(public)
    found: dict[str, str] = {}
    for where, text in _private():
        for line in _lines(text):
            if len(line) >= LEAST and line not in known:
                found.setdefault(line, where)
        if where.endswith(".ipynb") and (whole := _joined(_lines(text)[1:])) not in together:
            found[whole] = where
    for name in hidden_names():
        found[name] = "the name of a hidden check"
    return found


def hidden_names() -> list[str]:
    """The names of all hidden checks."""
    folders = [course.folder(slug) for slug in course.slugs()]
    return [check.name for path in folders for each in load_hidden(path) for check in each.checks]


def answers(path: Path) -> Iterator[str]:
    """The sources of a notebook's answer cells."""
    for cell in course.code(read(path)):
        if cell.source.startswith("%%answer"):
            yield cell.source


def _public() -> Iterator[str]:
    """What learners have anyway: lessons, tasks with their stubs, checks, `labsupport`."""
    for path in course.notebooks():
        if not path.is_relative_to(ROOT / "solutions"):
            yield from (cell.source for cell in read(path).cells)
    for name in ("exercises", "labsupport"):
        for path in (ROOT / name).rglob("*.py"):
            yield path.read_text(encoding="utf-8")


def _private() -> Iterator[tuple[str, str]]:
    for slug in course.slugs():
        path = course.solution(slug)
        yield from ((course.short(path), source) for source in answers(path))
    for path in (*(ROOT / "solutions").rglob("*.py"), *course.ANSWERS.rglob("*.py")):
        yield course.short(path), path.read_text(encoding="utf-8")


def _lines(text: str) -> list[str]:
    return [line for each in text.splitlines() if (line := _MARKS.sub("", each))]


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(["", *lines, ""])


def leaks(files: Files, secret: Mapping[str, str], machine: Iterable[str] = ()) -> list[str]:
    """What these files hold of what they may not: a sentence each. machine: its folders."""
    words = [line for line, where in secret.items() if where.startswith("the name")]
    words += [line for line in secret if "\n" in line]
    found = []
    for path, data in files.items():
        text = data.decode("utf-8", "replace")
        for each in {text, html.unescape(text), *_strings(path, text)}:
            lines = _lines(each)
            held = set(lines) & secret.keys()
            whole = f"{each}{_joined(lines)}"
            held |= {several for several in words if several in whole}
            found += [f"{path} has of {secret[one]}: {one}" for one in held]
            found += [f"{path} names {place}" for place in machine if place in each]
        if path.startswith("exercises/") and path.endswith(".ipynb"):
            found += [f"{path}: {fault}" for fault in _kept(json.loads(text))]
    return found


def _strings(path: str, text: str) -> Iterator[str]:
    """The strings of a JSON file; lists of strings are lines, as a notebook has them. Of a page in
    one of them, the text."""
    if not path.endswith((".ipynb", ".json")):
        return
    waiting: list[Any] = [json.loads(text)]
    while waiting:
        match waiting.pop():
            case dict() as one:
                waiting += one.values()
            case list() as several if all(isinstance(each, str) for each in several):
                waiting.append("".join(several))
            case list() as several:
                waiting += several
            case str() as one:
                yield one
                if "<" in one:
                    yield html.unescape(re.sub(r"<[^>]*>", "\n", one))


def _kept(notebook: Any) -> Iterator[str]:
    """Code cells that have been run."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"]):
            yield f"cell {cell['id']!r} has been run"
