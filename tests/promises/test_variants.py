"""What is promised of exercises whose constants differ between students.

The texts of a task and its constants cannot drift apart: each phrase that the exercise declares
stands in a text, and a retold text goes back to the first. Model solution and stub are judged with
all constants changed, with `--every-variant` for each value of each constant.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest

from labsupport.checking import Answer, Report, check
from labsupport.checking.exercise import Variant, load_exercises
from labsupport.checking.hidden import add_hidden
from labsupport.checking.variants import FILE, drawn, retold
from labsupport.publishing.variants import varied, write_variant
from tests.notebooks.files import as_text, read
from tests.notebooks.outputs import run
from tests.promises import answers, course

VARIED = ("lines", "framing", "ask", "ferry", "parser")
SECRET = "a secret of the tests"
# A check that notices each constant by itself.
TELLING = {
    ("lines", "limit"): "the limit of a line, to the byte",
    ("lines", "separator"): "an empty line is a request",
    ("framing", "byteorder"): "Framer: three frames in one piece",
    ("framing", "limit"): "Framer: an absurd length",
    ("ask", "question"): "takes a reply from nobody else",
    ("ask", "reply"): "ignores what is no reply",
    ("ferry", "data"): "a file of any size",
    ("ferry", "end"): "a file of any size",
    ("ferry", "ack"): "a file of any size",
    ("ferry", "byteorder"): "a file of any size",
    ("parser", "head"): "limits",
    ("parser", "body"): "limits",
}
# What of a constant stands in the model solution only.
ANSWERED = {"lines": lambda variant: [f"{{len(text)}}{variant.separator}{{text.upper()}}"]}

pytestmark = pytest.mark.timeout(180)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The variants that a solution is judged with: all constants changed, or each value once."""
    if "number" in metafunc.fixturenames:
        every = metafunc.config.getoption("--every-variant")
        numbers = [
            (slug, number) for slug in VARIED for number in range(1, most(slug) if every else 2)
        ]
        metafunc.parametrize(("slug", "number"), numbers)


def most(slug: str) -> int:
    """How many values that constant has that has most."""
    return max(map(len, course.exercises(slug)[slug].variants.values()))


def constants(slug: str, number: int) -> dict[str, Any]:
    """Of each constant the value with this number; 0 is the task's own."""
    variants = course.exercises(slug)[slug].variants
    return {name: values[number % len(values)] for name, values in variants.items()}


def phrases(slug: str, own: dict[str, Any]) -> list[str]:
    """What an exercise declares to be told of these constants."""
    exercise = course.exercises(slug)[slug]
    return list(exercise.phrases(Variant(vars(exercise.variant) | own)))


def hints(slug: str) -> list[str]:
    """The hints of an exercise and its steps, and the sentences of their hidden checks."""
    found = []
    for exercise in load_exercises(course.folder(slug), {}).values():
        add_hidden(exercise, course.folder(slug))
        found += [text for each in exercise.checks for text in (*each.hints, each.said)]
    return found


def sources(path: Path) -> list[str]:
    """The texts of a notebook's cells."""
    return [cell.source for cell in course.notebook(path).cells]


def test_the_exercises_with_variants() -> None:
    varied = {
        slug for slug in course.slugs() if any(e.variants for e in course.exercises(slug).values())
    }
    assert varied == set(VARIED)
    for slug in VARIED:
        variants = course.exercises(slug)[slug].variants
        assert {name for each, name in TELLING if each == slug} == set(variants)
        for values in variants.values():
            assert len(set(values)) == len(values) > 1


@pytest.mark.parametrize("slug", VARIED)
def test_each_phrase_of_the_task_stands_in_its_texts(slug: str) -> None:
    texts = sources(course.task(slug)) + hints(slug)
    for phrase in phrases(slug, {}):
        assert any(retold(text, [phrase], [""]) != text for text in texts), phrase


@pytest.mark.slow
@pytest.mark.parametrize("slug", VARIED)
def test_a_retold_text_says_nothing_of_the_first_constants(slug: str) -> None:
    """Nor of others than its own: told back, it is the first text again."""
    default = phrases(slug, {})
    variants = course.exercises(slug)[slug].variants
    texts = sources(course.task(slug)) + hints(slug)
    for values in product(*variants.values()):
        other = phrases(slug, dict(zip(variants, values, strict=True)))
        for text in texts:
            new = retold(text, default, other)
            for phrase in set(default) - set(other):
                assert retold(new, [phrase], [""]) == new, phrase
            assert retold(new, other, default) == text


@pytest.mark.parametrize("slug", VARIED)
def test_no_text_says_a_constant_in_other_words_than_the_phrases(slug: str) -> None:
    default, other = phrases(slug, {}), phrases(slug, constants(slug, 1))
    texts = [
        retold(text, default, other)
        for path in (course.task(slug), course.solution(slug))
        for text in (*sources(path), *hints(slug))
    ]
    for value in constants(slug, 0).values():
        for form in forms(value):
            for text in texts:
                assert retold(text, [form], [""]) == text, f"{form} in {text}"


def forms(value: int | str) -> list[str]:
    """How a constant may be written; of those that are words of English too, only in quotes."""
    if isinstance(value, int):
        return [f"{value}", f"{value:,}", f"{value:_}"]
    if len(value) > 1:
        return [f"{value}-endian"]
    return [f"`{value}`", *([value] if value not in (" ", "A") else [])]


@pytest.mark.parametrize("slug", VARIED)
def test_names_of_checks_hold_for_all_constants(slug: str) -> None:
    default = phrases(slug, {})
    for exercise in load_exercises(course.folder(slug), {}).values():
        add_hidden(exercise, course.folder(slug))
        for name in (exercise.title, exercise.entry, *(each.name for each in exercise.checks)):
            assert retold(name, default, ["" for _ in default]) == name


def told(path: Path, slug: str, number: int) -> Answer:
    """The answer of a notebook, told with other constants."""
    answer = Answer.from_path(path, slug)
    base = slug.partition(".")[0]
    default, other = (phrases(base, constants(base, each)) for each in (0, number))
    if base in ANSWERED:
        for pieces, each in ((default, 0), (other, number)):
            pieces += ANSWERED[base](Variant(constants(base, each)))
    return Answer(slug, retold(answer.source, default, other))


def judged(answers_: list[Answer], number: int) -> Iterator[Report]:
    """The reports on answers, with their hidden checks."""

    def one(answer: Answer) -> Report:
        base = answer.slug.partition(".")[0]
        return check(answer, course.folder(base), hidden=True, variant=constants(base, number))

    with ThreadPoolExecutor(answers.AT_ONCE) as pool:
        yield from pool.map(one, answers_)


@pytest.mark.slow
def test_a_solution_passes_with_the_constants_that_it_was_told_with(slug: str, number: int) -> None:
    path = course.solution(slug)
    for report in judged([told(path, each, number) for each in course.exercises(slug)], number):
        assert report.variant == constants(slug, number)
        if not report.passed:
            pytest.fail(answers.explain(report), pytrace=False)


@pytest.mark.parametrize(("slug", "name"), TELLING)
def test_an_answer_for_other_constants_is_refused(slug: str, name: str) -> None:
    """Each constant by itself is noticed, so that a neighbour's answer does not pass."""
    values = course.exercises(slug)[slug].variants[name]
    answer = Answer.from_path(course.solution(slug), slug)
    report = check(answer, course.folder(slug), only=TELLING[slug, name], variant={name: values[1]})
    assert report.results[0].verdict in answers.REFUSING


def test_a_stub_earns_nothing_with_other_constants(slug: str, number: int) -> None:
    path = course.task(slug)
    for report in judged([told(path, each, number) for each in course.exercises(slug)], number):
        assert not report.problem
        assert [each.name for each in report.results if each.passed] == []


def student() -> str:
    """One whose constants differ from the task's own, all of them."""
    for number in count(1):
        drawn_ = {
            slug: drawn(slug, course.exercises(slug)[slug].variants, SECRET, f"student {number}")
            for slug in VARIED
        }
        if all(
            value != constants(slug, 0)[name]
            for slug, own in drawn_.items()
            for name, value in own.items()
        ):
            return f"student {number}"
    raise AssertionError("there is one")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exercises as a student has them, with constants of his own."""
    root = tmp_path_factory.mktemp("copy")
    for slug in VARIED:
        folder = course.folder(slug)
        place = root / "exercises" / folder.name
        place.mkdir(parents=True)
        for path in (folder / "checks.py", course.task(slug)):
            shutil.copy(path, place)
    shutil.copy(folder.parent / "misconceptions.toml", root / "exercises")
    assert set(write_variant(root, varied(root), SECRET, student())) == set(VARIED)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("slug", VARIED)
def test_the_task_of_a_student_runs_and_its_stubs_earn_nothing(slug: str, copy: Path) -> None:
    folder = copy / "exercises" / course.folder(slug).name
    notebook = read(folder / f"{slug}.ipynb")
    assert as_text(notebook) == (folder / f"{slug}.ipynb").read_text(encoding="utf-8")
    assert not any(cell.outputs for cell in course.code(notebook))
    run(notebook, folder)
    shown = "\n".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for cell in course.code(notebook)
        for output in cell.outputs
    )
    for each, exercise in load_exercises(folder).items():
        assert f"0 of {exercise.points} points." in shown, each
    (first, *_) = exercise.own.items()
    assert f"{first[0]} {first[1]!r}" in shown
    assert (folder / FILE).is_file()
