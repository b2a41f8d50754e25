"""What a student's answers earned, as files that graders and CI services read.

    gradescope    results.json of an autograder
                  (https://gradescope-autograders.readthedocs.io/en/latest/specs/)
    classroom50   result.json, schema classroom50/result/v1
                  (https://github.com/foundation50/classroom50/wiki/Advanced-Autograding)
    junit         the XML that CI services show, a test suite for each student and exercise
                  (https://github.com/testmoapp/junitxml)

All are for students to see: of a hidden check they tell what `Report.concealed` leaves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any
from xml.etree import ElementTree

from labsupport.checking import InputError, Result
from labsupport.checking.exercise import Exercise
from labsupport.checking.feedback import constants, explanation
from labsupport.grading.gradebook import Row

__all__ = ["classroom50", "gradescope", "write_junit"]

_CONTEXT = ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL")
# What is no character of XML 1.0 (section 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class _Told:
    """A check of a slug. result: None where the answer was not judged. text: what to say of it."""

    slug: str
    name: str
    points: int
    result: Result | None
    text: str

    @property
    def earned(self) -> int:
        return self.result.earned if self.result else 0

    @property
    def passed(self) -> bool:
        return self.result is not None and self.result.passed


def _told(row: Row, exercises: dict[str, Exercise]) -> Iterator[_Told]:
    for slug, exercise in exercises.items():
        entry = row.entries[slug]
        report = entry.report.concealed() if entry and entry.report else None
        results = {each.name: each for each in report.results} if report else {}
        for check in exercise.checks:
            result = results.get(check.name)
            if report and result:
                text = report.problem or explanation(report, result)
            else:
                text = (entry.problem if entry else "") or f"The answer is {row.state(slug)}."
            yield _Told(slug, check.name, check.points, result, text)


def gradescope(
    row: Row, exercises: dict[str, Exercise], unread: Iterable[str] = ()
) -> dict[str, Any]:
    """A student's results.json. unread: what is to be said of files that were not read."""
    said = [f"{slug}: {row.state(slug)}" for slug in exercises if row.state(slug)]
    for slug, entry in row.entries.items():
        if entry and entry.report and (told := constants(entry.report)):
            said.append(f"{slug}: {told}")
    return {
        "output": "\n".join([*said, *unread]),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": [
            {
                "name": f"{each.slug}: {each.name}",
                "number": str(number),
                "score": each.earned,
                "max_score": each.points,
                "status": "passed" if each.passed else "failed",
                "output": each.text,
                "output_format": "text",
                "visibility": "visible",
            }
            for number, each in enumerate(_told(row, exercises), 1)
        ],
    }


def classroom50(
    row: Row, exercises: dict[str, Exercise], environment: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """A student's result.json; what its runner adds is left out: owner and assignment_type.

    environment: what the runner tells. Raises InputError where it tells too little.
    """
    missing = [name for name in _CONTEXT if not environment.get(name)]
    if missing:
        raise InputError(
            f"Classroom 50's runner sets {', '.join(_CONTEXT)}; here {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set. Run it as an autograder."
        )
    classroom, assignment, submission, commit, release = (environment[name] for name in _CONTEXT)
    moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    tests = [
        {
            "test-name": f"{each.slug}: {each.name}",
            "passed": each.passed,
            "score": each.earned,
            "max-score": each.points,
            "output": each.text,
        }
        for each in _told(row, exercises)
    ]
    return {
        "schema": "classroom50/result/v1",
        "classroom": classroom,
        "assignment": assignment,
        "submission": submission,
        "commit": commit,
        "release": release,
        "review": environment.get("REVIEW_URL") or commit,
        "datetime": moment,
        "graded_at": moment,
        "score": sum(each["score"] for each in tests),
        "max-score": sum(each["max-score"] for each in tests),
        "tests": tests,
    }


def write_junit(file: IO[str], table: Iterable[Row], exercises: dict[str, Exercise]) -> None:
    """Write the XML of a class, student by student."""
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="labsupport grade">\n')
    for row in table:
        for slug, exercise in exercises.items():
            file.write(ElementTree.tostring(_suite(row, slug, exercise), encoding="unicode") + "\n")
    file.write("</testsuites>\n")


def _suite(row: Row, slug: str, exercise: Exercise) -> ElementTree.Element:
    cases = list(_told(row, {slug: exercise}))
    kinds: Counter[str] = Counter()
    name = _clean(f"{row.student.id}: {slug}")
    suite = ElementTree.Element("testsuite", {"name": name})
    for each in cases:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": name, "name": _clean(each.name)}
        )
        kind = _kind(each, row.state(slug))
        if kind:
            kinds[kind] += 1
            verdict = each.result.verdict if each.result else row.state(slug)
            told = ElementTree.SubElement(case, kind, {"message": verdict})
            told.text = _clean(each.text)
    suite.set("tests", str(len(cases)))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(kinds[kind]))
    return suite


def _kind(told: _Told, state: str) -> str:
    """The element that a test case has inside; none where it passed."""
    if told.result is None:
        return "skipped" if state == "missing" else "error"
    if told.result.verdict == "inconclusive":
        return "error"
    return "" if told.passed else "failure"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
