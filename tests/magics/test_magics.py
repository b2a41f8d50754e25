"""%%answer and %check in a real kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labsupport.clock import Deadline, poll
from tests.checking.course import Course
from tests.magics.conftest import Kernel, Shown

RIGHT = "%%answer demo\ndef f(text):\n    return len(text.encode())\n"
WRONG = "%%answer demo\ndef f(text):\n    return len(text)\n"


def returning(value: int, name: str = "f") -> str:
    return f"def {name}():\n    return {value}\n"


def test_an_answer_cell_runs_as_any_cell_and_is_judged(kernel: Kernel) -> None:
    assert kernel.run(RIGHT + "f('é')") == Shown(results=["2"])
    shown = kernel.run("%check demo")
    assert "2 of 2 points." in shown.text
    assert "2 of 2 points." in shown.html
    assert (shown.printed, shown.error) == ("", "")
    assert kernel.run("f('é')").results == ["2"]


def test_what_the_cell_last_ran_is_judged(kernel: Kernel) -> None:
    kernel.run(WRONG)
    shown = kernel.run("%check demo")
    assert "1 of 2 points." in shown.text
    assert shown.text.count("Hint ") == 1
    assert kernel.run("%check demo").text == shown.text
    kernel.run(RIGHT)
    assert "2 of 2 points." in kernel.run("%check demo").text
    kernel.run("%%answer demo\ndef f(text): return 7\n")
    shown = kernel.run("%check demo")
    assert (shown.text.count("Hint 1 of 3"), shown.text.count("Hint 2 of 3")) == (2, 1)


def test_without_an_answer_the_learner_is_asked_to_run_the_cell(kernel: Kernel) -> None:
    shown = kernel.run("%check demo")
    assert shown.printed == (
        "There is no answer to demo yet. Run the cell that begins with `%%answer demo`, then this "
        "one again.\n"
    )
    assert shown.error == ""


def test_errors_in_the_answer_cell_are_shown_as_usual_with_its_line_numbers(kernel: Kernel) -> None:
    shown = kernel.run("%%answer demo\n\ndef f(text):\n    return 1 / 0\nf('')\n")
    assert shown.error == "ZeroDivisionError: division by zero"
    where = kernel.run(
        "import sys, traceback\n"
        "frames = traceback.extract_tb(sys.last_traceback)\n"
        "[frame.lineno for frame in frames if frame.name in ('f', '<module>')]"
    )
    assert where.results == ["[5, 4]"]
    assert "0 of 2 points." in kernel.run("%check demo").text
    assert kernel.run("%%answer demo\ndef f(:").error.startswith("SyntaxError")
    shown = kernel.run("%check demo")
    assert "Line 2 of the answer cell is not valid Python" in shown.text


def test_an_answer_cell_may_await_and_use_magics_in_the_kernel_and_is_told(kernel: Kernel) -> None:
    assert kernel.run("%%answer demo\nimport asyncio\nawait asyncio.sleep(0, 5)").results == ["5"]
    assert "Put the await into an async def." in kernel.run("%check demo").text
    kernel.run("%%answer demo\n%pwd\ndef f(text): pass")
    assert "is a command of the notebook, not Python" in kernel.run("%check demo").text


def test_a_name_from_another_cell_is_explained(kernel: Kernel) -> None:
    kernel.run("import json\ndef helper(text): return len(text.encode())")
    kernel.run("%%answer demo\ndef f(text):\n    return helper(text)")
    shown = kernel.run("%check demo")
    assert "`helper` comes from another cell, and the answer must stand alone." in shown.text
    assert kernel.run("f('é')").results == ["2"]


def test_the_answer_never_runs_in_the_kernel_when_it_is_checked(kernel: Kernel) -> None:
    kernel.run(
        "%%answer demo\nimport os\nruns = globals().get('runs', 0) + 1\ndef f(t):\n    os._exit(1)"
    )
    shown = kernel.run("%check demo")
    assert "Your answer ended its own process (exit status 1)" in shown.text
    assert kernel.run("runs").results == ["1"]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%check dmo", "There is no exercise 'dmo'. Did you mean 'demo'?"),
        ("%check", "the slug is missing. It is: %check SLUG [--seed N] [--only NAME]"),
        ("%check demo --seed x", "--seed needs a whole number, not 'x'"),
        ("%check demo --only", "--only needs a value"),
        ("%check demo more", "'more' is not understood"),
        ("%check demo --hidden", "'--hidden' is not understood"),
        ("%check demo --only 'unclosed", "No closing quotation"),
        ("%check demo --only 'counts byte'", "The nearest is 'counts bytes'."),
        ("%points", "it takes a slug and nothing else. It is: %points SLUG"),
        ("%points demo more", "it takes a slug and nothing else"),
        ("%points --seed", "it takes a slug and nothing else"),
        ("%points dmo", "There is no exercise 'dmo'. Did you mean 'demo'?"),
        ("%%answer dmo\nran = True", "There is no exercise 'dmo'. Did you mean 'demo'?"),
        ("%%answer\nran = True", "%%answer needs the slug of an exercise"),
        ("ran_first = 1\n%%answer demo\nran = True", "`%%answer` not found"),
        ("%answer demo", "An answer cell begins with %%answer, with two percent signs."),
    ],
)
def test_a_wrong_use_is_a_message(shared: Kernel, cell: str, said: str) -> None:
    shown = shared.run(cell)
    assert said in shown.printed + shown.error
    assert "Traceback" not in shown.printed
    assert shared.run("'ran' in globals()").results == ["False"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for the tests that change nothing in it."""
    root = tmp_path_factory.mktemp("shared")
    course = Course(root / "course")
    course.add("counts bytes", "pass")
    left_out = ("PYTEST_CURRENT_TEST", "JPY_SESSION_NAME", "LABSUPPORT_STATE")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    kernel = Kernel(course.folder, kept | {"IPYTHONDIR": str(root / "ipython")})
    kernel.run("%load_ext labsupport")
    kernel.run(RIGHT)
    yield kernel
    kernel.close()


@pytest.mark.parametrize("magic", ["%check demo", "%points demo"])
def test_an_empty_answer_is_a_message(kernel: Kernel, magic: str) -> None:
    kernel.run("%%answer demo\n# nothing yet\n")
    shown = kernel.run(magic)
    assert "The answer cell for demo is empty." in shown.printed + shown.error
    assert shown.results == []


def test_one_check_and_a_seed_can_be_asked_for(shared: Kernel) -> None:
    shown = shared.run("%check demo --seed 5 --only 'counts bytes'")
    assert "1 of 1 points for this check; the exercise has 1." in shown.text


def test_the_points_of_an_answer_are_a_cells_result_and_nothing_else(kernel: Kernel) -> None:
    said = "There is no answer to demo yet."
    shown = kernel.run("%points demo")
    assert shown.printed.startswith(said)
    assert shown.results == ["0"]
    for answer, points in (
        (RIGHT, "2"),
        (WRONG, "1"),
        ("%%answer demo\ndef f(:", "0"),
        ("%%answer demo\n1 / 0", "0"),
    ):
        kernel.run(answer)
        assert kernel.run("# a word about it\n%points demo") == Shown(results=[points])


def test_points_after_a_check_judge_only_what_it_did_not(kernel: Kernel, course: Course) -> None:
    runs = course.root / "runs"
    course.add("counts runs", f"open({str(runs)!r}, 'a').write('.')")
    kernel.run(RIGHT)
    kernel.run("%check demo")
    assert kernel.run("%points demo").results == ["3"]
    assert runs.read_text() == "."
    assert kernel.run("%points demo").results == ["3"]
    assert runs.read_text() == ".."
    kernel.run("%check demo")
    kernel.run(WRONG)
    assert kernel.run("%points demo").results == ["2"]
    assert runs.read_text() == "...."
    kernel.run("%check demo --only 'counts nothing'")
    kernel.run("%check demo --seed 7")
    assert kernel.run("%points demo").results == ["2"]
    assert runs.read_text() == "......"


def test_points_count_no_try_and_earn_no_hint(kernel: Kernel) -> None:
    for value in (5, 6, 7):
        kernel.run(f"%%answer demo\ndef f(text): return {value}\n")
        assert kernel.run("%points demo").results == ["0"]
    shown = kernel.run("%check demo")
    assert (shown.text.count("Hint 1 of 3"), shown.text.count("Hint 2 of 3")) == (2, 0)


def test_an_inconclusive_check_gives_no_points_but_an_error(kernel: Kernel, course: Course) -> None:
    course.add("breaks", "raise RuntimeError('the check is broken')")
    kernel.run(RIGHT)
    kernel.run("%check demo")
    shown = kernel.run("%points demo")
    assert "There is no score. Inconclusive: breaks. Run it again." in shown.printed + shown.error
    assert shown.results == []


def test_a_check_that_nbgrader_runs_is_nobodys_try(
    course: Course, environment: dict[str, str]
) -> None:
    kernel = Kernel(course.folder, environment | {"NBGRADER_EXECUTION": "autograde"})
    try:
        kernel.run("%load_ext labsupport")
        for value in (5, 6):
            kernel.run(f"%%answer demo\ndef f(text): return {value}\n")
            shown = kernel.run("%check demo")
            assert (shown.text.count("Hint 1 of 3"), shown.text.count("Hint 2 of 3")) == (2, 0)
    finally:
        kernel.close()
    assert not (course.root / ".labsupport").exists()


def test_notebook_and_terminal_say_the_same(
    kernel: Kernel, course: Course, environment: dict[str, str]
) -> None:
    kernel.run(WRONG)
    shown = kernel.run("%check demo --seed 9")
    cells = [{"cell_type": "code", "source": WRONG}]
    (course.folder / "demo.ipynb").write_text(json.dumps({"cells": cells}))
    run = subprocess.run(
        [sys.executable, "-m", "labsupport.cli", "check", "demo", "--seed", "9"],
        cwd=course.folder, env=environment, capture_output=True, text=True, encoding="utf-8",
        timeout=60,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stdout == shown.text + "\n"


def test_run_all_twice_gives_the_same_outputs(kernel: Kernel) -> None:
    cells = ["%load_ext labsupport", "import json", WRONG + "f('é')", "%check demo"]
    first = [kernel.run(cell) for cell in cells]
    second = [kernel.run(cell) for cell in cells]
    assert first == second
    assert "1 of 2 points." in second[3].text


def test_another_answer_is_imported_and_anew_when_an_answer_cell_runs(
    kernel: Kernel, course: Course
) -> None:
    importing = "from answers import checker\nfrom answers.checker.step import g\nchecker.f(), g()"
    course.save("checker", {"checker.step": returning(2, "g"), "checker": returning(1)})
    assert kernel.run(importing) == Shown(results=["(1, 2)"])
    course.save("checker", {"checker.step": returning(4, "g"), "checker": returning(3)})
    assert kernel.run(importing).results == ["(1, 2)"]
    kernel.run(RIGHT)
    assert kernel.run(importing).results == ["(3, 4)"]
    beside = {"checker.step": returning(6, "g"), "checker": returning(5)}
    course.save("checker", beside, folder=course.folder)
    assert kernel.run(f"%%answer demo\n{importing}").results == ["(5, 6)"]


def test_a_check_runs_the_answers_that_are_imported(kernel: Kernel, course: Course) -> None:
    course.save("checker", {"checker": RIGHT.partition("\n")[2]})
    assert kernel.run("%%answer demo\nfrom answers.checker import f\nf('é')").results == ["2"]
    assert "2 of 2 points." in kernel.run("%check demo").text
    course.save("checker", {"checker": WRONG.partition("\n")[2]})
    assert "1 of 2 points." in kernel.run("%check demo").text
    course.save("checker", {"checker": "def f(:\n"})
    said = "Line 2 of the answer to checker, in checker.ipynb is not valid Python"
    assert said in kernel.run("%check demo").text
    (course.root / "exercises" / "01_checker" / "checker.ipynb").unlink()
    shown = kernel.run("%check demo")
    said = "The answer to demo imports the one to checker. There is no file "
    assert said in shown.printed + shown.error


def test_an_import_that_fails_says_why(kernel: Kernel, course: Course) -> None:
    course.save("checker", {"checker": returning(1)})
    missing = kernel.run("from answers import chekcer").error
    assert missing.startswith(
        "ImportError: There is no exercise 'chekcer'. Did you mean 'checker'?"
    )
    name = kernel.run("from answers.checker import g").error
    assert name.startswith("ImportError: cannot import name 'g' from 'answers.checker'")
    step = kernel.run("import answers.checker.step").error
    assert step.startswith("ModuleNotFoundError: ")
    assert "has no answer cell for checker.step. It has answers for: checker." in step


def test_run_all_twice_with_an_import_gives_the_same_outputs(
    kernel: Kernel, course: Course
) -> None:
    course.save("checker", {"checker": WRONG.partition("\n")[2]})
    answer = "%%answer demo\nfrom answers import checker\ndef f(text): return checker.f(text)\n"
    cells = ["%load_ext labsupport", "from answers.checker import f", answer, "f('é')"]
    first, second = ([kernel.run(cell) for cell in (*cells, "%check demo")] for _ in range(2))
    assert first == second
    assert first[3].results == ["1"]
    assert "1 of 2 points." in first[4].text


def test_a_changed_folder_does_not_matter(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run(RIGHT)
    kernel.run(f"import os; os.chdir({str(tmp_path)!r})")
    assert "2 of 2 points." in kernel.run("%check demo").text


@pytest.mark.parametrize("front", ["server", "vscode"])
def test_a_saved_notebook_with_another_answer_is_noticed(
    course: Course, environment: dict[str, str], front: str
) -> None:
    path = course.folder / "demo.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": WRONG}]}))
    if front == "server":
        environment |= {"JPY_SESSION_NAME": str(path)}
    kernel = Kernel(course.folder, environment)
    try:
        kernel.run("%load_ext labsupport")
        if front == "vscode":
            kernel.run(f"__vsc_ipynb_file__ = {str(path)!r}")
        kernel.run(RIGHT)
        said = "The saved notebook holds another version of this answer."
        assert said in kernel.run("%check demo").printed
        kernel.run(WRONG + "\n\n")
        assert kernel.run("%check demo").printed == ""
        path.unlink()
        kernel.run(RIGHT)
        assert kernel.run("%check demo").printed == ""
    finally:
        kernel.close()


def test_a_check_can_be_interrupted(kernel: Kernel, course: Course) -> None:
    started = course.root / "started"
    course.add(
        "waits", f"open({str(started)!r}, 'w').close(); await asyncio.Event().wait()", deadline=20.0
    )
    kernel.run(RIGHT)
    request = kernel.begin("%check demo --only waits")
    poll(started.exists, deadline=20.0, said="the check did not begin")
    until = Deadline(10.0)
    kernel.manager.interrupt_kernel()
    shown = kernel.end(request, 10.0)
    assert shown.error.startswith("KeyboardInterrupt")
    assert not until.expired
    children = kernel.run(
        "import psutil\n[p.pid for p in psutil.Process().children() if 'judge' in str(p.cmdline())]"
    )
    assert children.results == ["[]"]
    assert "1 of 1 points" in kernel.run("%check demo --only 'counts bytes'").text


@pytest.mark.skipif(os.name != "posix", reason="set_wakeup_fd wakes a POSIX event loop")
def test_an_interrupt_reaches_a_cell_that_only_awaits(kernel: Kernel) -> None:
    request = kernel.begin("import asyncio\nprint('begins')\nawait asyncio.sleep(20)")
    while kernel.client.get_iopub_msg(timeout=10)["msg_type"] != "stream":
        pass
    until = Deadline(5.0)
    kernel.manager.interrupt_kernel()
    shown = kernel.end(request, 10.0)
    assert shown.error.startswith(("KeyboardInterrupt", "CancelledError"))
    assert not until.expired


def test_a_figure_of_a_cell_is_png_without_a_version(kernel: Kernel) -> None:
    kernel.run("import matplotlib.pyplot as plt")
    shown = kernel.run(
        "from matplotlib_inline.config import InlineBackend\n"
        "from IPython import get_ipython\n"
        "plt.figure(); plt.close()\n"
        "b = InlineBackend.instance(parent=get_ipython())\n"
        "sorted(b.figure_formats), b.print_figure_kwargs['metadata']"
    )
    assert shown.results == ["(['png'], {'Software': None})"]
