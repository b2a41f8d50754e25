"""Predictions: what a learner sees for every vote, and what is remembered."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from labsupport.history import History
from labsupport.predictions import Note, settle, warm_up

BELIEFS = {
    "recv-is-a-message": {
        "belief": "One recv returns what one send sent.",
        "truth": "recv returns any number of bytes of the <stream>, from 1 to n.",
        "lesson": "02a",
    },
    "recv-fills-the-buffer": {
        "belief": "recv(n) returns n bytes.",
        "truth": "recv(n) returns at most n bytes.",
        "lesson": "02a",
    },
}
NO_VOTE = (
    "No vote yet. Set `vote` in the cell above, run it, then run this cell again.\n"
    "Measured: 1 read for 10 sends. That is option b.\n"
    "The kernel joins what has arrived."
)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def reads(vote: object, history: History, *, question: str = "02a-reads", **other: object) -> Note:
    settings: dict[str, object] = {
        "outcome": "b",
        "beliefs": {"a": "recv-is-a-message", "c": "recv-fills-the-buffer"},
        "measured": "1 read for 10 sends",
        "because": "The kernel joins what has arrived.",
    }
    return settle(question, vote, history=history, misconceptions=BELIEFS, **(settings | other))


def visible(html: str) -> str:
    """The text that a reader of the HTML gets."""

    class Reader(HTMLParser):
        found = ""

        def handle_data(self, data: str) -> None:
            self.found += data

    reader = Reader()
    reader.feed(html)
    return reader.found


def test_without_a_vote_it_says_what_to_do_and_what_was_measured(history: History) -> None:
    note = reads(None, history)
    assert note.state == "no vote"
    assert note.text == repr(note) == NO_VOTE
    assert not history.path.exists()


def test_without_a_vote_earlier_votes_change_nothing(history: History) -> None:
    reads("a 90%", history)
    assert reads(None, history).text == NO_VOTE


@pytest.mark.parametrize(
    ("vote", "choice", "confidence"),
    [
        ("b", "b", None),
        ("B", "b", None),
        (" b ", "b", None),
        ("b 70%", "b", 70),
        ("b 70", "b", 70),
        ("B, 70 %", "b", 70),
        ("b (70%)", "b", 70),
        (("b", 70), "b", 70),
        (["b", 70.0], "b", 70),
        (("a", "100%"), "a", 100),
        ("c 0", "c", 0),
    ],
)
def test_a_vote_may_be_written_in_many_ways(
    history: History, vote: object, choice: str, confidence: int | None
) -> None:
    assert reads(vote, history).state == ("right" if choice == "b" else "wrong")
    (kept,) = history.votes("02a-reads")
    assert (kept.choice, kept.confidence) == (choice, confidence)


@pytest.mark.parametrize(
    "vote",
    [
        "d", "", "ab", "b 101%", "b 0.7", "b maybe", 3, True, b"b", ("b",), ("b", 1, 2), ("b", -5),
        ("b", True), {"b": 70}, ..., "<b>", "b" * 10_000, float("nan"), ("b", float("nan")),
    ],
)  # fmt: skip
def test_an_unreadable_vote_is_named_and_is_no_error(history: History, vote: object) -> None:
    note = reads(vote, history)
    assert note.state == "unreadable"
    first, second, _ = note.text.splitlines()
    assert repr(vote)[:30] in first
    assert first.endswith(
        'cannot be read. Set `vote` to one of "a", "b" or "c", alone or with how sure you are, '
        'for example "a 70%".'
    )
    assert second == "Measured: 1 read for 10 sends. That is option b."
    assert len(first) < 200
    assert history.votes() == ()


def test_an_option_without_a_belief_can_be_voted_for(history: History) -> None:
    note = settle(
        "02a-reads",
        "c 50%",
        outcome="b",
        beliefs={},
        measured="1 read",
        misconceptions={},
        history=history,
    )
    assert note.text == "You voted c (50 % sure). The run came out at b.\nMeasured: 1 read."


def test_a_right_vote_is_one_quiet_sentence_and_the_reason(history: History) -> None:
    note = reads("b 70%", history)
    assert note.state == "right"
    assert note.text == (
        "You voted b (70 % sure), and the run agrees.\n"
        "Measured: 1 read for 10 sends.\n"
        "The kernel joins what has arrived."
    )


def test_a_wrong_vote_names_the_belief_and_what_is_true(history: History) -> None:
    note = reads("a 90%", history)
    assert note.state == "wrong"
    assert note.text == (
        "You voted a (90 % sure). The run came out at b.\n"
        "Measured: 1 read for 10 sends.\n"
        "The belief `recv-is-a-message`: One recv returns what one send sent.\n"
        "What is true: recv returns any number of bytes of the <stream>, from 1 to n.\n"
        "The kernel joins what has arrived."
    )
    assert history.votes()[0].belief == "recv-is-a-message"


def test_a_wrong_option_without_a_named_belief_is_settled_too(history: History) -> None:
    note = reads("b", history, beliefs={"a": "recv-is-a-message"}, outcome="c")
    assert note.state == "wrong"
    assert "belief" not in note.text


def test_the_run_decides_and_not_a_stored_answer(history: History) -> None:
    assert reads("a", history, question="02a-one", outcome="a").state == "right"
    assert reads("a", history, question="02a-other", outcome="c").state == "wrong"


def test_a_changed_vote_mentions_the_earlier_one(history: History) -> None:
    reads("a 90%", history)
    assert reads("b", history).text.endswith("Your earlier vote was a (90 % sure).")


def test_the_same_vote_again_is_not_a_change(history: History) -> None:
    reads("b 50", history)
    assert "earlier" not in reads("b 80", history).text


class TestChangedProgram:
    """A lesson says "change one thing"; what is run then is not what the vote is about."""

    def test_a_run_that_comes_out_elsewhere_settles_nothing(self, history: History) -> None:
        reads("b 90%", history)
        note = reads("b 90%", history, outcome="a", measured="3 reads")
        assert note.state == "changed"
        assert note.text == (
            "This run came out at a, and the question's first run at b.\n"
            "Measured: 3 reads.\n"
            "Something was changed in between, so this run settles no vote. Yours, b (90 % sure), "
            "was right and stays so."
        )
        assert [vote.outcome for vote in history.votes()] == ["b"]
        assert "Nothing" in warm_up("02b", history=history, misconceptions=BELIEFS).text

    def test_a_vote_for_the_changed_program_is_not_remembered_either(
        self, history: History
    ) -> None:
        reads("b", history)
        assert reads("a 80%", history, outcome="a").state == "changed"
        assert [vote.choice for vote in history.votes()] == ["b"]

    def test_put_back_it_is_as_it_was(self, history: History) -> None:
        first = reads("a 90%", history)
        assert reads("a 90%", history, outcome="c").text.endswith(
            "Yours, a (90 % sure), was wrong and stays so."
        )
        assert reads("a 90%", history).text == first.text
        assert len(history.votes()) == 1

    def test_whoever_had_not_voted_before_the_change_has_not_voted(self, history: History) -> None:
        reads(None, history)
        note = reads("b 90%", history, outcome="a")
        assert note.state == "changed"
        assert note.text.endswith(
            "Put it back and run the cell again; if nothing is changed any more, restart the "
            "kernel before."
        )
        assert history.votes() == ()
        assert reads("b 90%", history).state == "right"

    def test_without_a_vote_the_measurement_is_shown_as_ever(self, history: History) -> None:
        reads("b", history)
        note = reads(None, history, outcome="a")
        assert note.state == "no vote"
        assert "That is option a." in note.text

    def test_running_all_cells_again_remembers_the_vote_once(self, history: History) -> None:
        for _ in range(3):
            assert reads("b 70%", history).state == "right"
        assert len(history.votes()) == 1

    def test_a_vote_that_is_changed_on_purpose_counts(self, history: History) -> None:
        reads("a 90%", history)
        assert reads("b", history).state == "right"
        assert [vote.choice for vote in history.votes()] == ["a", "b"]

    def test_another_process_knows_which_run_was_the_first(
        self, history: History, tmp_path: Path
    ) -> None:
        """The kernel was restarted: only the history remembers."""
        reads("b 90%", history)
        script = (
            "from labsupport.history import History\n"
            "from labsupport.predictions import settle\n"
            "note = settle('02a-reads', 'b 90%', outcome='a', beliefs={}, measured='3 reads',"
            f" misconceptions={{}}, history=History({str(tmp_path)!r}))\n"
            "print(note.state)"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        assert done.stdout == "changed\n"
        assert len(history.votes()) == 1


def test_the_html_says_the_same_as_the_text_and_escapes_it(history: History) -> None:
    for vote in (None, "x<script>", "b", "a 90%"):
        note = reads(vote, history, measured="<b>1</b> & 'more'")
        assert "<script>" not in note.html
        assert "<b>" not in note.html
        said = visible(note.html)
        for line in note.text.replace("`", "").splitlines():
            assert line in said


def test_meaning_does_not_hang_on_colour(history: History) -> None:
    labels = {
        reads(vote, history).html.split('aria-label="')[1].split('"')[0]
        for vote in (None, "a", "b", 3)
    }
    labels.add(reads("b", history, outcome="a").html.split('aria-label="')[1].split('"')[0])
    assert len(labels) == 5


def test_it_works_where_there_is_no_place_for_a_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABSUPPORT_STATE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert reads("b", History()).state == "right"


@pytest.mark.parametrize("question", ["reads", "02a", "2a-reads", "02a-", "02A-reads", "02a_reads"])
def test_a_question_needs_its_lesson(history: History, question: str) -> None:
    with pytest.raises(ValueError, match="must be its lesson"):
        reads(None, history, question=question)


def test_an_unknown_belief_is_the_lessons_mistake_whatever_the_vote(history: History) -> None:
    for vote in (None, "b"):
        with pytest.raises(LookupError, match="no misconception is called 'no-such-belief'"):
            reads(vote, history, beliefs={"a": "no-such-belief"})


class TestCourseFile:
    @pytest.fixture
    def course(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "exercises").mkdir()
        (tmp_path / "notebooks").mkdir()
        monkeypatch.chdir(tmp_path / "notebooks")
        monkeypatch.delenv("LABSUPPORT_STATE", raising=False)
        return tmp_path / "exercises" / "misconceptions.toml"

    def settle(self) -> Note:
        return settle("00-x", "a", outcome="b", beliefs={"a": "some-belief"}, measured="1")

    def test_the_beliefs_come_from_the_course(self, course: Path) -> None:
        course.write_text(
            '[some-belief]\nbelief = "Bytes are text."\ntruth = "No."\nlesson = "00"\n'
        )
        assert "The belief `some-belief`: Bytes are text." in self.settle().text
        assert [each.question for each in History().votes()] == ["00-x"]

    def test_a_missing_file_is_said(self, course: Path) -> None:
        with pytest.raises(LookupError, match="that file is missing"):
            self.settle()

    def test_a_file_that_is_no_toml_is_said(self, course: Path) -> None:
        course.write_text("[some-belief")
        with pytest.raises(ValueError, match="is not valid TOML"):
            self.settle()

    def test_outside_of_the_course_it_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(LookupError, match="inside of the course's folder"):
            self.settle()


class TestWarmUp:
    def test_with_an_empty_history_nothing_comes_back(self, history: History) -> None:
        note = warm_up("02a", history=history)
        assert note.state == "warm-up"
        assert note.text.splitlines()[0] == "Nothing comes back yet."

    def test_a_confident_mistake_of_an_earlier_lesson_comes_back_as_a_question(
        self, history: History
    ) -> None:
        reads("a 90%", history)
        assert "Nothing" in warm_up("02a", history=history, misconceptions=BELIEFS).text
        note = warm_up("02b", history=history, misconceptions=BELIEFS)
        assert note.text.splitlines()[1:] == [
            "1. Lesson 02a, 90 % sure: One recv returns what one send sent.",
            "   What is true: recv returns any number of bytes of the <stream>, from 1 to n.",
            "   Measured then: 1 read for 10 sends. That is option b.",
        ]
        assert "<details><summary>1. Lesson 02a" in note.html
        assert "&lt;stream&gt;" in note.html

    def test_a_belief_that_the_course_dropped_still_comes_back(self, history: History) -> None:
        reads("a", history)
        note = warm_up("03", history=history, misconceptions={})
        assert "1. Lesson 02a, `02a-reads`: you voted a, committed." in note.text

    def test_at_most_five_come_back(self, history: History) -> None:
        for number in range(9):
            reads("a 90%", history, question=f"02a-question-{number}")
        assert warm_up("03", history=history, misconceptions=BELIEFS).html.count("<details>") == 5


def test_a_cell_shows_both_forms(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    InteractiveShell.instance()
    with capture_output() as shown:
        reads(None, history)._ipython_display_()
    InteractiveShell.clear_instance()
    (output,) = shown.outputs
    assert set(output.data) == {"text/plain", "text/html"}
    assert output.data["text/plain"] == NO_VOTE
