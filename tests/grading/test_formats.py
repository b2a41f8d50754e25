"""Files for other graders: each field as its format says, and the same points as the gradebook."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import fastjsonschema
import pytest

from labsupport.checking import InputError, Report, Result
from labsupport.checking.exercise import Exercise
from labsupport.grading.formats import classroom50, gradescope, write_junit
from labsupport.grading.gradebook import Row, tasks
from labsupport.grading.handed import Student
from labsupport.grading.store import Entry
from tests.checking.course import Course

# The fields of https://gradescope-autograders.readthedocs.io/en/latest/specs/
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
OUTPUT_FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
GRADESCOPE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["tests"],
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": OUTPUT_FORMAT,
        "test_output_format": OUTPUT_FORMAT,
        "test_name_format": OUTPUT_FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "leaderboard": {"type": "array"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["score", "max_score"],
                "properties": {
                    "score": {"type": "number"},
                    "max_score": {"type": "number"},
                    "status": {"enum": ["passed", "failed"]},
                    "name": {"type": "string"},
                    "name_format": OUTPUT_FORMAT,
                    "number": {"type": "string"},
                    "output": {"type": "string"},
                    "output_format": OUTPUT_FORMAT,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": VISIBILITY,
                    "extra_data": {"type": "object"},
                },
            },
        },
    },
}
# The table of https://github.com/foundation50/classroom50/wiki/Advanced-Autograding
TEXT = {"type": "string", "minLength": 1}
ADDRESS = {**TEXT, "pattern": "^https://"}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}
CLASSROOM50 = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        *("schema", "classroom", "assignment", "submission", "commit", "release", "review"),
        *("datetime", "score", "max-score", "tests"),
    ],
    "properties": {
        "schema": {"const": "classroom50/result/v1"},
        **dict.fromkeys(("classroom", "assignment", "submission"), TEXT),
        **dict.fromkeys(("commit", "release", "review"), ADDRESS),
        "datetime": MOMENT,
        "graded_at": MOMENT,
        "score": {"type": "integer", "minimum": 0},
        "max-score": {"type": "integer", "minimum": 0},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["test-name", "passed", "score", "max-score"],
                "properties": {
                    "test-name": TEXT,
                    "passed": {"type": "boolean"},
                    "score": {"type": "integer"},
                    "max-score": {"type": "integer"},
                },
            },
        },
    },
}
RUNNER = {
    "CLASSROOM": "networks",
    "ASSIGNMENT": "demo",
    "SUBMISSION_TAG": "submit/1",
    "COMMIT_URL": "https://example.org/commit/1",
    "RELEASE_URL": "https://example.org/release/1",
}
NOW = datetime(2026, 10, 1, 12, 30, 15, 999, UTC)


@pytest.fixture
def exercises(course: Course) -> dict[str, Exercise]:
    return tasks(course.root, hidden=True)


def result(name: str, verdict: str = "passed", **more: object) -> Result:
    points = {"counts bytes": 2}.get(name, 1)
    return Result.from_dict({"name": name, "points": points, "verdict": verdict, "seed": 4, **more})


def row(*results: Result, problem: str = "", entry_problem: str = "", student: str = "ann") -> Row:
    report = Report("demo", "D", "d", 4, results, problem=problem, problem_kind="syntax")
    entry = Entry(student, "demo", "p", None, entry_problem, report if results else None)
    return Row(Student(student), {"demo": entry}, None)


MIXED = row(
    result("counts bytes", "failed", said="two bytes", got="1", hints=("vague", "concrete")),
    result("counts none"),
    result("counts four", "failed", got="the probe", hidden=True, behaviour="It counts."),
)
BUSY = row(result("counts bytes"), result("counts none", "inconclusive"), result("counts four"))
BROKEN = row(
    *(result(name, "crashed") for name in ("counts bytes", "counts none", "counts four")),
    problem="Line 1 is not valid Python.",
)
EMPTY = row(entry_problem="The answer is empty.")
MISSING = Row(Student("kim"), {"demo": None}, None)
ALL = [MIXED, BUSY, BROKEN, EMPTY, MISSING]


@pytest.mark.parametrize("row", ALL)
def test_gradescope_takes_it(row: Row, exercises: dict[str, Exercise]) -> None:
    made = json.loads(json.dumps(gradescope(row, exercises)))
    fastjsonschema.compile(GRADESCOPE)(made)
    assert sum(test["score"] for test in made["tests"]) == row.total
    assert sum(test["max_score"] for test in made["tests"]) == 4
    assert "the probe" not in json.dumps(made)


def test_gradescope_is_told_what_was_found(exercises: dict[str, Exercise]) -> None:
    first, second, third = gradescope(MIXED, exercises)["tests"]
    assert "Two bytes." in first["output"]
    assert "Hint 2 of 2: concrete" in first["output"]
    assert (second["status"], second["output"]) == ("passed", "")
    assert "It counts." in third["output"]
    assert gradescope(MISSING, exercises)["output"] == "demo: missing"
    assert "not valid Python" in gradescope(BROKEN, exercises)["tests"][0]["output"]
    assert gradescope(EMPTY, exercises)["tests"][0]["output"] == "The answer is empty."


@pytest.mark.parametrize("row", ALL)
def test_classroom_50_takes_it(row: Row, exercises: dict[str, Exercise]) -> None:
    made = json.loads(json.dumps(classroom50(row, exercises, RUNNER, NOW)))
    fastjsonschema.compile(CLASSROOM50)(made)
    assert (made["score"], made["max-score"]) == (row.total, 4)
    assert made["datetime"] == "2026-10-01T12:30:15Z"
    assert "the probe" not in json.dumps(made)


def test_outside_of_its_runner_classroom_50_is_not_made_up(exercises: dict[str, Exercise]) -> None:
    with pytest.raises(InputError, match="here COMMIT_URL, RELEASE_URL are not set"):
        classroom50(MIXED, exercises, {**RUNNER, "COMMIT_URL": "", "RELEASE_URL": ""}, NOW)


def junit(exercises: dict[str, Exercise], *table: Row) -> ElementTree.Element:
    file = io.StringIO()
    write_junit(file, iter(table), exercises)
    return ElementTree.fromstring(file.getvalue().encode("utf-8"))


def test_junit_counts_what_is_in_it(exercises: dict[str, Exercise]) -> None:
    suites = junit(exercises, *ALL)
    assert suites.tag == "testsuites"
    counted: list[dict[str, Any]] = []
    for suite in suites:
        kinds = [child.tag for case in suite for child in case]
        counts = {name: int(suite.attrib[name]) for name in ("failures", "errors", "skipped")}
        assert counts == {
            "failures": kinds.count("failure"),
            "errors": kinds.count("error"),
            "skipped": kinds.count("skipped"),
        }
        assert int(suite.attrib["tests"]) == len(suite) == 3
        assert all(case.attrib["classname"] and case.attrib["name"] for case in suite)
        counted.append({name: number for name, number in counts.items() if number})
    assert counted == [
        {"failures": 2},
        {"errors": 1},
        {"failures": 3},
        {"errors": 3},
        {"skipped": 3},
    ]
    assert "the probe" not in ElementTree.tostring(suites, encoding="unicode")


def test_junit_is_xml_whatever_an_answer_prints(exercises: dict[str, Exercise]) -> None:
    evil = "\x00\x1b[31m<&]]>\ud800\uffff\N{SNAKE}"
    suites = junit(exercises, row(result("counts bytes", "failed", said=evil), student=evil))
    text = suites.find(".//failure")
    assert text is not None
    assert "<&]]>" in (text.text or "")
    assert "\N{SNAKE}" in (text.text or "")
