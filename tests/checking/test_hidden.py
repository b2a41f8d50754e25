"""Hidden checks: when they run, what the instructor sees of them, and what a learner may."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from labsupport.checking import EngineError, InputError, Report
from labsupport.checking.feedback import as_html, as_text
from tests.checking.course import Course

PROBE = "xylophone"
ASKS = f"""\
    got = await answer.call("f", "{PROBE}")
    assert_equal(got, 3, said="f of {PROBE} is 3", did="asked {PROBE}")
"""


@pytest.fixture
def asking(course: Course) -> Course:
    """One check that everybody passes, and a hidden one that asks about a word."""
    course.add("is there", "await answer.call('f', 'hello')", points=2)
    course.hide("knows a word", ASKS, points=3, said="Every word has a number.")
    return course


def everything(report: Report) -> str:
    """All that a report says, in every form."""
    return "\n".join([as_text(report), as_html(report), json.dumps(report.to_dict())])


def verdicts(report: Report) -> dict[str, str]:
    return {each.name: each.verdict for each in report.results}


def test_hidden_checks_run_behind_the_others_and_only_when_asked_for(asking: Course) -> None:
    plain = asking.judge("def f(x): return 3")
    assert (verdicts(plain), plain.total, plain.hidden) == ({"is there": "passed"}, 2, False)
    report = asking.judge("def f(x): return 3", hidden=True)
    assert list(verdicts(report).items()) == [("is there", "passed"), ("knows a word", "passed")]
    assert (report.total, report.earned, report.passed, report.hidden) == (5, 5, True, True)
    assert [each.hidden for each in report.results] == [False, True]
    with pytest.raises(InputError, match="no check named"):
        asking.judge("def f(x): return 3", only="knows a word")


def test_without_the_folder_of_hidden_checks_asking_for_them_is_refused(course: Course) -> None:
    course.add("is there", "await answer.call('f')")
    assert course.judge("def f(): return 1").passed
    with pytest.raises(InputError, match="has no hidden checks: it has no folder solutions/hidden"):
        course.judge("def f(): return 1", hidden=True)


def test_an_exercise_without_hidden_checks_says_so(course: Course) -> None:
    course.add("is there", "await answer.call('f')")
    (course.root / "solutions" / "hidden").mkdir(parents=True)
    report = course.judge("def f(): return 1", hidden=True)
    assert report.passed
    assert "This exercise has no hidden checks." in as_text(report)
    assert "This exercise has no hidden checks." in as_html(report)
    assert "hidden" not in as_text(course.judge("def f(): return 1"))


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [("is there", "pass", "two checks named 'is there'"), ("x", "(", "demo.py cannot be loaded")],
)
def test_hidden_checks_that_cannot_be_used_are_the_courses_fault(
    course: Course, name: str, body: str, said: str
) -> None:
    course.add("is there", "await answer.call('f')")
    course.hide(name, body)
    with pytest.raises(EngineError, match=said):
        course.judge("def f(): return 1", hidden=True)


def test_the_instructor_sees_all_of_it(asking: Course) -> None:
    report = asking.judge("def f(x):\n    print(x)\n    return len(x)", hidden=True)
    text = as_text(report)
    for part in (
        "failed        0 of 3  knows a word (hidden)",
        f"F of {PROBE} is 3.",
        f"The check asked {PROBE}.",
        "came      9",
        f"printed:\n    {PROBE}",
        "What a learner is told: Every word has a number.",
        f'labsupport check demo --hidden --seed {report.results[1].seed} --only "knows a word"',
        "it is for the instructor",
    ):
        assert part in text
    assert "knows a word (hidden)" in as_html(report)
    bare = replace(report, level=report.level | {"number": 1})
    assert "At level 1 the answer could read them too." in " ".join(as_text(bare).split())


def test_a_learner_is_told_what_a_hidden_check_asks_for(asking: Course) -> None:
    report = asking.judge("def f(x): return len(x)", hidden=True).concealed()
    text = as_text(report)
    assert text.splitlines()[2:5] == [
        "  passed        2 of 2  is there",
        "  failed        0 of 3  knows a word (hidden)",
        "",
    ]
    explained = text[text.index("Failed:") : text.index("Level")]
    assert explained == (
        "Failed: knows a word (hidden)\n"
        "  Every word has a number.\n"
        "  Often behind it, the belief wrong-belief: The earth is flat.\n"
        "  What is true: It is round.\n\n"
        "Of a hidden check only what it asks for is told, not how it looked.\n\n"
    )
    passed = asking.judge("def f(x): return 3", hidden=True).concealed()
    assert "passed        3 of 3  knows a word (hidden)" in as_text(passed)
    assert (passed.total, passed.earned, passed.passed) == (5, 5, True)


@pytest.mark.parametrize(
    "answer",
    [
        "def f(x): return x",
        "def f(x):\n    print(x)\n    return 4",
        "def f(x): raise ValueError(x)",
        "def f(x): raise type(x, (Exception,), {})",
        "def f(x):\n    if x != 'hello': raise SystemExit(x)",
        "def f(x): return 3 if x == 'hello' else eval('lambda: 1')",
        "import os\ndef f(x):\n    if x != 'hello': print(x, flush=True); os._exit(len(x))",
        "import time\ndef f(x):\n    print(x)\n    if x != 'hello': time.sleep(60)",
    ],
    ids=["returns", "prints", "raises", "names", "exits", "odd", "dies", "hangs"],
)
def test_an_answer_that_repeats_the_probe_does_not_tell_it_to_its_learner(
    asking: Course, answer: str
) -> None:
    full = asking.judge(answer, hidden=True)
    assert PROBE in everything(full)
    assert not full.passed
    report = full.concealed()
    assert PROBE not in everything(report)
    result = report.result("knows a word")
    assert (result.verdict, result.seed, result.hints) == ("failed", None, ())
    assert report.result("is there") == full.result("is there")
    assert report.concealed() == report


def test_what_an_answer_says_while_it_is_loaded_for_a_hidden_check_is_concealed(
    asking: Course, tmp_path: Path, at_level: Callable[[int], None]
) -> None:
    at_level(1)  # where an answer can keep what it is asked, for its next process
    kept = tmp_path / "kept"
    asking.hide("asks again", ASKS)
    report = asking.judge(
        f"""
        import pathlib
        kept = pathlib.Path({str(kept)!r})
        if kept.exists(): raise RuntimeError(kept.read_text())
        def f(x):
            if x != "hello": kept.write_text(x)
            return 3
        """,
        hidden=True,
    )
    assert list(verdicts(report).values()) == ["passed", "passed", "crashed"]
    assert PROBE in report.problem
    told = report.concealed()
    assert PROBE not in everything(told)
    assert list(verdicts(told).values()) == ["passed", "passed", "failed"]
    assert (told.passed, told.problem, told.problem_kind) == (False, "", "")


def test_a_problem_that_visible_checks_meet_is_told(asking: Course) -> None:
    for answer, said in (("def f(:", "is not valid Python"), ("1 / 0", "ZeroDivisionError")):
        report = asking.judge(answer, hidden=True)
        assert report.concealed().problem == report.problem
        assert said in as_text(report.concealed())
        assert said in as_text(asking.judge(answer, only="knows a word", hidden=True))


def test_a_hidden_check_that_broke_counts_against_nobody(asking: Course) -> None:
    asking.hide("breaks", f"raise KeyError('{PROBE}')")
    report = asking.judge("def f(x): return 3", hidden=True).concealed()
    assert report.result("breaks").verdict == "inconclusive"
    assert PROBE not in everything(report)


def test_a_report_with_hidden_checks_survives_json(asking: Course) -> None:
    report = asking.judge("def f(x): return len(x)", hidden=True)
    for each in (report, report.concealed()):
        assert Report.from_dict(json.loads(json.dumps(each.to_dict()))) == each


@pytest.mark.linux
@pytest.mark.usefixtures("level")
def test_hidden_checks_are_not_in_the_answer_s_memory(asking: Course) -> None:
    asking.hide(
        "has a secret",
        """
        'The kingfisher is blue.'
        assert_equal(await answer.call("f", "x"), ["blackbird"], said="it reads its memory")
        """,
    )
    report = asking.judge(
        """
        import re
        mine = "The blackbird is black."
        birds = re.compile(rb"The (blackbird|kingfisher) is")
        def f(x):
            found = set()
            with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
                for line in maps:
                    start, end = (int(each, 16) for each in line.split()[0].split("-"))
                    try:
                        memory.seek(start)
                        found |= set(birds.findall(memory.read(end - start)))
                    except (OSError, ValueError, OverflowError): pass
            return sorted(map(bytes.decode, found))
        """,
        only="has a secret",
        hidden=True,
    )
    assert report.passed, as_text(report)
