"""Predictions: a learner commits to an option, the run decides, and wrong beliefs get their names.

A lesson asks a question, has one cell ``vote = None``, runs the demonstration and ends with

    settle("02a-reads", vote, outcome="b", beliefs={"a": "recv-is-a-message"}, measured="1 read")

``outcome`` is computed from what was measured, so the run decides and not a stored answer. Nothing
here raises because of a vote, so that Run All goes through with or without one; a mistake of the
lesson itself (a question without its lesson's number, a belief that the course does not know) does
raise, at once and whatever the vote is.

A question is decided once, by its first run. A lesson invites the learner to change the
demonstration and to run it again, and that run is about another program: where it comes out
elsewhere it settles nothing, whatever stands in ``vote``. The first run is the one that settled the
first vote in the history; before there is a vote, the first one in this process.

The beliefs come from ``exercises/misconceptions.toml`` in the course root. Settled votes go into
the history; what was wrong with confidence comes back in the ``warm_up`` of a later lesson.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

from labsupport.history import History, Vote, course_root, lesson_of

__all__ = ["Note", "settle", "warm_up"]

State = Literal["no vote", "unreadable", "right", "wrong", "changed", "warm-up"]
Misconceptions = Mapping[str, Mapping[str, str]]

_QUESTION = re.compile(r"\d\d[a-z]?(-[a-z0-9]+)+")
_VOTE = re.compile(r"([a-z])(?:[\s,:]*\(?(\d{1,3})\s*%?\)?)?", re.IGNORECASE)
_AT_MOST = 5  # mistakes in one warm-up: more of them would be a lesson of its own
_EDGE = {
    "no vote": "var(--jp-border-color1, #8a8a8a)",
    "unreadable": "var(--jp-warn-color1, #b36200)",
    "right": "var(--jp-success-color1, #2e7d32)",
    "wrong": "var(--jp-warn-color1, #b36200)",
    "changed": "var(--jp-border-color1, #8a8a8a)",
    "warm-up": "var(--jp-border-color1, #8a8a8a)",
}
_LABEL = {
    "no vote": "Prediction, no vote yet",
    "unreadable": "Prediction, the vote cannot be read",
    "right": "Prediction, right",
    "wrong": "Prediction, wrong",
    "changed": "Prediction, not settled by this run",
    "warm-up": "Warm-up",
}

_first_outcomes: dict[tuple[Path | None, str], str] = {}  # of what was run in this process


@dataclass(frozen=True, slots=True)
class Note:
    """What a cell shows, as text and as HTML; ``state`` says which case it is."""

    state: State
    text: str
    html: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display({"text/plain": self.text, "text/html": self.html}, raw=True)  # type: ignore[no-untyped-call]


def settle(
    question: str,
    vote: object,
    *,
    outcome: str,
    beliefs: Mapping[str, str],
    measured: object,
    because: str = "",
    misconceptions: Misconceptions | None = None,
    history: History | None = None,
) -> Note:
    """Say what the run decided and what the learner had voted; remember the vote.

    A run that comes out at another option than the question's first one settles nothing, and says
    so. The same vote again is remembered once; a changed vote counts, beside the earlier one.

    ``vote`` is None, "b", "b 70%" or ("b", 70), in any letter case. ``outcome`` is the option that
    the run came out at, ``beliefs`` the misconception's slug behind each wrong option, ``measured``
    what was seen, in words; ``because`` explains it in a sentence or two. ``misconceptions`` and
    ``history`` stand in for the course's own, in tests.

    Raises ValueError for a question's slug that does not begin with its lesson's number, and
    LookupError for a belief that the course does not know.
    """
    if not _QUESTION.fullmatch(question):
        raise ValueError(
            f'the question {question!r} must be its lesson, a dash and a name, as in "02a-reads"'
        )
    known = _known(beliefs, misconceptions)
    last = max(outcome, *beliefs, "c")  # not every option has a belief behind it
    options = [chr(letter) for letter in range(ord("a"), ord(last) + 1)]
    seen = str(measured).removesuffix(".")
    decided = [("Measured", f"{seen}. That is option {outcome}."), ("", because)]
    history = history or History()
    former = history.votes(question)
    seen_first = _first_outcomes.setdefault((history.path, question), outcome)
    first = former[0].outcome if former else seen_first
    choice, confidence = _read(vote, options)
    if choice is None:
        state: State = "no vote" if vote is None else "unreadable"
        head = (
            "No vote yet. Set `vote` in the cell above, run it, then run this cell again."
            if vote is None
            else f"The vote {_short(vote)} cannot be read. Set `vote` to one of "
            f'{_or(options)}, alone or with how sure you are, for example "{options[0]} 70%".'
        )
        return _note(state, head, decided)

    if outcome != first:
        head = f"This run came out at {outcome}, and the question's first run at {first}."
        kept = _kept(former[-1]) if former else _NOTHING_KEPT
        return _note("changed", head, [("Measured", f"{seen}."), ("", kept)])
    earlier = [each for each in former if each.choice != choice]
    belief = "" if choice == outcome else beliefs.get(choice, "")
    history.vote(question, choice, confidence, outcome=outcome, belief=belief, measured=seen)
    again = (
        f"Your earlier vote was {_said(earlier[-1].choice, earlier[-1].confidence)}."
        if earlier
        else ""
    )
    if choice == outcome:
        head = f"You voted {_said(choice, confidence)}, and the run agrees."
        return _note("right", head, [("Measured", f"{seen}."), ("", because), ("", again)])
    head = f"You voted {_said(choice, confidence)}. The run came out at {outcome}."
    named = _belief_lines(known[belief], belief) if belief else []
    return _note("wrong", head, [("Measured", f"{seen}."), *named, ("", because), ("", again)])


def warm_up(
    lesson: str,
    *,
    misconceptions: Misconceptions | None = None,
    history: History | None = None,
) -> Note:
    """The beliefs that the learner held with confidence in earlier lessons, as questions.

    At most five, surest first. In a notebook each opens to its answer; as text the answers follow.
    """
    mistakes = (history or History()).confident_mistakes(lesson)[:_AT_MOST]
    if not mistakes:
        said = "Predictions that you were sure of, and that a run decided against, return here."
        return _note("warm-up", "Nothing comes back yet.", [("", said)])
    known = misconceptions if misconceptions is not None else _course_misconceptions()
    head = "You were sure of this once. What is true instead? Answer first, then look."
    texts, pieces = [head], [f"<p><strong>{escape(head)}</strong></p>"]
    for number, mistake in enumerate(mistakes, 1):
        asked, answers = _recalled(mistake, known)
        texts.append(f"{number}. {asked}")
        texts.extend(f"   {each}" for each in answers)
        pieces.append(
            f"<details><summary>{number}. {_marked(asked)}</summary>"
            + "".join(f"<p>{_marked(each)}</p>" for each in answers)
            + "</details>"
        )
    return Note("warm-up", "\n".join(texts), _framed("warm-up", "".join(pieces)))


def _read(vote: object, options: list[str]) -> tuple[str | None, int | None]:
    """The choice and the confidence in percent; the choice is None when the vote cannot be read."""
    if isinstance(vote, (tuple, list)) and len(vote) == 2 and not isinstance(vote[1], bool):
        vote = f"{vote[0]} {vote[1]:g}" if isinstance(vote[1], float) else f"{vote[0]} {vote[1]}"
    found = _VOTE.fullmatch(vote.strip()) if isinstance(vote, str) else None
    if found is None or found[1].lower() not in options:
        return None, None
    confidence = int(found[2]) if found[2] else None
    if confidence is not None and confidence > 100:
        return None, None
    return found[1].lower(), confidence


def _known(beliefs: Mapping[str, str], given: Misconceptions | None) -> Misconceptions:
    known = given if given is not None else _course_misconceptions()
    missing = sorted(set(beliefs.values()) - set(known))
    if missing:
        raise LookupError(
            f"no misconception is called {missing[0]!r}. Add it to exercises/misconceptions.toml "
            "with a belief and a truth, or correct the name in `beliefs`."
        )
    return known


def _course_misconceptions() -> Misconceptions:
    root = course_root()
    if root is None:
        raise LookupError(
            "the beliefs are named in exercises/misconceptions.toml, and no folder above this one "
            "has exercises/. Open the notebook inside of the course's folder."
        )
    path = root / "exercises" / "misconceptions.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LookupError(f"the beliefs are named in {path}, and that file is missing.") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from error


def _belief_lines(entry: Mapping[str, str], slug: str) -> list[tuple[str, str]]:
    return [(f"The belief `{slug}`", entry["belief"]), ("What is true", entry["truth"])]


def _recalled(mistake: Vote, known: Misconceptions) -> tuple[str, list[str]]:
    """The question and the lines of its answer for one mistake."""
    sure = f"{mistake.confidence} % sure" if mistake.confidence is not None else "committed"
    entry = known.get(mistake.belief)
    lesson = lesson_of(mistake.question)
    measured = f"Measured then: {mistake.measured}. That is option {mistake.outcome}."
    if entry is None:
        return f"Lesson {lesson}, `{mistake.question}`: you voted {mistake.choice}, {sure}.", [
            measured
        ]
    return (
        f"Lesson {lesson}, {sure}: {entry['belief']}",
        [f"What is true: {entry['truth']}", measured],
    )


_NOTHING_KEPT = (
    "Something was changed in between, so this run settles no vote. Put it back and run the cell "
    "again; if nothing is changed any more, restart the kernel before."
)


def _kept(vote: Vote) -> str:
    found = "wrong" if vote.wrong else "right"
    return (
        "Something was changed in between, so this run settles no vote. "
        f"Yours, {_said(vote.choice, vote.confidence)}, was {found} and stays so."
    )


def _said(choice: str, confidence: int | None) -> str:
    return choice if confidence is None else f"{choice} ({confidence} % sure)"


def _or(options: list[str]) -> str:
    quoted = [f'"{each}"' for each in options]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _note(state: State, head: str, lines: list[tuple[str, str]]) -> Note:
    kept = [(label, line) for label, line in lines if line]
    text = "\n".join([head, *(f"{label}: {line}" if label else line for label, line in kept)])
    html = f"<p><strong>{_marked(head)}</strong></p>" + "".join(
        f"<p>{f'<em>{_marked(label)}:</em> ' if label else ''}{_marked(line)}</p>"
        for label, line in kept
    )
    return Note(state, text, _framed(state, html))


def _marked(text: str) -> str:
    """Escaped, with `code` between backquotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _framed(state: State, html: str) -> str:
    return (
        f'<div role="note" aria-label="{_LABEL[state]}" style="border-left: 4px solid '
        f"{_EDGE[state]}; padding: 0.1em 1em; margin: 0.5em 0; max-width: 48em; color: "
        f'var(--jp-content-font-color1, inherit)">{html}</div>'
    )
