"""The package `answers`: a learner's other answers as modules, each by its slug.

`from answers import checker` runs the answer to `checker` as a module; `answers.retry.budget` is
the answer to the step `retry.budget`. The kernel finds their sources in the learner's notebooks,
the process of an answer is given them. That process has this file too, so it imports the standard
library only.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

__all__ = ["FILE", "PACKAGE", "Mounting", "code_of", "file_of", "forget", "slug_of"]

PACKAGE = "answers"
FILE = "<answer>"


def file_of(slug: str = "") -> str:
    """The file that tracebacks name: of an answer that is mounted, or of the one that is judged."""
    return f"<answer {slug}>" if slug else FILE


def slug_of(file: str) -> str | None:
    """The slug in a file that `file_of` names, empty for the answer that is judged; else None."""
    if file == FILE:
        return ""
    return file[len("<answer ") : -1] if file.startswith("<answer ") else None


def code_of(source: str, file: str) -> CodeType:
    """Compile an answer, and have tracebacks quote its lines. Raises as `compile` does."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    return compile(source, file, "exec", dont_inherit=True)


def forget() -> None:
    """Have the next import run the answers anew, as they are then."""
    for name in list(sys.modules):
        if name.partition(".")[0] == PACKAGE:
            del sys.modules[name]


class Mounting:
    """Finds and loads the modules of the package (sys.meta_path).

    source_of: the source of a slug's answer; None where there is none.
    """

    def __init__(self, source_of: Callable[[str], str | None]) -> None:
        self._source_of = source_of

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The package, or one of its modules. Each is a package too: a step is inside of it."""
        package, _, slug = name.partition(".")
        if package != PACKAGE:
            return None
        source = self._source_of(slug) if slug else ""
        if source is None:
            return None
        # Not a subclass of importlib.abc.Loader, which would take longer to import than all this.
        loader: Any = self
        spec = ModuleSpec(name, loader, origin=file_of(slug), is_package=True)
        spec.loader_state = source
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary one."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the answer; the package itself has none. Raises what it raises."""
        spec = module.__spec__
        assert spec is not None
        assert spec.origin is not None
        if spec.loader_state:
            exec(code_of(spec.loader_state, spec.origin), module.__dict__)
