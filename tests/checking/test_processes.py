"""The processes around an answer: none outlives its purpose, and an accident is said clearly."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from labsupport.checking import Answer, EngineError, InputError, Result, check
from labsupport.checking.engine import shut_down
from labsupport.checking.hosts import Limits
from labsupport.checking.judge import JOBS
from labsupport.checking.remote import RemoteAnswer
from labsupport.checking.spawning import Spawner
from labsupport.clock import Deadline, poll
from tests.checking.course import HEAD, Course

Judged = Callable[..., Result]
posix = pytest.mark.skipif(os.name != "posix", reason="process groups and fork are POSIX")


def gone(pids: list[int]) -> None:
    """Wait until no process of these lives; a zombie that nobody waits for counts as ended."""

    def none_left() -> bool:
        return not any(alive(pid) for pid in pids)

    poll(none_left, deadline=5.0, said=f"processes are left: {[p for p in pids if alive(p)]}")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def own_children() -> list[psutil.Process]:
    """Judges and hosts below this process; other tests' processes are not ours to look at."""
    marks = ("labsupport.checking.judge", "_host.")
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if any(mark in " ".join(cmdline(child)) for mark in marks)
    ]


def judges() -> set[int]:
    """The processes that this one started to judge; what these started comes and goes."""
    children = psutil.Process().children()
    return {child.pid for child in children if "labsupport.checking.judge" in cmdline(child)}


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    shut_down()
    poll(lambda: not own_children(), deadline=5.0, said="a judge or a host is left")


# A check that writes down who belongs to the answer, after a call that returns when all are there.
FAMILY = """
await answer.call("f")
with open({told!r}, "w") as file:
    print(*(process.pid for process in answer._host.processes()), file=file)
"""


@posix
@pytest.mark.parametrize(
    "child",
    [
        "pass",
        "own_session()",
        "own_session(); os.fork() and os._exit(0)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); os.setpgid(0, 0)",
        "os.write(write, b'x'); os.kill(os.getpid(), signal.SIGSTOP)",
    ],
    ids=["plain", "own session", "daemon", "own group", "stopped"],
)
def test_children_of_an_answer_die_with_it(
    judged: Judged, tmp_path: Path, level: int, child: str
) -> None:
    if sys.platform != "linux" and "fork" in child:
        pytest.skip("only Linux finds a child that lost its parent")
    told = tmp_path / "pids"
    result = judged(
        FAMILY.format(told=str(told)),
        f"""
        import contextlib, os, signal
        def own_session():
            with contextlib.suppress(PermissionError):
                os.setsid()
        def f():
            read, write = os.pipe()
            if os.fork() == 0:
                {child}
                os.write(write, b"x")
                while True: signal.pause()
            os.read(read, 1)
        """,
    )
    assert result.verdict == "passed", result
    pids = [int(pid) for pid in told.read_text().split()]
    assert len(pids) >= 2
    gone(pids)


@posix
def test_many_children_die_with_an_answer(judged: Judged, tmp_path: Path, level: int) -> None:
    told = tmp_path / "pids"
    result = judged(
        FAMILY.format(told=str(told)),
        """
        import os, signal
        def f():
            for _ in range(100):
                read, write = os.pipe()
                if os.fork() == 0:
                    os.setpgid(0, 0)
                    os.write(write, b"x")
                    while True: signal.pause()
                os.read(read, 1)
                os.close(read)
                os.close(write)
        """,
        deadline=20.0,
    )
    assert result.verdict == "passed", result
    pids = [int(pid) for pid in told.read_text().split()]
    assert len(pids) == 101
    gone(pids)


def test_a_child_that_comes_back_from_a_call_says_nothing(judged: Judged) -> None:
    result = judged(
        'assert [await answer.call("f") for _ in range(3)] == ["parent"] * 3',
        """
        import os
        def f():
            pid = os.fork()
            if pid: os.waitpid(pid, 0)
            return "parent" if pid else "child"
        """,
    )
    assert result.verdict == "passed", result


def test_nothing_of_a_run_is_left_in_the_temporary_folder(
    judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    judged(
        'await answer.call("f")',
        "import os\ndef f(): os.makedirs('a/b'); open('a/b/c', 'w').close()",
    )
    assert [each.name for each in tmp_path.iterdir()] == ["course"]


def slow_run(course: Any, body: str = "await asyncio.Event().wait()") -> subprocess.Popen[str]:
    """A caller in a process of its own, in the middle of a check; it prints the judge's pid."""
    course.add("waits", body, deadline=30.0)
    program = f"""
import psutil, threading, sys
from labsupport.checking import Answer, check
def tell():
    def family():
        return psutil.Process().children(recursive=True)
    from labsupport.clock import poll
    poll(lambda: len(family()) >= 2, deadline=10, said="no judge")
    print(*(p.pid for p in family()), flush=True)
threading.Thread(target=tell, daemon=True).start()
check(Answer.from_cell("def f():\\n while True: pass", "demo"), {str(course.folder)!r})
"""
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


@posix
@pytest.mark.parametrize("body", ["await asyncio.Event().wait()", "await answer.call('f')",
                                  "while True: pass"])  # fmt: skip
def test_when_the_caller_is_killed_judge_and_hosts_end(course: Any, body: str) -> None:
    caller = slow_run(course, body)
    assert caller.stdout is not None
    pids = [int(pid) for pid in caller.stdout.readline().split()]
    assert len(pids) >= 2
    caller.kill()
    caller.wait(5)
    caller.stdout.close()
    gone(pids)


@pytest.mark.linux
def test_a_caller_that_is_killed_after_the_verdict_leaves_no_folder(
    course: Any, tmp_path: Path
) -> None:
    course.add("works", "pass")
    place = tmp_path / "temporary"
    place.mkdir()
    program = f"""
import os, signal
from labsupport.checking import Answer, check, engine
def removed(folder):
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
engine.removed = removed
check(Answer.from_cell("x = 1", "demo"), {str(course.folder)!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
    )
    assert done.returncode == -signal.SIGKILL
    assert Path(done.stdout.strip()).parent == place
    poll(lambda: not list(place.iterdir()), deadline=10.0, said="the folder stays")


@posix
def test_when_the_judge_is_killed_its_hosts_end(course: Any) -> None:
    course.add("waits", "await answer.call('f')", deadline=30.0)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            check(Answer.from_cell("def f():\n while True: pass", "demo"), course.folder)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    poll(lambda: len(own_children()) >= 2, deadline=10.0, said="no host was started")
    children = own_children()
    judge = next(each for each in children if "labsupport.checking.judge" in cmdline(each))
    judge.kill()
    thread.join(20)
    assert not thread.is_alive()
    (error,) = errors
    assert isinstance(error, EngineError)
    assert str(error).startswith("The process that runs the checks ended while ")
    assert "(exit status -9). Nothing was counted; check again." in str(error)
    gone([each.pid for each in children])


def test_a_judge_that_ends_itself_is_reported_with_its_last_words(course: Any) -> None:
    course.add("ends", "import os, sys; print('the reason', file=sys.stderr); os._exit(7)")
    with pytest.raises(EngineError) as caught:
        course.judge("x = 1")
    assert "ended while running the check 'ends' (exit status 7)" in str(caught.value)
    assert str(caught.value).endswith("Its last words: the reason")


def test_a_check_that_never_returns_is_given_up(
    course: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labsupport.checking.engine._SLACK", 0.5)
    monkeypatch.setattr("labsupport.checking.engine._CLOSE", 0.5)
    course.add("blocks", "while True: pass", deadline=1.0)
    with pytest.raises(EngineError, match=r"said nothing for 1\.5 s while running the check"):
        course.judge("x = 1")


def test_a_machine_without_room_for_the_checks_is_said(
    course: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    course.add("works", "pass")
    with pytest.raises(EngineError, match=r"could not be started: .*No such file or directory"):
        course.judge("x = 1")


def test_checks_that_cannot_be_loaded_are_reported(course: Any) -> None:
    course.write("import no_such_module")
    with pytest.raises(EngineError, match=r"checks.py cannot be loaded: ModuleNotFoundError"):
        course.judge("x = 1")


def test_what_checks_print_does_not_disturb_the_results(course: Any) -> None:
    course.write("print('loading')\n" + course.source)
    course.add("prints", 'print(\'{"event": "end"}\', flush=True)')
    assert course.judge("x = 1").passed


def test_an_unknown_check_is_refused_with_the_nearest_name(course: Any) -> None:
    course.add("one byte at a time", "pass")
    with pytest.raises(InputError) as refused:
        course.judge("x = 1", only="one bite at a time")
    assert str(refused.value) == (
        "demo has no check named 'one bite at a time'. The nearest is 'one byte at a time'. "
        "Its checks: 'one byte at a time'."
    )


def test_an_unknown_step_is_refused_with_the_nearest_one(course: Any) -> None:
    course.write(course.source.replace('"demo"', '"demo.header"'))
    with pytest.raises(InputError, match=r"has no 'demo.heder'. Did you mean 'demo.header'\?"):
        check(Answer.from_cell("x = 1", "demo.heder"), course.folder)


def test_runs_beside_each_other_do_not_disturb_each_other(course: Any) -> None:
    course.add(
        "serves",
        """
        async with answer.serving("serve") as peer:
            conn = await peer.connect()
            await conn.send(b"x")
            assert await conn.recv_exactly(1) == b"x"
        """,
        deadline=20.0,
    )
    answer = Answer.from_cell(
        "import socket\n"
        "def serve(host, port, stop):\n"
        "    with socket.create_server((host, port)) as s:\n"
        "        c, _ = s.accept()\n"
        "        c.sendall(c.recv(1))\n"
        "        stop.wait()\n",
        "demo",
    )
    reports: list[Any] = []
    threads = [
        threading.Thread(target=lambda: reports.append(check(answer, course.folder)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert [report.passed for report in reports] == [True] * 4
    assert len({str(report) for report in reports}) == 1


def test_an_interrupt_of_the_caller_ends_the_judge(course: Any) -> None:
    caller = slow_run(course)
    assert caller.stdout is not None
    pids = [int(pid) for pid in caller.stdout.readline().split()]
    caller.send_signal(signal.SIGINT)
    assert caller.wait(10) != 0
    caller.stdout.close()
    gone(pids)


@pytest.mark.linux
@pytest.mark.parametrize("part", ["labsupport.checking.judge", "_host.jail.zygote"])
def test_a_part_that_died_while_it_waited_is_replaced(course: Any, part: str) -> None:
    course.add("works", 'await answer.call("f")')
    first = course.judge("def f(): pass")
    waiting = [each for each in own_children() if part in " ".join(cmdline(each))]
    assert waiting
    for process in waiting:
        process.kill()
    gone([process.pid for process in waiting])
    assert course.judge("def f(): pass") == first


@pytest.mark.linux
def test_a_judge_is_kept_for_the_next_check(course: Any) -> None:
    course.add("works", 'await answer.call("f")')
    course.judge("def f(): pass")
    before = judges()
    course.judge("def f(): pass")
    assert judges() == before


def worker(course: Course, before: str = "") -> str:
    """The number of the process that judges the next job of a course, as its check says it."""
    course.write(HEAD)
    course.add("says", f"{before}\nimport os; fail('worker %d' % os.getpid())")
    return course.judge("x = 1").results[0].said


@pytest.mark.linux
def test_some_jobs_of_an_exercise_share_a_worker(course: Course) -> None:
    assert len({worker(course) for _ in range(3)}) == 1


@pytest.mark.linux
def test_a_worker_is_replaced_after_some_jobs(course: Course) -> None:
    workers = [worker(course) for _ in range(JOBS + 1)]
    assert set(workers[:JOBS]) == {workers[0]}
    assert workers[JOBS] != workers[0]


@pytest.mark.linux
def test_a_worker_in_which_a_thread_is_left_is_replaced(course: Course) -> None:
    leaving = (
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    assert worker(course, leaving) != worker(course)


@pytest.mark.linux
def test_no_worker_meets_the_checks_of_two_exercises(course: Course, tmp_path: Path) -> None:
    assert worker(course) != worker(Course(tmp_path / "other"))


@pytest.mark.linux
def test_a_worker_that_was_killed_while_it_waited_is_replaced(course: Course) -> None:
    first = worker(course)
    process = psutil.Process(int(first.split()[1]))
    process.kill()
    gone([process.pid])
    assert worker(course) != first


@pytest.mark.linux
def test_what_checks_keep_is_not_there_for_the_next_job(course: Course) -> None:
    course.add("counts", "seen.append(1); assert_equal(len(seen), 1, 'alone')")
    course.write(f"{course.source}\nseen = []\n")
    assert [course.judge("x = 1").passed for _ in range(3)] == [True] * 3


@pytest.mark.linux
def test_the_words_of_an_answer_alone_decide_what_is_imported_around_it(course: Course) -> None:
    course.add("says", "fail(str(await answer.call('f')))")
    plain = "import sys\ndef f(): return 's' + 'sl' in sys.modules\n"
    answers = [plain, f"{plain}# tornado", plain]
    assert [course.judge(each).results[0].said for each in answers] == ["False", "True", "False"]


# ---- the launcher by itself ----


async def adds(launcher: Spawner) -> Any:
    remote = RemoteAnswer(launcher.take())
    async with remote.connected():
        await remote.ready()
        await remote.load(Answer("demo", "def add(a, b): return a + b"))
        return await remote.call("add", 1, 2)


def test_a_host_can_be_reached_where_descriptors_cannot_be_inherited(tmp_path: Path) -> None:
    launcher = Spawner(folder=tmp_path, force_port=True)
    try:
        launcher.prepare()
        assert asyncio.run(adds(launcher)) == 3
    finally:
        launcher.close()
    assert list(tmp_path.iterdir()) == []


def test_a_connection_without_the_secret_is_not_taken_for_a_host(tmp_path: Path) -> None:
    import socket

    launcher = Spawner(folder=tmp_path, force_port=True)
    try:
        launcher.prepare()
        assert launcher._spare is not None
        assert launcher._spare._listener is not None
        with socket.create_connection(launcher._spare._listener.getsockname()) as stranger:
            stranger.sendall(bytes(32))
            assert asyncio.run(adds(launcher)) == 3
            assert stranger.recv(1) == b""
    finally:
        launcher.close()


@pytest.mark.skipif(sys.platform == "win32", reason="setrlimit is POSIX")
def test_limits_are_set_before_the_answer_runs(tmp_path: Path) -> None:
    limits = Limits(memory=10**9, cpu_seconds=33, file_bytes=10**6, descriptors=100)

    async def look(launcher: Spawner) -> Any:
        remote = RemoteAnswer(launcher.take())
        async with remote.connected():
            await remote.ready()
            source = (
                "import resource\ndef f(*names):\n"
                "    return [resource.getrlimit(getattr(resource, name)) for name in names]"
            )
            await remote.load(Answer("demo", source))
            names = [name for name in limits.resources() if name not in remote.missing_limits]
            return names, await remote.call("f", *names)

    launcher = Spawner(folder=tmp_path, limits=limits)
    try:
        names, got = asyncio.run(look(launcher))
    finally:
        launcher.close()
    assert dict(zip(names, got, strict=True)) == {
        name: (value, value) for name, value in limits.resources().items() if name in names
    }
    assert "RLIMIT_CPU" in names


def test_closing_a_launcher_twice_is_allowed(tmp_path: Path) -> None:
    launcher = Spawner(folder=tmp_path)
    launcher.prepare()
    launcher.close()
    launcher.close()
    until = Deadline(1.0)
    launcher.kill_all()
    assert not until.expired
