"""`labsupport grade --cluster`: schedulers and workers of Dask as an instructor starts them."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from labsupport.clock import poll
from tests.checking.course import Course
from tests.cli.watched import PATIENCE, environment
from tests.grading.conftest import RIGHT, WRONG, HandIn

pytestmark = pytest.mark.timeout(3 * PATIENCE)

CRASHES = "def f(text):\n    raise ValueError(text)\n"
BROKEN = "def f(text:\n"


class Dask:
    """A scheduler, and its workers by name, of one thread each; a context manager.

    All in processes of their own, and `distributed` is imported nowhere here: as it is imported,
    it silences Tornado's loggers, and other tests of this process ask what those say.
    """

    def __init__(self, place: Path, *options: str, **variables: str) -> None:
        place.mkdir()
        self.place = place
        self._variables = {"TMPDIR": str(place), **variables}
        self._file = place / "scheduler.json"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._start("", ["scheduler", "--port", "0", *options], place, {})
        poll(self._file.is_file, deadline=PATIENCE, said="the scheduler did not start")
        told = poll(self._told, deadline=PATIENCE, said="the scheduler tells no address")
        self.address: str = told["address"]

    def __enter__(self) -> Dask:
        return self

    def __exit__(self, *exception: object) -> None:
        for name in list(self._processes):
            self.kill(name)

    def _told(self) -> dict[str, str]:
        with contextlib.suppress(json.JSONDecodeError):  # half of it
            told: dict[str, str] = json.loads(self._file.read_text())
            return told
        return {}

    def add(self, name: str, folder: Path, *, nanny: bool = False, **variables: str) -> None:
        """Start a worker in a course's folder, and wait until it says that it is registered."""
        words = ["worker", "--name", name, "--nthreads", "1", "--local-directory", self.place]
        words += ["--nanny" if nanny else "--no-nanny"]
        log = self._start(name, words, folder, {"WORKER": name, **variables})
        poll(
            lambda: "Registered to:" in log.read_text(encoding="utf-8"),
            deadline=PATIENCE,
            said=f"worker {name} is not registered",
        )

    def kill(self, name: str) -> None:
        """End a worker, or with an empty name the scheduler, as a power cut does."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def _start(
        self, name: str, words: list[str | Path], folder: Path, variables: dict[str, str]
    ) -> Path:
        """Start a process, and return the path of its log."""
        options = ["--scheduler-file", self._file, "--host", "127.0.0.1", "--no-dashboard"]
        path = self.place / f"{name}.log"
        with path.open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *words, *options],
                cwd=folder,
                env=environment(**self._variables, **variables),
                stdout=log,
                stderr=log,
            )
        return path


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Dask]:
    with Dask(tmp_path / "dask") as dask:
        yield dask


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(course: Course, tmp_path: Path) -> Iterator[Start]:
    """Start the command in the course's folder."""
    with contextlib.ExitStack() as stack:

        def started(*words: str | Path, **variables: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "labsupport.cli", "grade", *map(str, words)],
                cwd=course.root,
                env=environment(TMPDIR=str(tmp_path), **variables),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit status, output and errors. `communicate` would not see what was read ahead of a line."""
    assert process.stdout is not None
    assert process.stderr is not None
    with ThreadPoolExecutor(1) as beside:
        errors = beside.submit(process.stderr.read)
        out = process.stdout.read()
        return process.wait(2 * PATIENCE), out, errors.result()


def totals(course: Course, into: str = "graded") -> dict[str, str]:
    with (course.root / into / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["total"] for row in csv.DictReader(file)}


def judged(text: str) -> list[str]:
    """The students that lines of output tell of."""
    lines = [line for line in text.splitlines() if " points" in line]
    return [line.partition(", ")[2].partition(":")[0] for line in lines]


def number(count: int) -> dict[str, str]:
    """Right answers that know their number."""
    return {f"s{each:02}": f"{RIGHT}def number():\n    return {each}\n" for each in range(count)}


def watch(course: Course, folder: Path, body: str) -> None:
    """A check that tells, in a folder, which worker judges which answer, then does something."""
    course.add(
        "is watched",
        f"""
import os
from pathlib import Path
folder = Path({str(folder)!r})
number = await answer.call("number")
worker = os.environ.get("WORKER", "none")
with (folder / "begun").open("a") as file:
    file.write(f"{{worker}} {{number:02}}\\n")
{body}
""",
        0,
        deadline=PATIENCE,
    )


def begun(folder: Path) -> list[list[str]]:
    """Worker and number, of each answer that was begun to be judged."""
    path = folder / "begun"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


GATE = """
while not (folder / "open").exists():
    await asyncio.sleep(0.05)
"""
STEP = """
from pathlib import Path

step = Exercise("demo.step", title="A step", lesson="00", minutes=1, kind="core", entry="f")

@step.check("waits", points=1, hints=["vague", "concrete"], deadline={deadline})
async def _(answer, draw, variant):
    folder = Path({folder!r})
{body}
"""


def gated(course: Course, folder: Path) -> tuple[Path, dict[str, str]]:
    """A class whose first three answers, a batch, are judged at once, and the others when the file
    `open` is there; with the totals that are right."""
    body = textwrap.indent(GATE, "    ")
    course.write(course.source + STEP.format(deadline=PATIENCE, folder=str(folder), body=body))
    totals = {}
    for number in range(12):
        student = folder / "class" / f"s{number:02}"
        student.mkdir(parents=True)
        name, total = ("demo.py", "4") if number < 3 else ("demo.step.py", "1")
        (student / name).write_text(f"{RIGHT}# {number}\n")
        totals[student.name] = total
    return folder / "class", totals


@pytest.mark.slow
def test_the_gradebook_is_the_same_to_the_byte(
    course: Course, hand_in: HandIn, dask: Dask, start: Start
) -> None:
    place = hand_in(ann=RIGHT, bob=WRONG, eve=CRASHES, max=BROKEN, zoe="", kim=RIGHT)
    assert ended(start(place, "--into", "here"))[0] == 0
    dask.add("a", course.root)
    dask.add("b", course.root)
    status, out, errors = ended(start(place, "--into", "there", "--cluster", dask.address))
    assert (status, errors) == (0, ""), out
    assert "The cluster has 2 workers with 2 threads: 6 answers at a time." in out
    here, there = (course.root / into / "gradebook.csv" for into in ("here", "there"))
    assert there.read_bytes() == here.read_bytes()
    assert totals(course, "there") == {
        **{"ann": "4", "bob": "1", "eve": "0", "max": "0", "zoe": "0", "kim": "4"}
    }


def test_the_workers_judge_each_answer_once(
    course: Course, hand_in: HandIn, dask: Dask, start: Start, tmp_path: Path
) -> None:
    watch(course, tmp_path, "")
    place = hand_in(**number(12))
    dask.add("a", course.root)
    assert ended(start(place, "--cluster", dask.address))[0] == 0
    assert sorted(begun(tmp_path)) == [["a", f"{each:02}"] for each in range(12)]
    status, out, _ = ended(start(place, "--cluster", dask.address))
    assert status == 0
    assert "12 different answers, 12 judged before." in out
    assert len(begun(tmp_path)) == 12


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_what_a_dead_worker_had_is_judged_by_another(
    course: Course, hand_in: HandIn, dask: Dask, start: Start, tmp_path: Path
) -> None:
    watch(course, tmp_path, f"if worker == 'a':\n    await asyncio.sleep({PATIENCE})")
    place = hand_in(**number(12))
    dask.add("a", course.root)
    dask.add("b", course.root)
    process = start(place, "--cluster", dask.address)
    poll(
        lambda: any(worker == "a" for worker, _ in begun(tmp_path)),
        deadline=PATIENCE,
        said="a got nothing to judge",
    )
    dask.kill("a")
    status, out, errors = ended(process)
    assert (status, errors) == (0, ""), out
    assert sorted(judged(out)) == [f"s{each:02}" for each in range(12)]
    assert totals(course) == {f"s{each:02}": "4" for each in range(12)}
    assert {each for worker, each in begun(tmp_path) if worker == "b"} == {
        f"{each:02}" for each in range(12)
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_scheduler_that_dies_loses_no_verdict(
    course: Course, dask: Dask, start: Start, tmp_path: Path
) -> None:
    place, right = gated(course, tmp_path)
    dask.add("a", course.root)
    process = start(place, "--cluster", dask.address)
    assert process.stdout is not None
    first = next(line for line in process.stdout if " points" in line)
    dask.kill("")
    status, out, errors = ended(process)
    assert status == 3
    assert f"The scheduler at {dask.address} is gone." in errors
    assert "Traceback" not in errors
    told = judged(first + out)
    (tmp_path / "open").touch()
    with Dask(tmp_path / "again") as again:
        again.add("b", course.root)
        status, out, errors = ended(start(place, "--cluster", again.address))
    assert (status, errors) == (0, ""), out
    assert f"12 different answers, {len(told)} judged before." in out
    assert sorted(told + judged(out)) == sorted(right)
    assert totals(course) == right


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_a_command_that_is_ended_goes_on_where_it_was(
    course: Course, dask: Dask, start: Start, tmp_path: Path, how: str
) -> None:
    place, right = gated(course, tmp_path)
    dask.add("a", course.root)
    process = start(place, "--cluster", dask.address)
    assert process.stdout is not None
    first = next(line for line in process.stdout if " points" in line)
    process.send_signal(getattr(signal, how))
    (tmp_path / "open").touch()
    status, out, errors = ended(process)
    told = judged(first + out)
    if how == "SIGINT":
        assert (status, errors) == (130, "")
        assert f"Interrupted. {len(told)} verdicts were stored" in out
    status, out, errors = ended(start(place, "--cluster", dask.address))
    assert (status, errors) == (0, ""), out
    assert not set(told) & set(judged(out))
    assert totals(course) == right


@pytest.mark.linux
@pytest.mark.slow
def test_an_answer_that_kills_workers_is_named_and_the_others_judged(
    course: Course, hand_in: HandIn, start: Start, tmp_path: Path
) -> None:
    kill = """
import psutil
if number == 4:
    above = psutil.Process().parents()
    nanny = next(i for i, each in enumerate(above) if "dask" in each.cmdline())
    above[nanny - 1].kill()
"""
    watch(course, tmp_path, kill)
    place = hand_in(**number(6))
    with Dask(tmp_path / "dask", DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as dask:
        dask.add("a", course.root, nanny=True)
        status, out, errors = ended(start(place, "--cluster", dask.address))
    assert (status, errors) == (1, ""), out
    assert "demo, s04: not judged. 1 worker died while it was judged there." in out
    assert sorted(judged(out)) == [f"s{each:02}" for each in (0, 1, 2, 3, 5)]


@pytest.mark.slow
def test_a_worker_with_another_course_is_refused_by_name(
    course: Course, hand_in: HandIn, dask: Dask, start: Start, tmp_path: Path
) -> None:
    other = Course(tmp_path / "other")
    other.add("another one", "pass")
    dask.add("a", course.root)
    dask.add("b", other.root)
    place = hand_in(ann=RIGHT)
    status, out, errors = ended(start(place, "--cluster", dask.address))
    assert status == 2, out
    (line,) = (line for line in errors.splitlines() if line.startswith("  tcp://"))
    assert f" in {other.root}: checks of 00_demo " in line
    assert "start them again" in errors
    assert judged(out) == []


@pytest.mark.slow
def test_a_worker_without_this_labsupport_is_refused_by_name(
    course: Course, hand_in: HandIn, dask: Dask, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "labsupport.py").touch()
    dask.add("a", course.root, PYTHONPATH=str(tmp_path / "stub"))
    status, _, errors = ended(start(hand_in(ann=RIGHT), "--cluster", dask.address))
    assert status == 2
    assert "has no such labsupport: ModuleNotFoundError(" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_a_worker_that_comes_later_with_another_course_is_refused(
    course: Course, hand_in: HandIn, dask: Dask, start: Start, tmp_path: Path
) -> None:
    watch(course, tmp_path, GATE)
    other = Course(tmp_path / "other")
    place = hand_in(**number(12))
    dask.add("a", course.root)
    process = start(place, "--cluster", dask.address)
    poll(lambda: begun(tmp_path), deadline=PATIENCE, said="a got nothing to judge")
    dask.add("b", other.root)
    status, out, errors = ended(process)
    assert status == 2, out
    assert f" in {other.root}: checks of 00_demo " in errors
    assert {worker for worker, _ in begun(tmp_path)} == {"a"}


def test_a_cluster_without_a_worker_is_refused(
    course: Course, hand_in: HandIn, dask: Dask, start: Start
) -> None:
    status, _, errors = ended(start(hand_in(ann=RIGHT), "--cluster", dask.address))
    assert status == 2
    assert f"The cluster at {dask.address} has no worker." in errors


@pytest.mark.slow
def test_an_address_without_a_cluster_is_told(
    course: Course, hand_in: HandIn, start: Start
) -> None:
    place = hand_in(ann=RIGHT)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        assert_no_cluster(start(place, "--cluster", address), address)
    assert_no_cluster(start(place, "--cluster", address), address)


def test_another_kind_of_server_is_no_cluster(
    course: Course, hand_in: HandIn, start: Start
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        process = start(hand_in(ann=RIGHT), "--cluster", address)
        listener.settimeout(PATIENCE)
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            assert_no_cluster(process, address)


def test_a_worker_is_no_cluster(course: Course, hand_in: HandIn, dask: Dask, start: Start) -> None:
    dask.add("a", course.root)
    log = (dask.place / "a.log").read_text(encoding="utf-8")
    address = log.partition("Start worker at:")[2].split()[0]
    assert_no_cluster(start(hand_in(ann=RIGHT), "--cluster", address), address)


def assert_no_cluster(process: subprocess.Popen[str], address: str) -> None:
    status, _, errors = ended(process)
    assert status == 2
    assert errors.startswith(f"There is no cluster at {address}: ")
    assert len(errors.splitlines()) == 1
    assert f"dask worker {address}" in errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cluster", "127.0.0.1"], "is no address of a cluster"),
        (["--cluster", "http://127.0.0.1:8786"], "is no address of a cluster"),
        (["--cluster", "tls://127.0.0.1:8786"], "needs certificates"),
        (["--cluster", "tcp://127.0.0.1:8786", "--jobs", "2"], "--jobs is for this machine"),
    ],
)
def test_what_cannot_be_used_is_told(
    course: Course, hand_in: HandIn, start: Start, words: list[str], said: str
) -> None:
    status, _, errors = ended(start(hand_in(ann=RIGHT), *words))
    assert status == 2
    assert said in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_certificates_come_from_dasks_own_configuration(
    course: Course, hand_in: HandIn, start: Start, tmp_path: Path
) -> None:
    authority, files = trustme.CA(), {name: tmp_path / f"{name}.pem" for name in ("ca", "both")}
    authority.cert_pem.write_to_path(str(files["ca"]))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(files["both"])
    )
    tls = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(files["ca"])} | {
        f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT": str(files["both"])
        for role in ("SCHEDULER", "WORKER", "CLIENT")
    }
    place = hand_in(ann=RIGHT)
    with Dask(tmp_path / "dask", "--protocol", "tls", **tls) as dask:
        assert dask.address.startswith("tls://")
        dask.add("a", course.root)
        status, out, errors = ended(start(place, "--cluster", dask.address, **tls))
        assert (status, errors) == (0, ""), out
        plain = dask.address.replace("tls:", "tcp:")
        assert_no_cluster(start(place, "--cluster", plain), plain)
    assert judged(out) == ["ann"]


def test_without_dask_it_says_how_to_install_it(
    course: Course, hand_in: HandIn, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    words = (hand_in(ann=RIGHT), "--cluster", "tcp://127.0.0.1:8786")
    status, _, errors = ended(start(*words, PYTHONPATH=path))
    assert status == 2
    assert 'pip install -c constraints.txt -e ".[cluster]"' in errors
