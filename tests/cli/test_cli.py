"""`labsupport check`: what it prints and how it ends, for good input and bad."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labsupport.checking.variants import drawn
from tests.checking.course import Course
from tests.cli.watched import environment

Run = Callable[..., "subprocess.CompletedProcess[str]"]

ROOT = Path(__file__).parents[2]
RIGHT = "def f(text):\n    return len(text.encode())\n"
WRONG = "def f(text):\n    return len(text)\n"


def notebook(path: Path, *sources: str) -> Path:
    cells = [{"cell_type": "code", "source": source} for source in sources]
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return path


def right(slug: str) -> str:
    """A right answer to an exercise of the course."""
    return str(next((ROOT / "tests" / "answers" / slug).glob("right_*.py")))


def refused(result: subprocess.CompletedProcess[str]) -> str:
    """The message of a command that could not check anything."""
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_right_answer_ends_with_0(labsupport: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(RIGHT)
    result = labsupport("check", "demo", str(file))
    assert result.returncode == 0, result
    assert "2 of 2 points." in result.stdout
    assert result.stderr == ""


def test_a_wrong_answer_ends_with_1_and_is_explained(labsupport: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(WRONG)
    result = labsupport("check", "demo", str(file))
    assert result.returncode == 1, result
    assert "  failed        0 of 1  counts bytes\n" in result.stdout
    assert "É is two bytes." in result.stdout
    assert "Hint 1 of 3: vague" in result.stdout
    assert "Hint 2" not in result.stdout


def test_hints_come_with_different_tries(labsupport: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    for number, hints in [(1, 1), (1, 1), (5, 2), (6, 3)]:
        file.write_text(f"def f(text): return {number}")
        shown = labsupport("check", "demo", str(file), "--only", "counts bytes").stdout
        assert shown.count("Hint ") == hints


def test_without_a_file_the_notebook_of_the_exercise_is_judged(
    labsupport: Run, course: Course
) -> None:
    notebook(course.folder / "demo.ipynb", "x = 1", f"%%answer demo\n{RIGHT}")
    for folder in (course.folder, course.root, course.root / "exercises"):
        assert labsupport("check", "demo", cwd=folder).returncode == 0


def test_the_printed_command_replays_the_failure(labsupport: Run, tmp_path: Path) -> None:
    import shlex

    file = tmp_path / "a.py"
    file.write_text(WRONG)
    first = labsupport("check", "demo", str(file)).stdout
    command = next(line for line in first.splitlines() if "labsupport check" in line)
    again = labsupport(*shlex.split(command)[1:])
    assert again.returncode == 1
    assert "0 of 1 points for this check; the exercise has 2." in again.stdout
    explained = first[first.index("Failed:") : first.index("Seed")]
    assert explained in again.stdout


def test_the_same_answer_and_seed_give_the_same_output(labsupport: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("def f(text):\n    print(f)\n    raise OSError(f)\n")
    outputs = {labsupport("check", "demo", str(file), "--seed", "5").stdout for _ in range(3)}
    assert len(outputs) == 1
    assert "Seed 5." in outputs.pop()


def test_an_unknown_slug_suggests_the_nearest(labsupport: Run) -> None:
    said = refused(labsupport("check", "dmo"))
    assert said == "There is no exercise 'dmo'. Did you mean 'demo'? The exercises are: demo.\n"


def test_an_unknown_step_suggests_the_nearest(labsupport: Run, course: Course) -> None:
    file = course.root / "a.py"
    file.write_text(RIGHT)
    assert "00_demo has no 'demo.stp'" in refused(labsupport("check", "demo.stp", str(file)))


def test_an_unknown_check_suggests_the_nearest(labsupport: Run, course: Course) -> None:
    file = course.root / "a.py"
    file.write_text(RIGHT)
    said = refused(labsupport("check", "demo", str(file), "--only", "count bytes"))
    assert "The nearest is 'counts bytes'." in said


def test_a_missing_file_is_said(labsupport: Run) -> None:
    assert "There is no file nowhere.py" in refused(labsupport("check", "demo", "nowhere.py"))
    assert "demo.ipynb" in refused(labsupport("check", "demo"))


def test_a_folder_outside_of_a_course_is_said(labsupport: Run, tmp_path: Path) -> None:
    said = refused(labsupport("check", "demo", cwd=tmp_path))
    assert "is not inside a course folder" in said
    assert "`exercises`" in said


def test_a_file_of_a_course_can_be_checked_from_outside(labsupport: Run, course: Course) -> None:
    file = course.root / "a.py"
    file.write_text(RIGHT)
    assert labsupport("check", "demo", str(file), cwd=course.root.parent).returncode == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"cells": [', "is not a notebook: it is not JSON (line 1)"),
        ('{"cells": []}', "has no answer cell for demo."),
        ('{"cells": [{"cell_type": "code", "source": "%%answer demo\\n\\n"}]}', "is empty"),
    ],
)
def test_a_notebook_that_cannot_be_used_is_said(
    labsupport: Run, course: Course, content: str, said: str
) -> None:
    (course.folder / "demo.ipynb").write_text(content)
    assert said in refused(labsupport("check", "demo"))


def test_a_syntax_error_shows_its_line_and_runs_nothing(labsupport: Run, course: Course) -> None:
    notebook(course.folder / "demo.ipynb", "%%answer demo\ndef f(text)\n    return 1\n")
    said = refused(labsupport("check", "demo"))
    assert "nothing was run" in said
    assert "Line 2 of the answer cell is not valid Python: expected ':'." in said
    assert "  2 | def f(text)\n    |            ^" in said


def test_an_answer_runs_with_those_that_it_imports(labsupport: Run, course: Course) -> None:
    notebook(course.folder / "demo.ipynb", "%%answer demo\nfrom answers.checker import f\n")
    course.save("checker", {"checker": RIGHT})
    assert labsupport("check", "demo").returncode == 0
    course.save("checker", {"checker": WRONG})
    assert "1 of 2 points." in labsupport("check", "demo").stdout


def test_imported_answers_lie_beside_the_file(
    labsupport: Run, course: Course, tmp_path: Path
) -> None:
    course.save("checker", {"checker": WRONG})
    course.save("checker", {"checker": RIGHT}, folder=tmp_path)
    notebook(tmp_path / "mine.ipynb", "%%answer demo\nfrom answers.checker import f\n")
    assert labsupport("check", "demo", str(tmp_path / "mine.ipynb")).returncode == 0


def test_an_imported_answer_that_cannot_be_used_is_said(labsupport: Run, course: Course) -> None:
    path = notebook(course.folder / "demo.ipynb", "%%answer demo\nfrom answers import checker\n")
    course.save("checker", {"checker": "# nothing yet\n"})
    said = refused(labsupport("check", "demo"))
    assert said.startswith("The answer to demo imports the one to checker. The answer cell for")
    course.save("checker", {"checker": "def f(text)\n"})
    assert refused(labsupport("check", "demo")).startswith(
        f"{path}: nothing was run.\nLine 2 of the answer to checker, in checker.ipynb is not valid"
    )


def test_hidden_checks_run_when_asked_for_and_are_no_try(
    labsupport: Run, course: Course, tmp_path: Path
) -> None:
    file = tmp_path / "a.py"
    file.write_text(RIGHT)
    course.hide("counts letters", "assert_equal(await answer.call('f', 'e'), 3, said='three')")
    assert "counts letters" not in labsupport("check", "demo", str(file)).stdout
    (course.root / ".labsupport" / "history.sqlite").unlink()
    result = labsupport("check", "demo", str(file), "--hidden")
    assert result.returncode == 1, result
    assert "  failed        0 of 1  counts letters (hidden)\n" in result.stdout
    assert "2 of 3 points." in result.stdout
    assert not (course.root / ".labsupport" / "history.sqlite").exists()


def test_a_copy_without_hidden_checks_says_so(labsupport: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(RIGHT)
    said = refused(labsupport("check", "demo", str(file), "--hidden"))
    assert said.startswith("This copy of the course has no hidden checks")


def test_an_answer_that_prints_a_gigabyte_is_a_verdict(labsupport: Run, course: Course) -> None:
    file = course.root / "a.py"
    file.write_text("def f(text):\n    for _ in range(10**6): print('x' * 1000)\n")
    result = labsupport("check", "demo", str(file))
    assert result.returncode == 1
    assert "Your answer printed more than 8 MiB." in result.stdout
    assert len(result.stdout) < 100_000


def test_checks_that_cannot_run_end_with_3(labsupport: Run, course: Course) -> None:
    file = course.root / "a.py"
    file.write_text(RIGHT)
    course.write("1 / 0")
    result = labsupport("check", "demo", str(file))
    assert result.returncode == 3
    assert "checks.py cannot be loaded: ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_inconclusive_check_is_listed_and_ends_with_1(
    labsupport: Run, course: Course, tmp_path: Path
) -> None:
    course.add("breaks", "raise RuntimeError('of the check itself')")
    file = tmp_path / "a.py"
    file.write_text(RIGHT)
    for words in ((), ("--only", "breaks")):
        result = labsupport("check", "demo", str(file), *words)
        assert result.returncode == 1, result
        assert "  inconclusive  0 of 1  breaks\n" in result.stdout
        assert "Inconclusive: breaks\n" in result.stdout
    assert labsupport("check", "demo", str(file), "--only", "counts bytes").returncode == 0


def test_feedback_goes_into_a_pipe_of_any_encoding(labsupport: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(WRONG)
    result = labsupport("check", "demo", str(file), PYTHONIOENCODING="iso8859-5", PYTHONUTF8="0")
    assert result.returncode == 1
    assert "? is two bytes." in result.stdout
    assert result.stderr == ""


def test_an_answer_is_judged_by_the_constants_of_a_student(
    labsupport: Run, course: Course, tmp_path: Path
) -> None:
    values = {"n": (7, 8)}
    course.write(course.source.replace('{"n": 7}', f'{{"n": 7}}, variants={values}'))
    course.add("returns n", "assert_equal(await answer.call('f', 'x'), variant.n, said='n')")
    file = tmp_path / "a.py"
    file.write_text("def f(text):\n    return 7\n")
    words = ("check", "demo", str(file), "--only", "returns n", "--student")
    assert "check without --student" in refused(labsupport(*words, "ann"))
    (course.root / "solutions").mkdir()
    (course.root / "solutions" / "variants.toml").write_text('secret = "s"\n')
    students = {drawn("demo", values, "s", f"s {n}")["n"]: f"s {n}" for n in range(20)}
    assert labsupport(*words, students[7]).returncode == 0
    result = labsupport(*words, students[8])
    assert result.returncode == 1
    assert "The constants that it was judged by: n 8." in result.stdout
    assert f'--student "{students[8]}" --seed' in result.stdout
    assert "Hint 1 of 3" in result.stdout
    assert not (course.root / ".labsupport").exists(), "an instructor's look is no try"
    assert "There is no exercise" in refused(labsupport("check", "no", "--student", "ann"))


@pytest.mark.parametrize(
    "words",
    [
        ("check",),
        ("check", "demo", "--seed", "x"),
        ("no",),
        ("check", "demo", "-x"),
        ("progress", "x"),
    ],
)
def test_a_wrong_use_of_the_command_ends_with_2(labsupport: Run, words: tuple[str, ...]) -> None:
    assert "Usage:" in refused(labsupport(*words))


def test_a_real_exercise_is_checked_from_the_course_root(labsupport: Run) -> None:
    result = labsupport("check", "greet", right("greet"), cwd=ROOT)
    assert result.returncode == 0, result


@pytest.mark.parametrize(
    ("most", "slug", "name"),
    [
        (100, "greet", "ends the line once"),
        (1024, "loop", "a thousand quiet clients cost sockets only"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="setrlimit is POSIX")
def test_a_right_answer_passes_where_few_descriptors_are_permitted(
    most: int, slug: str, name: str
) -> None:
    program = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most})); "
        "from labsupport.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, "check", slug, right(slug), "--only", name],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result


@pytest.mark.parametrize("words", [["progress"], ["grade", "."], ["watch"], ["similar", "."]])
def test_a_package_that_is_missing_is_told(
    labsupport: Run, tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "rich.py").write_text("raise ModuleNotFoundError(\"No module named 'rich'\")\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    done = labsupport(*words, PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("The course needs what is not installed: No module named 'rich'.")
