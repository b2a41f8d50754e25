"""The pages of a class: what they say, and that nothing in them comes alive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from labsupport.checking import Report, Result
from labsupport.grading.gradebook import Row, tasks
from labsupport.grading.handed import Student
from labsupport.grading.pages import write_pages
from labsupport.grading.store import Entry
from labsupport.grading.summary import Summary
from tests.checking.course import Course

Write = Callable[..., Path]
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\ud800\"'&{{ 7 * 7 }}"


class Parsed(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def result(name: str, verdict: str = "passed", **more: object) -> Result:
    return Result.from_dict({"name": name, "points": 1, "verdict": verdict, "seed": 4, **more})


def row(student: str, *results: Result, name: str = "", problem: str = "", path: str = "p") -> Row:
    report = Report("demo", "A demonstration", "d", 3, results) if results else None
    entry = Entry(student, "demo", path, datetime(2026, 10, 1, tzinfo=UTC), problem, report)
    return Row(Student(student, name), {"demo": entry}, None)


def missing(student: str) -> Row:
    return Row(Student(student), {"demo": None}, None)


@pytest.fixture
def write(course: Course, tmp_path: Path) -> Write:
    exercises = tasks(course.root, hidden=True)

    def write(*table: Row) -> Path:
        write_pages(tmp_path / "graded", iter(table), exercises)
        return tmp_path / "graded"

    return write


def page(folder: Path, student: str) -> Parsed:
    """A student's page, by the link on the page of the class."""
    links = [each["href"] or "" for each in Parsed(folder / "class.html").of("a")]
    found = [
        folder / unquote(link)
        for link in links
        if Parsed(folder / unquote(link)).text.count(student)
    ]
    assert found, links
    return Parsed(found[0])


def test_what_comes_from_outside_is_text(write: Write) -> None:
    failed = result("counts bytes", "failed", said=EVIL, got=EVIL, output=EVIL, traceback=EVIL)
    folder = write(
        row("ann", failed, name=EVIL, path=EVIL), row(EVIL.replace("\ud800", "/"), problem=EVIL)
    )
    for path in [folder / "class.html", *(folder / "students").iterdir()]:
        found = Parsed(path)
        assert not {"script", "img", "iframe", "link"} & {tag for tag, _ in found.elements}
        assert not [name for _, each in found.elements for name in each if name.startswith("on")]
        assert "49" not in found.text
        policies = [each["content"] for each in found.of("meta") if "http-equiv" in each]
        assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert EVIL.replace("\ud800", "?") in page(folder, "ann").text


def test_a_students_page_conceals_hidden_checks(write: Write) -> None:
    probe = result("counts four", "failed", got="the probe", hidden=True, behaviour="It counts.")
    text = page(write(row("ann", result("counts bytes"), probe)), "ann").text
    assert "It counts." in text
    assert "the probe" not in text


def test_all_hints_are_shown(write: Write) -> None:
    failed = result("counts bytes", "failed", hints=("vague", "closer", "concrete"))
    text = page(write(row("ann", failed)), "ann").text
    assert all(hint in text for hint in ("vague", "closer", "concrete"))


def test_every_student_has_a_page_of_its_own(write: Write) -> None:
    names = ["ann", "Ann", "ANN", "..", "a b", "ünal", "x" * 300, "x" * 299 + "y", "%41", "A"]
    folder = write(*(missing(name) for name in names))
    files = [path.name.lower() for path in (folder / "students").iterdir()]
    assert len(set(files)) == len(names)
    for name in names:
        assert "Nothing was handed in." in page(folder, name).text


def test_pages_of_students_who_have_left_go(write: Write) -> None:
    write(missing("ann"), missing("bob"))
    folder = write(missing("bob"))
    assert [path.name for path in (folder / "students").iterdir()] == ["bob.html"]
    assert not (folder / "students.part").exists()


def test_the_class_is_summed_up() -> None:
    belief = {"misconception": "wrong-belief", "belief": "flat", "truth": "round"}
    refused = result("counts bytes", "failed", **belief)
    other = result("counts none", "crashed", **belief)
    summary = Summary(of=3)
    summary.add(row("ann", result("counts bytes"), result("counts none")))
    summary.add(row("bob", refused, other))
    summary.add(row("eve", refused, result("counts none", "inconclusive")))
    summary.add(missing("kim"))
    assert summary.answers == 3
    assert summary.states == {"inconclusive": 1, "missing": 1}
    assert [total for _, total, _ in summary.students] == [2, 0, 0, 0]
    assert summary.finding() == "Half of the class has 0 of 3 points or more"
    assert [number for _, number in summary.distribution()] == [3, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    (found,) = summary.believed()
    assert found.students == {"bob", "eve"}
    assert found.checks == {"demo: counts bytes": 2, "demo: counts none": 1}
    assert [(each.name, each.passed, each.judged) for each in summary.hardest()] == [
        ("counts bytes", 1, 3),
        ("counts none", 1, 2),
    ]


def test_an_answer_that_did_not_start_believes_nothing() -> None:
    summary = Summary(of=1)
    report = Report("demo", "D", "d", 1, (result("a", "crashed", misconception="b"),), problem="no")
    summary.add(Row(Student("ann"), {"demo": Entry("ann", "demo", "p", None, "", report)}, None))
    assert summary.believed() == []
