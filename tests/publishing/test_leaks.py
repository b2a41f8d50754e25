"""The learners' copy holds nothing of solutions, hidden checks and graded answers.

The search is held to what it has to find: whatever is put into the copy on purpose.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.notebooks.examples import cell, notebook
from tests.notebooks.files import ROOT, as_text
from tests.promises import course
from tests.publishing.leaks import Files, answers, files_in, hidden_names, leaks, secrets

pytestmark = pytest.mark.timeout(300)

HOME = f"{Path.home()}/"


@pytest.fixture(scope="module")
def secret() -> Mapping[str, str]:
    return secrets()


@pytest.fixture(scope="module")
def files(copy: Path) -> Files:
    return files_in(copy)


def test_the_copy_holds_no_line_of_what_stays_with_the_instructor(
    files: Files, secret: Mapping[str, str], whole: Path, copy: Path
) -> None:
    machine = [str(each) for each in (ROOT, whole, copy)]
    assert leaks(files, secret, [*machine, *([HOME] if len(HOME) > 2 else [])]) == []


def test_every_answer_and_every_file_of_hidden_checks_has_something_to_look_for(
    secret: Mapping[str, str],
) -> None:
    for slug in course.slugs():
        for answer in answers(course.solution(slug)):
            assert leaks({"a.py": answer.encode("utf-8")}, secret), answer
    for path in (ROOT / "solutions" / "hidden").glob("*.py"):
        assert leaks({"a.py": path.read_bytes()}, secret), path
    places = set(secret.values())
    graded = {Path(place).parts[2].partition(".")[0] for place in places if "answers" in place}
    assert graded == set(course.slugs())
    assert set(hidden_names()) <= secret.keys()


def answer() -> str:
    """The answer of a solution, not that of its step."""
    return list(answers(course.solution("bounded")))[-1]


def a_line() -> str:
    """The longest line of it."""
    return max(answer().splitlines(), key=len)


def in_a_page() -> str:
    """A notebook's output of HTML in which a solution is quoted."""
    output = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/html": f"<pre><b>1</b>{html.escape(a_line())}</pre>"},
    }
    return as_text(notebook(cell("1", output)))


def hidden_file() -> str:
    return (ROOT / "solutions" / "hidden" / "framing.py").read_text(encoding="utf-8")


def graded() -> str:
    return (course.ANSWERS / "lines" / "right_makefile.py").read_text(encoding="utf-8")


PUT_IN: dict[str, tuple[str, Callable[[], str], str]] = {
    "a solution": (
        "exercises/00_greet/greet.ipynb",
        lambda: course.solution("greet").read_text(encoding="utf-8"),
        "has of solutions/greet.ipynb",
    ),
    "a solution's answer": (
        "exercises/04_bounded/bounded.ipynb",
        lambda: as_text(notebook(cell(answer(), count=None))),
        "has of solutions/bounded.ipynb",
    ),
    "one line in a comment": (
        "labsupport/crowd.py",
        lambda: f"#   {a_line().strip()}  ",
        "has of solutions/bounded.ipynb",
    ),
    "a page in an output": ("notebooks/a.ipynb", in_a_page, "has of solutions/bounded.ipynb"),
    "a string of JSON": (
        "labsupport/lab/settings/overrides.json",
        lambda: json.dumps({"a": [{"b": a_line()}]}),
        "has of solutions/bounded.ipynb",
    ),
    "hidden checks": ("tests/test_x.py", hidden_file, "has of solutions/hidden/framing.py"),
    "a hidden check's name": (
        "README.md",
        lambda: f"There is also “{hidden_names()[0]}”, which",
        "has of the name of a hidden check",
    ),
    "a graded answer": ("tests/a.py", graded, "has of tests/answers/lines"),
    "an output": (
        "exercises/00_greet/greet.ipynb",
        lambda: as_text(notebook(cell("1"))),
        "cell 'cell-1' has been run",
    ),
    "a folder of this machine": (
        "notebooks/a.ipynb",
        lambda: as_text(notebook(cell(f"open({str(ROOT)!r})"))),
        f"names {ROOT}",
    ),
}


@pytest.mark.parametrize("what", PUT_IN)
def test_what_is_put_into_the_copy_is_found(what: str, secret: Mapping[str, str]) -> None:
    path, text, said = PUT_IN[what]
    found = leaks({path: text().encode("utf-8")}, secret, [str(ROOT)])
    assert any(each.startswith(path) and said in each for each in found), found
