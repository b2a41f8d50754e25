"""A report as text and as HTML."""

from __future__ import annotations

import shlex
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from labsupport.checking import Report, Result
from labsupport.checking.feedback import as_html, as_text, replay

PASSED = Result("one frame", 1, "passed", 11)
FAILED = Result(
    "one byte at a time",
    2,
    "failed",
    123,
    said="the length prefix arrived one byte at a time",
    did="sent 9 bytes in pieces of 1",
    expected="[b'hello']",
    got="[]",
    comparison="expected  b'hello'\ncame      b'hell'\n               ^ ends here",
    notes=("Meanwhile `serve` raised:\nline 3, in serve\n    boom()",),
    ladder="\n".join(["the check          your answer", *["|-- x -->|"] * 20]),
    output="hello",
    misconception="recv-is-a-message",
    belief="One recv returns what one send sent.",
    truth="TCP carries a stream of bytes.",
    hints=("What does recv promise?", "Collect.", "Loop until you have four bytes."),
)
LEVEL = {
    "number": 1,
    "name": "limited",
    "said": "your answer ran in its own process",
    "missing": [],
    "unlimited": [],
}
REPORT = Report("framing", "Frames on a stream", "d" * 64, 3, (PASSED, FAILED), LEVEL)

TEXT = (
    """\
framing: Frames on a stream

  passed        1 of 1  one frame
  failed        0 of 2  one byte at a time

1 of 3 points.

Failed: one byte at a time
  The length prefix arrived one byte at a time.
  The check sent 9 bytes in pieces of 1.
    expected  b'hello'
    came      b'hell'
                   ^ ends here
  Meanwhile `serve` raised:
    line 3, in serve
        boom()
  The exchange:
    the check          your answer
"""
    + "    |-- x -->|\n" * 20
    + """\
  Your answer printed:
    hello
  Often behind it, the belief recv-is-a-message: One recv returns what one send sent.
  What is true: TCP carries a stream of bytes.
  Hint 1 of 3: What does recv promise?
  Seed 123. To see it again:
    labsupport check framing --seed 123 --only "one byte at a time"

Level 1, limited: your answer ran in its own process."""
)


def test_a_failing_check_is_explained_in_text() -> None:
    assert as_text(REPORT) == TEXT


def test_one_more_hint_comes_with_each_failed_try() -> None:
    for tries, shown in [(0, 1), (1, 1), (2, 2), (3, 3), (9, 3)]:
        text = as_text(REPORT, {"one byte at a time": tries})
        assert text.count("Hint ") == shown
        assert as_html(REPORT, {"one byte at a time": tries}).count("Hint ") == shown


def test_what_has_no_comparison_shows_expected_and_came() -> None:
    plain = replace(FAILED, comparison="", got="first\nsecond")
    text = as_text(replace(REPORT, results=(plain,)))
    assert "    expected  [b'hello']\n    came      first\n              second\n" in text


def test_when_all_pass_there_is_a_line_each_and_the_points() -> None:
    text = as_text(replace(REPORT, total=1, results=(PASSED,)))
    assert text.splitlines()[2:] == [
        "  passed        1 of 1  one frame",
        "",
        "1 of 1 points.",
        "",
        "Level 1, limited: your answer ran in its own process.",
    ]


def test_the_same_finding_is_told_once() -> None:
    other = replace(FAILED, name="split", seed=5, misconception="x", hints=("a", "b"))
    different = replace(FAILED, name="third", got="[1]")
    text = as_text(replace(REPORT, results=(FAILED, other, different)))
    assert "Failed: split\n  The same as for 'one byte at a time' above.\n" in text
    assert text.count("The check sent 9 bytes") == 2


def test_a_problem_of_all_checks_is_told_once() -> None:
    crashed = tuple(Result(name, 1, "crashed", 1, hints=("a", "b")) for name in ("one", "two"))
    report = replace(REPORT, results=crashed, problem="line 3\n    NameError <b>", level={})
    text = as_text(report)
    assert text.endswith("0 of 3 points.\n\n    line 3\n        NameError <b>")
    assert as_html(report).count("NameError &lt;b&gt;") == 1


def test_a_check_that_broke_blames_nobody() -> None:
    broken = Result("odd", 1, "inconclusive", 1, said="the check broke", hints=("a", "b"))
    text = as_text(replace(REPORT, results=(broken,)))
    assert "show it to your instructor." in text
    assert "Hint" not in text


def test_a_part_of_the_checks_says_so() -> None:
    report = replace(REPORT, results=(PASSED,), only="one frame")
    assert "1 of 1 points for this check; the exercise has 3." in as_text(report)


def test_limits_that_the_system_lacks_are_said() -> None:
    report = replace(REPORT, level=LEVEL | {"unlimited": ["RLIMIT_AS", "RLIMIT_CPU"]})
    assert as_text(report).endswith("This system has no limit for memory, processor time.")


def test_what_is_missing_for_a_higher_level_is_said() -> None:
    report = replace(REPORT, level=LEVEL | {"missing": ["fenced (landlock: not available)"]})
    said = "More is not to be had here: fenced (landlock: not available)."
    assert as_text(report).endswith(said)


@pytest.mark.parametrize(
    "name",
    ["one byte at a time", 'says "hello"', "costs $5 and `x`", "plain", "it's late", "a\\b"],
)
def test_the_command_that_replays_can_be_pasted_into_a_shell(name: str) -> None:
    command = replay(REPORT, replace(FAILED, name=name), file="my folder/a.py")
    assert shlex.split(command) == [
        "labsupport", "check", "framing", "my folder/a.py", "--seed", "123", "--only", name,
    ]  # fmt: skip


class Tags(HTMLParser):
    """Checks that every element is closed, and collects text and tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


def test_html_says_what_the_text_says() -> None:
    tags = parsed(as_html(REPORT))
    words = "".join(tags.text.split())
    for line in TEXT.splitlines():
        if "labsupport check" in line or "passed" in line or "failed" in line:
            continue
        bare = line.removesuffix(":").replace("`", "")  # code, in HTML
        assert "".join(bare.split()) in words, line
    assert 'labsupport check framing --seed 123 --only "one byte at a time"' in tags.text


def test_html_is_reachable_by_keyboard_and_folds_what_is_long() -> None:
    tags = parsed(as_html(REPORT))
    names = [tag for tag, _ in tags.seen]
    assert names.count("details") == 2  # the check, and in it the ladder of more than 14 lines
    assert names.count("summary") == 2
    assert all(attrs.get("tabindex") == "0" for tag, attrs in tags.seen if tag == "pre")
    assert tags.seen[0][1]["aria-label"] == "Feedback for framing: 1 of 3 points."
    assert not {"h1", "h2", "h3", "script", "style"} & set(names)


def test_colours_come_from_the_theme_and_have_a_fallback() -> None:
    html = as_html(REPORT)
    assert html.count("var(--jp-") == html.count("var(--jp-error-color1, #c62828)") + html.count(
        "var(--jp-success-color1, #2e7d32)"
    ) + html.count("var(--jp-layout-color2, rgba(") + html.count(
        "var(--jp-content-font-color1, inherit)"
    )


def test_everything_from_outside_is_escaped() -> None:
    evil = '<script>alert("1")</script>&<img src=x onerror="y">'
    result = Result(
        evil, 1, "failed", 1, evil, evil, evil, evil, evil, (evil, f"{evil}\n{evil}"), evil, evil,
        evil, evil, evil, evil, (evil, evil),
    )  # fmt: skip
    report = Report(evil, evil, "d", 1, (result, replace(result, comparison="", name="b")), LEVEL)
    for html in (as_html(report), as_html(replace(report, problem=evil))):
        tags = parsed(html)
        assert {tag for tag, _ in tags.seen} <= {
            "div", "p", "strong", "small", "table", "thead", "tbody", "tr", "th", "td", "details",
            "summary", "pre",
        }  # fmt: skip
        assert "<script" not in html
        assert "<img" not in html


def test_a_script_in_an_error_message_is_text(course: Any) -> None:
    course.add("shows", 'await answer.call("f")')
    report = course.judge("def f(): raise ValueError('<script>alert(1)</script>')")
    assert "<script" not in as_html(report)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in as_html(report)
    assert "ValueError: <script>alert(1)</script>" in as_text(report)


def test_a_report_survives_json(course: Any) -> None:
    import json

    course.add("fails", "assert_equal(await answer.call('f'), 2, said='two')")
    report = course.judge("def f(): return 1")
    again = Report.from_dict(json.loads(json.dumps(report.to_dict())))
    assert again == report
    with pytest.raises(ValueError, match="verdict"):
        Result.from_dict({**report.results[0].to_dict(), "verdict": "perfect"})
