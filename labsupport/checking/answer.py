"""An answer: the source that a learner wrote for one slug, found and read but never run here.

It is the code cell of a notebook that begins with `%%answer slug`, the same cell as a kernel ran
it, or a whole .py file. Line numbers are the learner's own: those of the cell, with `%%answer` as
line 1, or those of the file. A notebook is read as JSON, nothing more is asked of it than cells.

What can be wrong with it is an `InputError` that says what was seen. A syntax error is found by
compiling (`syntax_problem`), which runs nothing.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

from labsupport.checking.errors import InputError
from labsupport.checking.parsing import parsed, reading
from labsupport.checking.showing import clean, count

__all__ = ["MAGIC", "Answer", "defined_names", "slugs_in"]

MAGIC = re.compile(r"\s*%%answer(?:[ \t]+(?P<slug>\S+))?[ \t]*\Z")
MOST = 128 * 1024  # characters; eight times as many can take Python a minute to compile

_SHOWN = 100
_NAMED = 9  # cells in a message


@dataclass(frozen=True, slots=True)
class Answer:
    """Source to be judged.

    source: Python, on the learner's own line numbers. label: what to call it in messages.
    elsewhere: names that other cells of the notebook define, to explain a NameError.
    others: the answers to other slugs that it imports (earlier).
    """

    slug: str
    source: str
    label: str = "the answer"
    elsewhere: frozenset[str] = frozenset()
    others: tuple[Answer, ...] = ()

    @classmethod
    def from_path(cls, path: Path | str, slug: str) -> Answer:
        """What a notebook or a Python file on this machine holds. Raises InputError."""
        _kind_of(str(path))
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            raise InputError(f"There is no file {path}. Check the name, or leave it out.") from None
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from None
        return cls.from_bytes(data, str(path), slug)

    @classmethod
    def from_bytes(cls, data: bytes, name: str, slug: str) -> Answer:
        """What a file holds: a notebook's answer cell, or a whole Python file, as its name ends.

        name: of the file, also for messages. Raises InputError.
        """
        if _kind_of(name) == ".ipynb":
            return cls._from_notebook(_code_cells(data, name), name, slug)
        return _checked(cls(slug, _without_magic(_text(data, name)), PurePath(name).name))

    @classmethod
    def _from_notebook(cls, cells: Sequence[tuple[int, str]], name: str, slug: str) -> Answer:
        """The answer cell of a notebook. Raises InputError."""
        marked = [(number, source, _slug_of(source)) for number, source in cells]
        chosen = [(number, source) for number, source, found in marked if found == slug]
        if not chosen:
            others = sorted({found for _, _, found in marked if found})
            has = f" It has answers for: {clean(', '.join(others))[:200]}." if others else ""
            raise InputError(
                f"{name} has no answer cell for {slug}.{has} An answer cell is a code cell whose "
                f"first line is `%%answer {slug}`."
            )
        if len(chosen) > 1:
            numbers = " and ".join(str(number) for number, _ in chosen[:_NAMED])
            numbers += " and more" if len(chosen) > _NAMED else ""
            raise InputError(
                f"{name} has {len(chosen)} answer cells for {slug}: cells {numbers}, counted from "
                "the top. Keep one of them."
            )
        number, source = chosen[0]
        others_sources = [each for other, each in cells if other != number]
        return cls.from_cell(source, slug, elsewhere=defined_names(others_sources))

    @classmethod
    def from_cell(cls, source: str, slug: str, elsewhere: Iterable[str] = ()) -> Answer:
        """A cell's whole text, which begins with `%%answer slug`. Raises InputError."""
        return _checked(cls(slug, _without_magic(source), "the answer cell", frozenset(elsewhere)))

    @property
    def digest(self) -> str:
        """Stands for the content: the same for a cell, a notebook and a file with the same code.

        What it imports of other answers is a part of it.
        """
        lines = [line.rstrip() for line in self.source.strip().splitlines()]
        lines += [f"{other.slug} {other.digest}" for other in self.others]
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()

    def line(self, number: int) -> str:
        """The text of a line, counted from 1; empty when there is no such line."""
        lines = self.source.splitlines()
        return lines[number - 1] if 1 <= number <= len(lines) else ""

    def syntax_problem(self) -> str | None:
        """Why this, or another answer that it imports, is not valid Python, with the line and a
        caret; None when all are."""
        problems = (each.syntax_problem() for each in self.others)
        return self._own_problem() or next(filter(None, problems), None)

    def _own_problem(self) -> str | None:
        try:
            with reading():
                compile(self.source, "<answer>", "exec", dont_inherit=True)
        except SyntaxError as error:
            return self._explained(error)
        except (RecursionError, MemoryError):
            return f"{_upper(self.label)} is nested too deeply for Python to read."
        except ValueError as error:  # NUL bytes, surrogates
            return f"{_upper(self.label)} is not valid Python: {error}."
        return None

    def _explained(self, error: SyntaxError) -> str:
        number = error.lineno or 1
        text = clean(self.line(number).expandtabs(1))
        column = max(0, (error.offset or 1) - 1)
        if len(text) > _SHOWN:
            text, column = text[:_SHOWN] + "...", min(column, _SHOWN)
        margin = f"  {number} | "
        lines = [
            f"Line {number} of {self.label} is not valid Python: {clean(error.msg)}.",
            margin + text,
            " " * (len(margin) - 2) + "| " + " " * column + "^",
        ]
        said = _notebook_command(text.strip()) or _common_cause(error)
        return "\n".join(lines + ([said] if said else []))


def defined_names(sources: Iterable[str]) -> frozenset[str]:
    """The names that cells bind at their top level: definitions, imports, assignments.

    Of cells of more than MOST characters together only those that come first.
    """
    names: set[str] = set()
    room = MOST
    for source in sources:
        room -= len(source)
        if room < 0:
            break
        names |= _names_in(source)
    return frozenset(names)


@lru_cache(maxsize=256)  # a notebook's cells are asked again for each answer in it
def _names_in(source: str) -> frozenset[str]:
    lines = ["" if line.lstrip()[:1] in "%!" else line for line in source.splitlines()]
    tree = parsed("\n".join(lines))
    return frozenset(_bound(tree.body)) if tree else frozenset()


def _bound(statements: list[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.alias):
                yield (node.asname or node.name).partition(".")[0]
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def slugs_in(data: bytes, name: str) -> list[str]:
    """To what a file holds answers, in its order: a Python file to the slug that it is named after.

    Raises InputError where it is neither a notebook nor a Python file.
    """
    if _kind_of(name) == ".py":
        return [PurePath(name).stem]
    slugs = (_slug_of(source) for _, source in _code_cells(data, name))
    return list(dict.fromkeys(slug for slug in slugs if slug))


def _kind_of(name: str) -> str:
    kind = PurePath(name).suffix
    if kind not in (".ipynb", ".py"):
        raise InputError(f"{name} is neither a notebook (.ipynb) nor a Python file (.py).")
    return kind


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}. Save it "
            "as UTF-8."
        ) from None


@lru_cache(maxsize=1)
def _code_cells(data: bytes, name: str) -> tuple[tuple[int, str], ...]:
    """The code cells of a notebook: their number among all cells, from 1, and their source."""
    text = _text(data, name)
    try:
        notebook: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(
            f"{name} is not a notebook: it is not JSON{where}. If a merge or an editor damaged it, "
            "take an earlier copy."
        ) from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise InputError(f"{name} is JSON, but not a notebook: it has no list of cells.")
    found = []
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            lines = source if isinstance(source, list) else [source]
            found.append((number, "".join(line for line in lines if isinstance(line, str))))
    return tuple(found)


def _slug_of(source: str) -> str | None:
    """The slug of an answer cell; None for any other cell."""
    first = source.lstrip("\n\r \t").partition("\n")[0]
    match = MAGIC.match(first.rstrip("\r"))
    return match["slug"] if match else None


def _without_magic(source: str) -> str:
    """The source with its `%%answer` line emptied, so that line numbers stay."""
    lines = source.split("\n")
    for index, line in enumerate(lines):
        if line.strip():
            if MAGIC.match(line.rstrip("\r")):
                lines[index] = ""
            break
    return "\n".join(lines)


def _checked(answer: Answer) -> Answer:
    if len(answer.source) > MOST:
        raise InputError(
            f"{_upper(answer.label)} has {count(len(answer.source), 'character')}; an answer has "
            f"at most {MOST:,}."
        )
    lines = (line.strip() for line in answer.source.splitlines())
    if not any(line and not line.startswith("#") for line in lines):
        raise InputError(
            f"{_upper(answer.label)} for {answer.slug} is empty. Write the answer there, run the "
            "cell, and check again."
        )
    return answer


def _notebook_command(line: str) -> str | None:
    """An explanation when the line is meant for IPython."""
    if line.startswith(("%", "!")) or (line.endswith("?") and not line.startswith("#")):
        return (
            f"`{line.split()[0][:30]}` is a command of the notebook, not Python. The answer is run "
            "outside of the notebook: move the command into another cell."
        )
    return None


def _common_cause(error: SyntaxError) -> str | None:
    if error.msg == "'await' outside function":
        return (
            "A notebook allows await at the top level; the answer is run outside of it. Put the "
            "await into an async def."
        )
    return None


def _upper(label: str) -> str:
    return label[:1].upper() + label[1:] if label.startswith("the ") else label
