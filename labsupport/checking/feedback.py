"""A report for people: as text for a terminal, as HTML for a notebook.

Both are made from the same parts, so that they say the same. Passing checks take a line each. A
check that did not pass says what the check did, what it expected and what came, with a caret under
the first difference; then the exchange as a ladder, what the answer printed, the wrong belief
behind it, as many hints as were earned, and the command that shows it again. When several checks
found exactly the same, it is told once. Everything from outside is escaped; colours come from
JupyterLab's theme and are never the only sign.

Hidden checks are marked. What is shown of them is what the report holds: for learners, pass it
`concealed`.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from labsupport.checking.report import Report, Result

__all__ = ["as_html", "as_text", "constants", "explanation", "replay"]

_WIDTH = 88
_LONG = 14  # lines; a longer block is folded in HTML

_COLOURS = {
    "passed": "var(--jp-success-color1, #2e7d32)",
    "inconclusive": "var(--jp-warn-color1, #b36200)",
}
_FAILED = "var(--jp-error-color1, #c62828)"
_LIMITS = {
    "RLIMIT_AS": "memory",
    "RLIMIT_CPU": "processor time",
    "RLIMIT_FSIZE": "file size",
    "RLIMIT_NOFILE": "descriptors",
    "RLIMIT_CORE": "core files",
}


@dataclass(frozen=True, slots=True)
class _Part:
    """A paragraph of words, or a block of lines in a fixed-width font, with a label."""

    form: Literal["words", "block"]
    text: str
    label: str = ""


def as_text(
    report: Report,
    hints: Mapping[str, int] | None = None,
    file: str | None = None,
    student: str | None = None,
) -> str:
    """The report for a terminal.

    hints: the failed tries of each check, which is the number of hints to show; by default one.
    file, student: those that were named on the command line, for the command that replays.
    """
    lines = [_heading(report), ""]
    for result in report.results:
        lines.append(f"  {result.verdict:<12}  {_points(result)}  {_name(result)}")
    lines += ["", _total(report)]
    if report.problem:
        lines += ["", *_text_of(_Part("block", report.problem))]
    for result, parts in _explained(report, hints or {}, file, student):
        lines += ["", f"{result.verdict.capitalize()}: {_name(result)}"]
        for part in parts:
            lines += _text_of(part)
    if note := _on_hidden(report):
        lines += ["", *textwrap.wrap(note, _WIDTH)]
    if told := constants(report):
        lines += ["", *textwrap.wrap(told, _WIDTH)]
    if level := _level(report):
        lines += ["", level]
    return "\n".join(lines)


def as_html(report: Report, hints: Mapping[str, int] | None = None) -> str:
    """The report for a notebook; see `as_text`."""
    rows = "".join(
        f'<tr><td style="{_CELL}; color: {_colour(result)}"><strong>{result.verdict}</strong></td>'
        f'<td style="{_CELL}; white-space: nowrap">{_points(result)}</td>'
        f'<td style="{_CELL}">{escape(_name(result))}</td></tr>'
        for result in report.results
    )
    heads = "".join(f'<th scope="col" style="{_CELL}">{head}</th>' for head in _HEADS)
    pieces = [
        f"<p>{escape(_heading(report))}</p>",
        f'<table style="margin: 0.4em 0; color: inherit"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>",
        f"<p><strong>{escape(_total(report))}</strong></p>",
    ]
    if report.problem:
        pieces.append(_block_html(report.problem))
    for number, (result, parts) in enumerate(_explained(report, hints or {})):
        inside = "".join(map(_html_of, parts))
        pieces.append(
            f"<details{'' if number else ' open'} "
            f'style="border-left: 4px solid {_colour(result)}; padding-left: 0.8em; '
            f'margin: 0.6em 0">'
            f"<summary><strong>{result.verdict.capitalize()}:</strong> {escape(_name(result))}"
            f"</summary>{inside}</details>"
        )
    if note := _on_hidden(report):
        pieces.append(f"<p>{escape(note)}</p>")
    if told := constants(report):
        pieces.append(f"<p>{escape(told)}</p>")
    if level := _level(report):
        pieces.append(f"<p><small>{escape(level)}</small></p>")
    said = f"Feedback for {report.slug}: {_total(report)}"
    return (
        f'<div role="region" aria-label="{escape(said, quote=True)}" '
        f'style="color: var(--jp-content-font-color1, inherit)">{"".join(pieces)}</div>'
    )


def explanation(report: Report, result: Result) -> str:
    """What there is to say of one result of a report, with all hints; nothing when it passed."""
    alone = replace(report, results=(result,))
    hints = {result.name: len(result.hints)}
    parts = [part for _, found in _explained(alone, hints) for part in found]
    return "\n".join(line for part in parts for line in _text_of(part))


def replay(
    report: Report, result: Result, file: str | None = None, student: str | None = None
) -> str:
    """The command that runs one check again with the same data."""
    words = ["labsupport", "check", report.slug, *([_quoted(file)] if file else [])]
    words += ["--hidden"] if result.hidden else []
    words += ["--student", _quoted(student)] if student is not None else []
    return " ".join([*words, "--seed", str(result.seed), "--only", _quoted(result.name)])


def constants(report: Report) -> str:
    """A sentence on the protocol's constants by which it was judged; empty for the task's own."""
    if not report.variant:
        return ""
    told = ", ".join(f"{name} {value!r}" for name, value in report.variant.items())
    return f"The constants that it was judged by: {told}."


# ---- parts ----


def _explained(
    report: Report, hints: Mapping[str, int], file: str | None = None, student: str | None = None
) -> Iterator[tuple[Result, list[_Part]]]:
    """Each result that did not pass with the parts of its explanation."""
    if report.problem:
        return
    told: dict[Result, str] = {}
    for result in report.results:
        if result.passed:
            continue
        found = replace(
            result, name="", points=0, seed=0, misconception="", belief="", truth="", hints=(),
            hidden=False, behaviour="",
        )  # fmt: skip
        if found in told:
            yield result, [_Part("words", f"The same as for {told[found]!r} above.")]
            continue
        told[found] = result.name
        parts = [*_found(result), *_behind(result, hints.get(result.name, 1))]
        if result.seed is not None:
            command = replay(report, result, file, student)
            parts.append(_Part("block", command, f"Seed {result.seed}. To see it again"))
        yield result, parts


def _found(result: Result) -> Iterator[_Part]:
    """What the check saw."""
    if result.said:
        yield _Part("words", _sentence(result.said))
    if result.did:
        yield _Part("words", _sentence(f"The check {result.did}"))
    if result.comparison:
        yield _Part("block", result.comparison)
    elif result.expected or result.got:
        rows = [("expected", result.expected), ("came", result.got)]
        lines = [
            f"{head:<10}{text.replace(chr(10), chr(10) + ' ' * 10)}" for head, text in rows if text
        ]
        yield _Part("block", "\n".join(lines))
    for note in result.notes:
        head, _, rest = note.partition("\n")
        yield _Part("block", textwrap.dedent(rest), head) if rest else _Part("words", head)
    if result.traceback:
        yield _Part("block", result.traceback, "In your answer:")
    if result.ladder:
        yield _Part("block", result.ladder, "The exchange:")
    if result.output:
        yield _Part("block", result.output, "Your answer printed:")


def _behind(result: Result, tries: int) -> Iterator[_Part]:
    """The wrong belief and the hints."""
    if result.verdict == "inconclusive":
        yield _Part("words", "No points were counted. Check again, or show it to your instructor.")
        return
    if result.misconception:
        belief = result.belief or "it is not described yet."
        yield _Part("words", belief, f"Often behind it, the belief {result.misconception}")
    if result.truth:
        yield _Part("words", result.truth, "What is true")
    if result.behaviour and result.behaviour != result.said:
        yield _Part("words", result.behaviour, "What a learner is told")
    total = len(result.hints)
    for number, hint in enumerate(result.hints[: max(1, tries)], 1):
        yield _Part("words", hint, f"Hint {number} of {total}")


def _heading(report: Report) -> str:
    if report.title.startswith(report.slug):
        return report.title
    return f"{report.slug}: {report.title}"


def _points(result: Result) -> str:
    return f"{result.earned} of {result.points}"


def _name(result: Result) -> str:
    return f"{result.name} (hidden)" if result.hidden else result.name


def _on_hidden(report: Report) -> str:
    """What there is to say about the hidden checks as such."""
    found = [result for result in report.results if result.hidden]
    if report.hidden and report.only is None and not found:
        return "This exercise has no hidden checks."
    failed = [result for result in found if not result.passed and not report.problem]
    if any(result.seed is not None for result in failed):
        said = "What is said here of hidden checks shows their probes: it is for the instructor."
        if report.level.get("number") == 1:
            said += " At level 1 the answer could read them too."
        return said
    if failed:
        return "Of a hidden check only what it asks for is told, not how it looked."
    return ""


def _total(report: Report) -> str:
    if report.only is not None:
        asked = sum(result.points for result in report.results)
        return f"{report.earned} of {asked} points for this check; the exercise has {report.total}."
    return f"{report.earned} of {report.total} points."


def _level(report: Report) -> str:
    """How far the answer was confined; empty when it was not run."""
    if not report.level:
        return ""
    level = report.level
    line = f"Level {level['number']}, {level['name']}: {level['said']}."
    if unlimited := [_LIMITS.get(name, name) for name in level["unlimited"]]:
        line += f" This system has no limit for {', '.join(unlimited)}."
    if level["missing"]:
        line += f" More is not to be had here: {'; '.join(level['missing'])}."
    return line


def _sentence(text: str) -> str:
    """With a capital at the beginning and a full stop at the end, where that can be."""
    text = text.strip()
    head = text[:1].upper() + text[1:]
    return head if head.endswith((".", "?", ":", "`", "!")) else head + "."


def _quoted(word: str) -> str:
    """A word for a command line; in double quotes, which every shell knows, where they do."""
    if not set(word) & set('"$`\\!'):
        return f'"{word}"' if set(word) & set(" '()[]{}<>|&;*?#~=%") else word
    return shlex.quote(word)


# ---- text ----


def _text_of(part: _Part) -> list[str]:
    if part.form == "block":
        head = [f"  {part.label.removesuffix(':')}:"] if part.label else []
        return [*head, *(f"    {line}".rstrip() for line in part.text.splitlines())]
    words = f"{part.label}: {part.text}" if part.label else part.text
    return textwrap.wrap(
        words,
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="    " if part.label else "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


# ---- HTML ----

_HEADS = ("verdict", "points", "check")
_CELL = "text-align: left; padding: 0.1em 0.8em 0.1em 0"
_PRE = (
    "overflow-x: auto; padding: 0.4em 0.6em; margin: 0.3em 0; line-height: 1.3; "
    "background: var(--jp-layout-color2, rgba(127, 127, 127, 0.12)); "
    "color: var(--jp-content-font-color1, inherit)"
)


def _html_of(part: _Part) -> str:
    label = _code(escape(part.label.removesuffix(":")))
    if part.form == "words":
        head = f"<strong>{label}:</strong> " if label else ""
        return f'<p style="margin: 0.3em 0">{head}{_code(escape(part.text))}</p>'
    block = _block_html(part.text)
    if label and part.text.count("\n") >= _LONG:
        return f"<details><summary>{label}</summary>{block}</details>"
    head = f'<p style="margin: 0.3em 0">{label}:</p>' if label else ""
    return head + block


def _code(escaped: str) -> str:
    """Words between backquotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


def _block_html(text: str) -> str:
    return f'<pre tabindex="0" style="{_PRE}">{escape(text)}</pre>'


def _colour(result: Result) -> str:
    return _COLOURS.get(result.verdict, _FAILED)
