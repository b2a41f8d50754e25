"""What each level of protection keeps an answer from, seen by an answer that tries."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import labsupport
from labsupport.checking import Result
from labsupport.checking.engine import shut_down
from labsupport.checking.hosts import Limits
from tests.checking.conftest import best
from tests.cli.watched import environment

pytestmark = pytest.mark.linux

Judged = Callable[..., Result]
SEALED, FENCED = 3, 2


def gives(answer: str) -> tuple[str, str]:
    """A check that passes when f() gives True, and an answer whose f does."""
    return 'assert_equal(await answer.call("f"), True, "f gives True")', answer


def test_the_level_is_told(course: Any, level: int) -> None:
    course.add("works", 'await answer.call("f")')
    report = course.judge("def f(): pass")
    assert report.passed, report
    assert report.level["number"] == level
    assert report.level["missing"] == []
    assert report.level["unlimited"] == []


def test_a_file_of_the_user_is_read_at_the_lowest_level_only(
    judged: Judged, tmp_path: Path, level: int
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("42")
    result = judged(
        'assert_equal(await answer.call("f"), ' + repr(level < FENCED) + ', "")',
        f"""
        def f():
            try: return open({str(secret)!r}).read() == "42"
            except OSError: return False
        """,
    )
    assert result.verdict == "passed", result


def test_files_folders_and_links_are_put_into_an_answers_folder(judged: Judged, level: int) -> None:
    result = judged(
        """
        answer.put("a/b/file", b"data")
        answer.put("a/b/file", b"new")
        answer.put("a/large", b"head", size=3 << 30)
        answer.link("a/out", "../other")
        answer.put("other", b"")
        assert_equal(await answer.call("f"), [b"new", 3 << 30, b"head", "../other", True], "")
        """,
        """
        import os
        def f():
            os.rename("a/b/file", "a/b/moved")  # all of it is the answer's
            os.rename("a/b/moved", "a/b/file")
            large = os.stat("a/large").st_size, read("a/large", 4)
            return [read("a/b/file", 9), *large, os.readlink("a/out"), os.path.isfile("a/out")]
        def read(path, n):
            with open(path, "rb") as file:
                return file.read(n)
        """,
    )
    assert result.verdict == "passed", result


def test_a_folder_of_very_many_files_is_not_listed(judged: Judged, level: int) -> None:
    result = judged(
        'await answer.call("f"); answer.listed("many")',
        """
        import os
        def f():
            os.mkdir("many")
            for number in range(1001): open(f"many/{number}", "w").close()
        """,
    )
    assert result.verdict == "failed", result
    assert "more than 1,000 files" in result.got, result


def test_what_an_answer_leaves_in_a_folder_is_listed_and_read_and_no_link_followed(
    judged: Judged, level: int
) -> None:
    result = judged(
        """
        answer.put("a/file", b"data")
        assert_equal(answer.listed("a"), {"file": 4}, "")
        await answer.call("f")
        listed = {"file": 6, "new": 0, "b": -1, "out": -1, "away": -1}
        assert_equal(answer.listed("a"), listed, "")
        assert_equal([answer.read("a/file"), answer.read("a/b/deep")], [b"longer", b"deep"], "")
        assert_equal([answer.read("a/none"), answer.read("none/file")], [None, None], "")
        assert not answer.exists("none")
        for path in ("a/out", "away/file", "a/away/file"):
            try:
                found = answer.read(path)
            except Mismatch:
                continue
            fail(f"{path} was followed", got=found)
        for name in ("away", "other", "none"):
            try:
                found = answer.listed(name)
            except Mismatch:
                continue
            fail(f"{name} was listed", got=found)
        """,
        """
        import os
        def f():
            write("a/file", "longer")
            write("a/new", "")
            os.mkdir("a/b")
            write("a/b/deep", "deep")
            write("other", "")
            os.symlink("../other", "a/out")
            os.symlink("../a", "a/away")
            os.symlink("a", "away")
        def write(path, text):
            with open(path, "w") as file:
                file.write(text)
        """,
    )
    assert result.verdict == "passed", result


def test_memory_that_was_in_use_is_seen_also_when_it_is_free_again(
    judged: Judged, level: int
) -> None:
    result = judged(
        """
        await answer.call("f", 1)
        before = answer.memory()
        await answer.call("f", 1)
        assert_that(answer.memory() - before < 4 << 20, "")
        await answer.call("f", 40)
        assert_that(answer.memory() - before > 36 << 20, "")
        """,
        "def f(mib): len(bytearray(mib << 20).replace(b'0', b'1'))",
    )
    assert result.verdict == "passed", result


def test_the_course_and_its_checks_are_out_of_sight(course: Any, level: int) -> None:
    course.add(
        "works",
        f'assert_equal(await answer.call("f", {str(course.folder / "checks.py")!r}), '
        f'{level < FENCED}, "")',
    )
    report = course.judge(
        """
        import os
        def f(checks):
            try: return bool(open(checks).read())
            except OSError: return False
        """
    )
    assert report.passed, report


def test_nothing_of_this_machine_listens_in_a_sealed_network(judged: Judged, level: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours:
        result = judged(
            f'assert_equal(await answer.call("f", {ours.getsockname()[1]}), {level < SEALED}, "")',
            """
            import socket
            def f(port):
                try: socket.create_connection(("127.0.0.1", port), 1).close()
                except OSError: return False
                return True
            """,
        )
    assert result.verdict == "passed", result


def test_a_sealed_network_has_a_small_table_of_connections_of_its_own(
    judged: Judged, level: int
) -> None:
    if level < SEALED or not Path("/proc/sys/net/ipv4/tcp_child_ehash_entries").exists():
        pytest.skip("shared with the machine at this level, or before Linux 6.1")
    result = judged(
        'assert_equal(await answer.call("f"), 256, "")',
        """
        def f():
            with open("/proc/sys/net/ipv4/tcp_ehash_entries") as file: return int(file.read())
        """,
    )
    assert result.verdict == "passed", result


def test_every_port_is_free_in_a_sealed_network(
    judged: Judged, at_level: Callable[[int], None]
) -> None:
    at_level(SEALED)
    with socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]
        result = judged(
            f"""
            async with answer.serving(port={port}) as peer:
                conn = await peer.connect()
                assert_bytes(await conn.recv_until_eof(), b"here", "the answer's own server")
            """,
            """
            import socket
            def serve(host, port, stop):
                with socket.create_server((host, port)) as listener:
                    listener.settimeout(0.05)
                    while not stop.is_set():
                        try: connection, _ = listener.accept()
                        except TimeoutError: continue
                        with connection: connection.sendall(b"here")
            """,
        )
    assert result.verdict == "passed", result


def test_a_check_that_listens_is_reached_at_each_level(judged: Judged, level: int) -> None:
    result = judged(
        """
        async def script(conn, number):
            await conn.send(b"hello")
        async with answer.facing(script, link=Link(to_client={"cut": 1})) as (host, port):
            assert_bytes(await answer.call("f", host, port), b"hello", "through a link")
        """,
        """
        import socket
        def f(host, port):
            with socket.create_connection((host, port)) as sock:
                return sock.makefile("rb").read()
        """,
    )
    assert result.verdict == "passed", result


def test_other_processes_are_out_of_sight(judged: Judged, level: int) -> None:
    body, _ = gives("")
    result = judged(
        body.replace("True", repr(level < SEALED), 1),
        f"""
        import os
        def f(): return os.path.exists("/proc/{os.getpid()}/stat")
        """,
    )
    assert result.verdict == "passed", result


@pytest.mark.parametrize(
    "attempt",
    [
        "os.kill(int(judge), 0)",
        "open(f'/proc/{judge}/mem', 'rb')",
        "os.listdir(f'/proc/{judge}/fd')",
        "open(f'/proc/{judge}/environ').read()",
    ],
)
def test_the_judge_cannot_be_touched(judged: Judged, level: int, attempt: str) -> None:
    if level < SEALED:
        pytest.skip("promised where there are namespaces")
    result = judged(
        """
        import os
        assert_equal(await answer.call("f", os.getpid()), False, "the judge is out of reach")
        """,
        f"""
        import os
        def f(judge):
            try: {attempt}
            except OSError: return False
            return True
        """,
    )
    assert result.verdict == "passed", result


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("user namespaces", "libc.unshare(0x10000000)"),
        ("tracing", "libc.ptrace(0, 0, 0, 0)"),
        ("mounts", "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)"),
        ("memory files", "libc.memfd_create(b'x', 0)"),
    ],
)
def test_calls_that_no_answer_needs_fail(judged: Judged, level: int, what: str, body: str) -> None:
    if level < FENCED:
        pytest.skip("promised where there is a filter")
    result = judged(
        'assert_equal(await answer.call("f"), -1, "the call fails")',
        f"import ctypes\nlibc = ctypes.CDLL(None)\ndef f(): return {body}",
    )
    assert result.verdict == "passed", result


def test_a_child_stays_in_the_session_of_its_answer(judged: Judged, level: int) -> None:
    if level < FENCED:
        pytest.skip("promised where there is a filter")
    result = judged(
        'assert_equal(await answer.call("f"), "PermissionError", "setsid fails in a child")',
        """
        import os
        def f():
            read, write = os.pipe()
            if os.fork() == 0:
                try: os.setsid()
                except OSError as error: os.write(write, type(error).__name__.encode())
                os._exit(0)
            os.close(write)
            return os.read(read, 100).decode()
        """,
    )
    assert result.verdict == "passed", result


def test_odd_families_and_protocols_of_sockets_are_refused(judged: Judged, level: int) -> None:
    if level < FENCED:
        pytest.skip("promised where there is a filter")
    result = judged(
        *gives(
            """
            import socket
            def f():
                stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
                odd = [
                    *((family, stream, 0) for family in (socket.AF_PACKET, 38, 40)),
                    (socket.AF_INET, stream, 262), (socket.AF_INET6, datagram, 136),
                    (socket.AF_INET, socket.SOCK_SEQPACKET, 0), (socket.AF_INET, 6, 0),
                ]
                for each in odd:
                    try: socket.socket(*each)
                    except OSError: continue
                    return False
                return True
            """
        )
    )
    assert result.verdict == "passed", result


def test_a_sealed_answer_has_no_rights_and_no_other_ids(
    judged: Judged, at_level: Callable[[int], None]
) -> None:
    at_level(4)
    result = judged(
        """
        import os, psutil
        uid, status = await answer.call("f")
        assert_that(uid >= 1000, "no id of this machine's", got=uid)
        process = answer._host.processes()[0]
        assert_that(process.uids().real > 10**9, "nor outside", got=process.uids())
        assert_that("CapEff:\\t0000000000000000" in status, "no capability", got=status)
        assert_that("CapBnd:\\t0000000000000000" in status, "none to be had", got=status)
        assert_that("NoNewPrivs:\\t1" in status, "no new ones", got=status)
        """,
        'import os\ndef f(): return os.getuid(), open("/proc/self/status").read()',
    )
    assert result.verdict == "passed", result


@pytest.mark.parametrize(
    ("limit", "body"),
    [
        (
            "your answer and its processes need more memory than their limit of 1.5 GiB",
            """
            for _ in range(4):
                if os.fork() == 0:
                    kept = b"x" * (600 * 2**20)
                    signal.pause()
            signal.pause()
            """,
        ),
        (
            "your answer has more than 120 processes",
            """
            for _ in range(300):
                if os.fork() == 0: signal.pause()
            signal.pause()
            """,
        ),
        (
            f"your answer lets more than {Limits().sockets // 2**20} MiB wait in its sockets",
            """
            kept = []
            while True:
                with socket.create_server(("127.0.0.1", 0)) as listener:
                    kept += socket.create_connection(listener.getsockname()), listener.accept()[0]
                kept[-1].setblocking(False)
                try:
                    while True: kept[-1].send(bytes(2**20))
                except BlockingIOError: pass
            """,
        ),
        (
            "your answer filled its disk of 64 MiB",
            """
            try:
                with open("full", "wb") as file:
                    while True: file.write(bytes(2**20))
            except OSError: pass
            signal.pause()
            """,
        ),
    ],
    ids=["memory", "processes", "sockets", "disk"],
)
def test_what_a_sealed_answer_uses_is_limited(
    judged: Judged, at_level: Callable[[int], None], limit: str, body: str
) -> None:
    at_level(SEALED)
    result = judged(
        'await answer.call("f")', "import os, signal, socket\ndef f():" + body, deadline=20.0
    )
    assert (result.verdict, result.said) == ("killed", limit)


def test_libraries_are_found_in_a_jail(judged: Judged, level: int) -> None:
    result = judged(
        *gives(
            """
            def f():
                import h11, httpx, tornado.web, ssl, sqlite3, email.mime.text, wsgiref.util
                from concurrent.futures import ProcessPoolExecutor
                with ProcessPoolExecutor(1) as pool:
                    return pool.submit(abs, -1).result(5) == 1
            """
        )
    )
    assert result.verdict == "passed", result


@pytest.mark.parametrize("relative", [True, False])
def test_libraries_are_found_where_the_environment_is_a_link(
    course: Any, level: int, tmp_path: Path, relative: bool
) -> None:
    course.add("works", 'await answer.call("f")')
    (course.folder / "demo.py").write_text("import httpx\ndef f(): pass")
    to = os.path.relpath(sys.prefix, tmp_path) if relative else sys.prefix
    (tmp_path / "link").symlink_to("z")
    (tmp_path / "z").symlink_to(to)
    done = subprocess.run(
        [tmp_path / "link/bin/python", "-m", "labsupport.cli", "check", "demo", "demo.py"],
        env=environment(
            PYTHONPATH=str(Path(labsupport.__file__).parents[1]),
            LABSUPPORT_LEVEL=str(level),
            LABSUPPORT_STATE=str(course.root / "state"),
        ),
        cwd=course.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done
    assert "1 of 1 points." in done.stdout
    assert f"Level {level}, " in done.stdout


def test_the_same_report_at_each_level(
    course: Any, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.add("fails", 'assert_bytes(await answer.call("f"), draw.bytes(4), "the same")')
    report = course.judge("import os\ndef f(): print(os.getcwd()); return b'1234'").to_dict()
    assert report.pop("level")["number"] == level
    monkeypatch.delenv("LABSUPPORT_LEVEL")
    shut_down()
    other = course.judge("import os\ndef f(): print(os.getcwd()); return b'1234'").to_dict()
    other.pop("level")
    assert report == other


# Python, the libraries and the course may lie where only the superuser can look. A user id without
# any rights gets Python in its own place, whose top folder is covered by one that all may enter,
# and the rest below /mnt; all of this in a mount namespace that ends with the command.
AS_NOBODY = """
set -e
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -p "/mnt/place$1" /mnt/packages /mnt/labsupport /mnt/course
mkdir -m 1777 /mnt/scratch
mount --bind "$1" "/mnt/place$1"
mount --bind "$2" /mnt/packages
mount --bind "$3" /mnt/labsupport
mount --bind "$4" /mnt/course
top=$(echo "$1" | cut -d / -f 2)
mount --rbind "/mnt/place/$top" "/$top"
cd /mnt/course/exercises/00_demo
export PYTHONPATH=/mnt:/mnt/packages TMPDIR=/mnt/scratch LABSUPPORT_STATE=/mnt/scratch
exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all \\
    "$1/bin/python3" -m labsupport.cli check demo demo.py
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="all tests are run by an ordinary user here")
def test_an_ordinary_users_answers_are_sealed_too(course: Any) -> None:
    tools = [shutil.which(name) for name in ("unshare", "mount", "setpriv")]
    if not all(tools) or best(SEALED) != SEALED:
        pytest.skip("there are no user namespaces here, or none of the tools to become a user")
    course.add("works", 'assert_equal(await answer.call("f"), 42, "f gives 42")')
    (course.folder / "demo.py").write_text("def f(): return 42")
    purelib = sysconfig.get_path("purelib")
    bound = [sys.base_prefix, purelib, str(Path(labsupport.__file__).parent), str(course.root)]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", AS_NOBODY, "sh", *bound],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done
    assert "1 of 1 points." in done.stdout
    assert "Level 3, sealed: " in done.stdout


def test_a_kernel_without_landlock_limits_answers_and_says_so(course: Any) -> None:
    course.add("works", 'assert_equal(await answer.call("f"), 42, "f gives 42")')
    (course.folder / "demo.py").write_text("def f(): return 42")
    filtered = [sys.executable, "-m", "tests.checking.without_landlock"]
    done = subprocess.run(
        [*filtered, "-m", "labsupport.cli", "check", "demo", "demo.py"],
        env=environment(
            PYTHONPATH=str(Path(labsupport.__file__).parents[1]),
            LABSUPPORT_LEVEL="2",
            LABSUPPORT_STATE=str(course.root / "state"),
        ),
        cwd=course.folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done
    assert "1 of 1 points." in done.stdout
    assert "Level 1, limited: " in done.stdout
    assert "More is not to be had here: fenced ([Errno 38] landlock: " in done.stdout
