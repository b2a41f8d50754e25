"""The other answers that an answer imports from the package `answers` (mounting), found and read.

A learner's lie beside the answer, in a notebook with the name of their exercise; where that is not
there, in the exercise's own notebook (`beside`). So an exercise uses the learner's exercises, and a
solution the solutions. Of a class, each uses what they handed in.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from labsupport.checking.answer import Answer
from labsupport.checking.errors import InputError
from labsupport.checking.exercise import find_exercise
from labsupport.checking.mounting import PACKAGE
from labsupport.checking.parsing import parsed

__all__ = ["Find", "beside", "with_earlier"]

Find = Callable[[str], Answer]


def with_earlier(answer: Answer, find: Find) -> Answer:
    """The answer with those that it imports, and with those that these import.

    find: the same learner's answer to a slug. Raises InputError when one of them cannot be found.
    """
    found: dict[str, Answer] = {}
    waiting = [answer]
    while waiting:
        importer = waiting.pop()
        for slug, certain in _imported(importer.source):
            if slug in found:
                continue
            if slug == answer.slug:
                found[slug] = answer  # its step is inside of it
                continue
            try:
                found[slug] = find(slug)
            except InputError as error:
                if not certain:
                    continue
                raise InputError(
                    f"The answer to {importer.slug} imports the one to {slug}. {error}"
                ) from None
            waiting.append(found[slug])
    return replace(answer, others=tuple(found[slug] for slug in sorted(found)))


def beside(folder: Path, root: Path) -> Find:
    """Finds the answers of the learner whose answers lie in a folder, in the course at `root`."""

    def find(slug: str) -> Answer:
        own = find_exercise(root, slug)
        name = f"{slug.partition('.')[0]}.ipynb"
        path = folder / name if (folder / name).is_file() else own / name
        return replace(Answer.from_path(path, slug), label=f"the answer to {slug}, in {name}")

    return find


def _imported(source: str) -> Iterator[tuple[str, bool]]:
    """The slugs of the answers that a source imports, an exercise's before that of its step.

    And whether that is certain: a name that is imported from an answer may be one of its steps.
    """
    tree = parsed(source)
    if tree is None:
        return  # it is told when the source is compiled
    for node in ast.walk(tree):
        modules: list[str] = []
        names: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE and not node.level:
            modules = [f"{PACKAGE}.{alias.name}" for alias in node.names if alias.name != "*"]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules = [node.module]
            names = [alias.name for alias in node.names]
        for module in modules:
            package, _, slug = module.partition(".")
            if package == PACKAGE and slug:
                exercise, _, step = slug.partition(".")
                yield exercise, True
                if step:
                    yield slug, True
                else:
                    yield from ((f"{exercise}.{name}", False) for name in names)
