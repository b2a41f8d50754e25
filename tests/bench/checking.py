"""What a verdict costs: `python -m tests.bench.checking [ANSWERS]`.

All figures are of one run on one machine, and ratios are taken between rounds that alternate:

- warm and cold: a check of one answer by a caller whose judge is up, and by one that starts it;
- fresh: a bare interpreter that is started for each answer and serves one client, which is the
  least that a checker without a warm process has to do;
- throughput: a trivial TCP check, and a Tornado answer probed by 20 requests, answers a second over
  two callers at once for each processor, since part of a check is waiting;
- protection: processor time of the same check sealed (level 4 or 3) and unprotected (level 1).
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from labsupport.checking import Answer, check
from labsupport.checking.engine import shut_down
from tests.checking.course import Course

ROUNDS = 5
AT_ONCE = 2 * (os.cpu_count() or 1)  # callers, since part of a check is waiting

ECHO = """
import socket
def serve(host, port, stop):
    with socket.create_server((host, port)) as listener:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(1000): connection.sendall(data)
        stop.wait()
"""
TRIVIAL = """
async with answer.serving() as peer:
    conn = await peer.connect()
    for _ in range(5):
        await conn.send(b"hello")
        assert_bytes(await conn.recv_exactly(5), b"hello", "an echo")
"""
TORNADO = """
import asyncio, tornado.web
class Hello(tornado.web.RequestHandler):
    def get(self): self.write({"path": self.request.path})
async def serve(host, port, stop):
    application = tornado.web.Application([("/.*", Hello)])
    server = application.listen(port, host)
    await stop.wait()
    server.stop()
    await server.close_all_connections()
"""
REQUESTS = """
async with answer.serving() as peer:
    conn = await peer.connect()
    for number in range(20):
        await conn.send(b"GET /%d HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n" % number)
        head = b""
        while not head.endswith(b"\\r\\n\\r\\n"): head += await conn.recv_line()
        body = await conn.recv_exactly(int(head.lower().split(b"content-length: ")[1].split()[0]))
        assert_bytes(body, b'{"path": "/%d"}' % number, "the path")
"""
FRESH = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    while data := connection.recv(1000): connection.sendall(data)
"""


@contextmanager
def course(body: str) -> Iterator[Callable[[str], None]]:
    """A function that judges an answer by one check."""
    with tempfile.TemporaryDirectory() as folder:
        made = Course(Path(folder) / "course")
        made.add("works", body)

        def judge(answer: str) -> None:
            report = check(Answer.from_cell(answer, "demo"), made.folder)
            assert report.passed, report

        yield judge


def fresh() -> None:
    """Start an interpreter with the course's libraries, exchange five messages, end it."""
    program = f"import tornado.web, httpx\n{FRESH}"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        import socket

        assert process.stdout is not None
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as client:
            for _ in range(5):
                client.sendall(b"hello")
                assert client.recv(5) == b"hello"


def seconds(work: Callable[[], object]) -> float:
    """The wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def each(work: Callable[[], object], answers: int) -> float:
    """Answers a second, two at once for each processor."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda _: work(), range(2 * AT_ONCE)))  # the judges are up
        took = seconds(lambda: list(pool.map(lambda _: work(), range(answers))))
    return answers / took


def processor(work: Callable[[], object], answers: int) -> float:
    """Processor seconds an answer, of all processes: those of judges count when they have ended."""
    shut_down()
    work()
    shut_down()
    used = []
    for number in (answers, 0):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        work()
        for _ in range(number):
            work()
        shut_down()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return (used[0] - used[1]) / answers


def main() -> None:
    """Measure and print."""
    answers = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    with course(TRIVIAL) as judge:
        cold = []
        for _ in range(ROUNDS):
            shut_down()
            cold.append(seconds(lambda: judge(ECHO)))
        warm = sorted(seconds(lambda: judge(ECHO)) for _ in range(answers))
        print(f"cold, p50 of {ROUNDS}: {statistics.median(cold) * 1e3:.0f} ms")
        p95 = warm[int(0.95 * len(warm))]
        print(
            f"warm, p50 and p95 of {answers}: {warm[len(warm) // 2] * 1e3:.1f} {p95 * 1e3:.1f} ms"
        )

        pairs = [
            (each(lambda: judge(ECHO), answers // 4), each(fresh, answers // 16))
            for _ in range(ROUNDS)
        ]
        ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(one / other for one, other in pairs)
        print(f"trivial TCP check: {ours:.0f} answers a second; fresh interpreters: {theirs:.1f}")
        print(f"ratio, round by round: {ratio:.1f}")

        costs = []
        for _ in range(ROUNDS):
            sealed = processor(lambda: judge(ECHO), answers // 4)
            os.environ["LABSUPPORT_LEVEL"] = "1"
            bare = processor(lambda: judge(ECHO), answers // 4)
            del os.environ["LABSUPPORT_LEVEL"]
            costs.append((sealed, bare, sealed / bare))
        sealed, bare, ratio = (statistics.median(column) for column in zip(*costs, strict=True))
        print(
            f"processor time an answer: sealed {sealed * 1e3:.1f}, bare {bare * 1e3:.1f} ms", end=""
        )
        print(f", ratio {ratio:.2f}")
        shut_down()
    with course(REQUESTS) as judge:
        print(f"Tornado, 20 requests: {each(lambda: judge(TORNADO), answers // 2):.0f} a second")
        shut_down()


if __name__ == "__main__":
    main()
