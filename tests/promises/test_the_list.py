"""The course is whole: each lesson and each exercise of the fixed list is there, and belongs."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from labsupport.checking.exercise import Exercise
from tests.notebooks.files import ROOT
from tests.promises import course
from tests.promises.course import EXERCISES, LESSONS, code_cell, example, text_cell

FACTS = re.compile(r"\*(\d+) minutes · (core|stretch) · lesson \[(\d\d[a-z]?)\b[^\]]*\]\(([^)]+)\)")
LINKED = re.compile(r"\]\((?:\.\./)*exercises/\d\d[a-z]?_(\w+)/(\w+)\.ipynb\)")
MAGIC = re.compile(r"^%(%answer|check) +([\w.]+)", re.MULTILINE)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_there(name: str) -> None:
    assert (ROOT / "notebooks" / f"{name}.ipynb").is_file()


@pytest.mark.parametrize("slug", EXERCISES)
def test_an_exercise_is_there_with_checks_task_and_solution(slug: str) -> None:
    missing = [
        course.short(path)
        for path in (course.folder(slug) / "checks.py", course.task(slug), course.solution(slug))
        if not path.is_file()
    ]
    assert missing == []


def test_the_answers_of_an_exercise_are_judged_by_one_file() -> None:
    names = sorted(path.stem for path in Path(__file__).parent.glob("test_verdicts_*.py"))
    judging = [importlib.import_module(f"{__package__}.{name}") for name in names]
    judged = [slug for module in judging for slug in module.EXERCISES]
    assert sorted(judged) == sorted(course.slugs())


@pytest.mark.parametrize("slug", course.slugs())
def test_an_exercise_declares_itself_well(slug: str) -> None:
    declared = course.exercises(slug)
    assert slug in declared, f"checks.py declares {sorted(declared)}, not {slug}"
    assert [fault for one in declared.values() for fault in faults_of_checks(one)] == []
    assert {one.lesson for one in declared.values()} == {EXERCISES.get(slug, declared[slug].lesson)}
    assert all(name == slug or name.startswith(f"{slug}.") for name in declared)


def faults_of_checks(exercise: Exercise) -> list[str]:
    """What is wrong with an exercise's checks: hints, points, names, misconceptions."""
    known = course.misconceptions()
    faults = [] if exercise.checks else [f"{exercise.slug} has no checks"]
    for check in exercise.checks:
        where = f"{exercise.slug}, check {check.name!r}"
        if check.points < 1:
            faults.append(f"{where} gives no points")
        if len(check.hints) < 2 or len(set(check.hints)) < len(check.hints):
            faults.append(f"{where} has {len(set(check.hints))} different hints; two are the least")
        if check.misconception and check.misconception not in known:
            faults.append(f"{where}: {check.misconception} is not in misconceptions.toml")
    return faults


def test_checks_without_hints_or_with_an_unknown_belief_are_found() -> None:
    exercise = Exercise("x", title="x", lesson="00", minutes=1, kind="core", entry="x")
    assert faults_of_checks(exercise)

    @exercise.check("works", points=0, misconception="no-such-belief", hints=["same", "same"])
    async def works(answer: object, draw: object, variant: object) -> None: ...

    found = "\n".join(faults_of_checks(exercise))
    assert "no points" in found
    assert "1 different hints" in found
    assert "no-such-belief" in found


@pytest.mark.parametrize("slug", course.slugs())
def test_an_exercise_has_an_answer_cell_and_a_check_for_each_slug(slug: str) -> None:
    names = sorted(course.exercises(slug))
    assert faults_of_magics(course.notebook(course.task(slug)), names) == []


def faults_of_magics(notebook: NotebookNode, names: list[str]) -> list[str]:
    """Answer cells and %check cells that are missing, or there twice, or for another slug."""
    found = [found for cell in course.code(notebook) for found in MAGIC.findall(cell.source)]
    faults = []
    for magic, said in (("%answer", "answer cell"), ("check", "%check")):
        got = sorted(slug for kind, slug in found if kind == magic)
        if got != names:
            faults.append(f"a {said} for each of {names} is needed, once; found {got}")
    return faults


def test_a_missing_or_second_answer_cell_is_found() -> None:
    good = [code_cell("%%answer x\n..."), code_cell("%check x")]
    assert faults_of_magics(example(*good), ["x"]) == []
    assert faults_of_magics(example(good[0]), ["x"])
    assert faults_of_magics(example(*good, good[0]), ["x"])


@pytest.mark.parametrize("slug", course.slugs())
def test_an_exercise_says_minutes_kind_and_lesson_as_its_checks_do(slug: str) -> None:
    exercise = course.exercises(slug)[slug]
    first = course.notebook(course.task(slug)).cells[0].source
    wanted = (exercise.minutes, exercise.kind, exercise.lesson)
    assert facts(first) == wanted, "the first cell has to say: *25 minutes · core · lesson [..](..)"


def facts(first: str) -> tuple[int, str, str] | None:
    """Minutes, kind and lesson as the first cell of an exercise says them."""
    found = FACTS.search(first)
    return (int(found[1]), found[2], found[3]) if found else None


def test_the_facts_of_an_exercise_are_read_from_its_first_cell() -> None:
    assert facts("# x\n\n*25 minutes · core · lesson [01, Ports](../a.ipynb)*") == (
        25,
        "core",
        "01",
    )
    assert facts("# x\n\n25 minutes") is None


@pytest.mark.parametrize("slug", course.slugs())
def test_an_exercise_is_linked_by_its_lesson_and_no_other(slug: str) -> None:
    linking = [course.number(path) for path in course.lessons() if slug in exercises_of(path)]
    assert linking == [course.exercises(slug)[slug].lesson]


def exercises_of(lesson: Path) -> list[str]:
    return listed_exercises(course.notebook(lesson)) if lesson.is_file() else []


def listed_exercises(lesson: NotebookNode) -> list[str]:
    """The slugs that a lesson links under its heading Exercises, in order."""
    linked, inside = [], False
    for cell in course.prose(lesson):
        for line in cell.source.splitlines():
            if re.match(r"#{1,2} ", line):
                inside = bool(re.fullmatch(r"## Exercises? *", line))
            if inside:
                linked += [name for kept, name in LINKED.findall(line) if kept == name]
    return linked


def test_only_links_under_the_heading_exercises_count() -> None:
    link = "[greet](../exercises/00_greet/greet.ipynb)"
    assert listed_exercises(example(text_cell(f"## Exercises\n\n{link}\n"))) == ["greet"]
    assert listed_exercises(example(text_cell(f"## Exercise\n\n{link}\n## Next\n"))) == ["greet"]
    assert listed_exercises(example(text_cell(f"## Take-aways\n\n{link}\n"))) == []


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_a_lesson_lists_each_exercise_once_with_minutes_and_kind(path: Path) -> None:
    lesson = course.notebook(path)
    listed = listed_exercises(lesson)
    assert len(listed) == len(set(listed))
    assert sorted(listed) == sorted(
        slug for slug, its in EXERCISES.items() if its == course.number(path)
    )
    text = "\n".join(cell.source for cell in course.prose(lesson))
    silent = [
        slug
        for slug in listed
        for exercise in [course.exercises(slug)[slug]]
        if not re.search(
            rf"/{slug}\.ipynb\)[^\n]*\b{exercise.minutes} minutes · {exercise.kind}\b", text
        )
    ]
    assert silent == [], "behind the link: · 25 minutes · core (as checks.py has them)"


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_the_parts_of_a_lesson_end_with_its_exercises_and_their_minutes(path: Path) -> None:
    lesson = course.notebook(path)
    listed = listed_exercises(lesson)
    minutes = [course.exercises(slug)[slug].minutes for slug in listed]
    text = "\n".join(cell.source for cell in course.prose(lesson))
    assert f"| {row_of(listed, minutes)} |" in text, "a row of the table of parts"


def row_of(slugs: list[str], minutes: list[int]) -> str:
    """The exercises in the table of a lesson's parts."""
    names = ", ".join(f"`{slug}`" for slug in slugs)
    return f"{'Exercises' if slugs[1:] else 'Exercise'} {names} | {', '.join(map(str, minutes))}"


def test_the_exercises_in_the_table_of_parts_are_one_or_more() -> None:
    assert row_of(["greet"], [2]) == "Exercise `greet` | 2"
    assert row_of(["ask", "ferry", "jitter"], [40, 50, 30]) == (
        "Exercises `ask`, `ferry`, `jitter` | 40, 50, 30"
    )
