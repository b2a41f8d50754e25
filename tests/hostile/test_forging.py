"""Answers that are wrong and want to be taken for right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.hostile.arena import Arena
from tests.hostile.attack import Attack

LINES = """
import json
RESULT = {"name": "works", "points": 1, "verdict": "passed", "seed": 1}
LINES = "".join(json.dumps(each) + "\\n" for each in (
    {"event": "result", "result": RESULT}, {"event": "end", "level": {}, "problem": ""})).encode()
"""

EVERYWHERE = [
    Attack("prints a result", "def f(): os.write(1, LINES); os.write(2, LINES)", head=LINES),
    Attack(
        "writes a result to every descriptor",
        """
        def f():
            for number in range(4096):
                with contextlib.suppress(OSError): os.write(number, LINES)
        """,
        head=LINES,
    ),
    Attack(
        "writes a result into every pipe and terminal that it can open",
        """
        def f():
            for path in glob.glob("/proc/[0-9]*/fd/*") + glob.glob("/dev/pts/*"):
                with contextlib.suppress(OSError):
                    if path.startswith("/proc") and int(path.split("/")[2]) not in family(): continue
                    if not re.match("pipe|/dev/pts", os.readlink(path)): continue
                    pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                    os.write(pipe, LINES)
                    os.close(pipe)
        """,
        head=LINES,
    ),
]

SAID = [  # over the channel, which is the same at each level
    Attack("leaves with exit status 0", "def f(): os._exit(0)"),
    Attack("leaves with SystemExit", "def f(): sys.exit(0)"),
    Attack("leaves while it is loaded", "os._exit(0)"),
    Attack("interrupts", "def f(): raise KeyboardInterrupt"),
    Attack(
        "is equal to everything",
        """
        class Equal(int):
            def __eq__(self, other): return True
            __hash__ = int.__hash__
            __class__ = int
        def f(): return Equal(41)
        """,
    ),
    Attack(
        "patches builtins and the host around it",
        """
        import builtins, json
        builtins.isinstance = lambda *_: True
        builtins.len = lambda _: 42
        json.dumps = lambda *_, **__: '{"d": [["op", "done"], ["passed", true]]}'
        wire.pack = lambda *_, **__: struct.pack("!II", 9, 0) + b'"passed"\\n'
        def f(): return 41
        """,
    ),
    Attack(
        "answers calls that nobody made",
        """
        for number in range(1000): say({"op": "done", "id": number, "value": 41})
        def f(): return 40
        """,
    ),
    Attack(
        "answers its call twice",
        """
        def f():
            for number in range(100): say({"op": "done", "id": number, "value": [42]})
            return 42
        """,
    ),
    Attack(
        "lets a child answer too",
        """
        def f():
            if os.fork() == 0:
                host.pid = os.getpid()
                return 41
            os.wait()
            return 40
        """,
    ),
    *(
        Attack(f"says what is no frame: {what}", f"def f(): {say}; time.sleep(9)", deadline=0.5)
        for what, say in {
            "deep lists": "say_raw(b'[' * 2**20 + b']' * 2**20)",
            "a huge number": "say_raw(b'1' * 2**20)",
            "a huge tagged number": "say_raw(b'{\"i\":\"0x' + b'f' * 2**20 + b'\"}')",
            "infinity": 'say_raw(b\'{"d":[["op",1e999],["id",NaN]]}\')',
            "two tags": 'say_raw(b\'{"t":[],"b":0}\')',
            "no message": "say_raw(b'[]')",
            "an unknown tag": "say_raw(b'{\"x\":[]}')",
            "a negative size": "say_raw(b'{\"b\":-1}', b'x')",
            "more bytes than there are": "say_raw(b'{\"b\":9}', b'x')",
            "bytes too many": "say_raw(b'{\"b\":1}', b'xyz')",
            "no UTF-8": "say_raw(b'{\"s\":1}', b'\\xff')",
            "an unhashable key": "say_raw(b'{\"d\":[[[],1]]}')",
            "a reference to nothing": 'say_raw(b\'{"r":["standin",7]}\')',
            "a reference to everything": 'say_raw(b\'{"r":["object",1]}\')',
            "no JSON": "say_raw(b'\\0' * 4096)",
            "more than can cross": "host.channel.sendall(b'\\xff' * 8)",
            "half a frame": "host.channel.sendall(struct.pack('!II', 99, 0) + b'{')",
            "a frame without end": "host.channel.sendall(struct.pack('!II', 9, 2**27) + bytes(2**20))",
            "an unknown operation": "say({'op': 'pass', 'id': 1})",
            "no operation": "say({})",
            "an unhashable number": "say({'op': 'done', 'id': [1], 'value': 42})",
            "the outcome of nothing": "say({'op': 'outcome', 'id': 1, 'number': 1, 'raised': None})",
            "a call to nothing": "say({'op': 'ask', 'ask': 1, 'standin': 5, 'method': 'recv', "
            "'args': [], 'kwargs': {}})",
            "a call without a method": "say({'op': 'ask', 'ask': 1})",
            "out of band": "host.channel.send(b'x', socket.MSG_OOB)",
            "descriptors": "socket.send_fds(host.channel, [b'xxxxxxxx'], list(range(3)) * 80)",
        }.items()
    ),
    Attack(
        "puts words into the report by what its system lacks",
        """
        say({"op": "ready", "missing": [WON, "\\x1b[2J\\n\\n1 of 1 points.\\n"]})
        def f(): return 41
        """,
    ),
    Attack(
        "lies about where it is",
        r"""
        host._where = lambda request: {"op": "done", "value": [
            {"line": 1, "lines": [1, "x"], "function": "\x1b[2J<script>" * 2**20, "busy": True},
            {"line": [], "lines": {}, "function": 7, "busy": None}, {}, 7] + [[1]] * 1000}
        def f(): time.sleep(9)
        """,
        deadline=1.0,
    ),
    Attack(
        "prints what looks like a report",
        r"""
        def f():
            print("\n\n1 of 1 points.\n\n  passed        1 of 1  works\n" * 9000)
            return 41
        """,
    ),
    Attack(
        "prints what moves the cursor and turns text around",
        r"""
        def f():
            os.write(1, "\x1b[2J\x1b]0;title\x07\r\b\u202e\u2066\x00\x9b<script>".encode() * 4000)
            print("\x1b[" + "0" * 2**16)
            return 41
        """,
    ),
    Attack(
        "raises what moves the cursor and turns text around",
        r"""
        class Bad(Exception): pass
        Bad.__name__ = "\x1b[2J\u202e<script>alert(1)</script>"
        def f(): raise Bad("\x1b[2J\u202e\r<script>alert(1)</script>" * 99)
        """,
        verdicts=("crashed",),
    ),
    Attack(
        "raises what moves the cursor while it is loaded",
        r'raise ValueError("\x1b[2J\u202e\r<script>alert(1)</script>\n\n1 of 1 points.")',
        verdicts=("crashed",),
    ),
    Attack(
        "names what moves the cursor",
        r"""
        globals()["\x1b[2J<script>"] = 1
        """,
    ),
    Attack(
        "returns what moves the cursor",
        r"""def f(): return {"\x1b[2J<script>\ud800": ["\u202e", b"\x1b", ("\x00",) * 99]}""",
    ),
    Attack(
        "hides its descriptors from the meters",
        """
        def f():
            libc.prctl(4, 0, 0, 0, 0)
            f.kept = [os.pipe() for _ in range(50)]
            return 42
        """,
        check="""
        before = answer.descriptors()
        await answer.call("f")
        assert_that(answer.descriptors() <= before, "no descriptor is left open")
        """,
        verdicts=("failed",),
    ),
    Attack(
        "hides its sockets from the meters",
        """
        def serve(host, port, stop):
            libc.prctl(4, 0, 0, 0, 0)
            serve.kept = socket.create_server((host, 0))
            time.sleep(9)
        """,
        check="""
        async with answer.serving(ready=0.5): pass
        """,
        verdicts=("failed",),
    ),
    Attack(
        "keeps the machine busy so that nobody can say that it is slow",
        """
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        def f():
            while True:
                for _ in range(4):
                    if os.fork() == 0:
                        until = time.monotonic() + 0.1
                        while time.monotonic() < until: pass
                        os._exit(0)
                time.sleep(0.1)
        """,
        deadline=1.5,
        verdicts=("timed out",),
    ),
    Attack(
        "has the name of another process",
        r"""
        libc.prctl(15, b"a) R 1 1 (\nUid:\t0", 0, 0, 0)
        def f(): return 41
        """,
    ),
]

ATTACKS = EVERYWHERE + [replace(attack, once=True) for attack in SAID]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_no_answer_forges_a_verdict(attack: Attack, arena: Arena) -> None:
    assert arena.faults(attack) == []
