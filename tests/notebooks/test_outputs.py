"""`make outputs` rewrites what changed and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import outputs
from tests.notebooks.examples import cell, stream, write
from tests.notebooks.files import ROOT, as_text, read

PORT = """\
import socket
with socket.create_server(("127.0.0.1", 0)) as s:
    print("127.0.0.1:%d" % s.getsockname()[1])"""
PICTURE = """\
import base64, os
from IPython.display import display
display({"image/png": base64.b64encode(os.urandom(30)).decode(), "text/plain": "a picture"},
        raw=True)"""


def picture(text: str = "a picture", png: str = "AAAA") -> dict[str, Any]:
    data = {"image/png": png, "text/plain": text}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def texts(path: Path) -> list[str]:
    return ["".join(one.get("text", "") for one in each.outputs) for each in read(path).cells]


def test_only_cells_whose_compared_output_changed_are_rewritten(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.ipynb",
        cell("print('new')", stream("old\n"), name="changed"),
        cell(PORT, stream("127.0.0.1:1234\n"), name="same-but-for-the-port"),
        cell(PICTURE, picture(), name="same-picture"),
        cell(PICTURE, picture("another text"), name="other-picture"),
        cell("import time; time.time()", name="new-kind", tags=("nbval-ignore-output",)),
        cell("import os; print(os.getpid())", stream("7\n"), tags=("nbval-ignore-output",)),
    )
    before = read(path)
    result = outputs.refresh(path)
    after = read(path)
    assert result.rewritten == ("changed", "other-picture", "new-kind")
    assert texts(path)[:2] == ["new\n", "127.0.0.1:1234\n"]
    assert after.cells[2].outputs == before.cells[2].outputs
    assert after.cells[3].outputs[0].data["image/png"] != "AAAA"
    assert [each.id for each in after.cells] == [each.id for each in before.cells]
    stored = path.read_bytes()
    assert outputs.refresh(path).rewritten == ()
    assert path.read_bytes() == stored


def test_pictures_and_uncompared_outputs_are_rewritten_when_asked(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.ipynb",
        cell(PICTURE, picture(), name="picture"),
        cell("import os; print(os.getpid())", stream("7\n"), tags=("nbval-ignore-output",)),
        cell("print('same')", stream("same\n")),
    )
    assert outputs.refresh(path, pictures=True).rewritten == ("picture", "cell-2")


def test_what_changes_by_itself_is_not_stored(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", cell("6 * 7", name="answer", count=None, tags=("kept",)))
    noisy = json.loads(path.read_text("utf-8"))
    noisy["metadata"]["language_info"] = {"name": "python", "version": "3.9.1"}
    noisy["metadata"]["widgets"] = {"state": {}}
    noisy["cells"][0]["metadata"] |= {"collapsed": True, "execution": {"iopub.status.busy": "x"}}
    path.write_text(json.dumps(noisy), encoding="utf-8")
    outputs.refresh(path)
    notebook = read(path)
    assert notebook.metadata == {
        "kernelspec": outputs.KERNELSPEC,
        "language_info": outputs.LANGUAGE,
    }
    assert notebook.cells[0].metadata == {"tags": ["kept"]}
    assert notebook.cells[0].execution_count == 1
    assert notebook.cells[0].outputs[0].execution_count == 1
    assert path.read_text("utf-8") == as_text(notebook)
    assert path.read_bytes().endswith(b"}\n")


def test_cells_are_counted_as_one_run_counts_them(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", cell("x = 1", count=7), cell(" "), cell("x + 1", count=9))
    outputs.refresh(path)
    assert [each.execution_count for each in read(path).cells] == [1, None, 2]


@pytest.mark.parametrize("source", ["1 / 0", "import os; os._exit(1)"])
def test_a_notebook_with_a_failing_cell_is_left_alone(tmp_path: Path, source: str) -> None:
    path = write(
        tmp_path / "a.ipynb",
        cell("print('new')", stream("old\n")),
        cell(source, name="fails"),
    )
    stored = path.read_bytes()
    result = outputs.refresh(path)
    assert "left untouched: cell 'fails' failed" in result.fault
    assert path.read_bytes() == stored


def test_an_expected_exception_is_an_output(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", cell("1 / 0", tags=("raises-exception",)), cell("x = 1"))
    assert outputs.refresh(path).fault == ""
    assert read(path).cells[0].outputs[0].evalue == "division by zero"


def test_a_notebook_runs_in_its_own_folder_with_an_empty_history(tmp_path: Path) -> None:
    source = (
        "import os, pathlib\nstate = pathlib.Path(os.environ['LABSUPPORT_STATE'])\n"
        "print(pathlib.Path('a.ipynb').exists(), state.exists())"
    )
    path = write(tmp_path / "a.ipynb", cell(source))
    outputs.refresh(path)
    assert texts(path) == ["True False\n"]


def test_a_notebook_that_grows_too_large_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", cell("print('line\\n' * 200_001)"))
    assert "at most 1,000,000" in outputs.refresh(path).fault


def test_the_command_says_what_it_did_and_fails_for_a_failing_cell(tmp_path: Path) -> None:
    write(tmp_path / "bad.ipynb", cell("1 / 0", name="divides"))
    write(tmp_path / "good.ipynb", cell("print('x')", name="prints"))
    done = subprocess.run(
        [sys.executable, "-m", "tests.notebooks.outputs", str(tmp_path)],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1
    assert "good.ipynb: rewrote prints" in done.stdout
    assert "cell 'divides' failed" in done.stderr


def test_the_command_names_a_path_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        outputs.main(["nowhere.ipynb"])
    assert refused.value.code == 2
    assert "there is no nowhere.ipynb" in capsys.readouterr().err
