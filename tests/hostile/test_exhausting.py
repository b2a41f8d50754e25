"""Answers that want all there is: of the machine, of the judge, of time."""

from __future__ import annotations

import os
import socket
from dataclasses import replace

import pytest

from labsupport.checking.engine import shut_down
from tests.hostile.arena import DESCRIPTORS, Arena
from tests.hostile.attack import WON, Attack

JUDGE = 500 * 1024  # KiB that a judge may come to need


def frugal(check: str) -> str:
    """The check, and the judge's own memory is looked at in the end."""
    return f"""
import resource
try:
    {check}
finally:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert_that(used < {JUDGE}, "{WON}", got=f"the judge has {{used:,}} KiB")
"""


# Nobody counts the processes of the superuser (setrlimit(2), RLIMIT_NPROC); only at level 4 an
# answer that he judges has another user id.
COUNTED = (3, 4) if os.geteuid() else (4,)

# Nobody limits what the superuser has on its way (unix(7), ETOOMANYREFS), and only at level 1 an
# answer is one. All that is tried beside it at level 3 would suffer.
LIMITED_ON_THEIR_WAY = (1, 2, 3, 4) if os.geteuid() else (2, 3, 4)

FACING = """
async def script(conn, number):
    await conn.hold()
async with answer.facing(script{link}) as (host, port):
    await answer.call("f", host, port)
"""
READING = """
async with answer.handling({link}) as peer:
    conn = await peer.connect()
    while await conn.recv(): pass
    fail("it ends")
"""

FREE = """
def free():
    with open("/proc/meminfo") as file:
        return int(file.read().split("MemFree:")[1].split()[0])
"""

PAIR = """
def pair():
    {make}
    for each in one, other:
        each.setblocking(False)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**30)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**30)
    return one, other
"""

MACHINE = [  # what is everybody's: only where it is kept apart, or in small numbers
    Attack(
        "forks without end",
        "alone()\ndef f():\n while True: os.fork()",
        levels=COUNTED,
        deadline=10.0,
    ),
    Attack(
        "forks in every process until it is refused",
        """
        alone()
        def f():
            while True:
                with contextlib.suppress(OSError):
                    if os.fork() == 0: os.setsid()
        """,
        levels=COUNTED,
        deadline=10.0,
    ),
    Attack(
        "starts threads without end",
        "def f():\n while True: threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
        levels=COUNTED,
    ),
    Attack(
        "keeps memory without end",
        "def f():\n kept = []\n while True: kept.append(b'x' * 2**24)",
        deadline=10.0,
        verdicts=("killed",),
    ),
    Attack("asks for more memory than there is", "def f(): bytearray(2**40)", verdicts=("killed",)),
    Attack(
        "keeps memory in many processes",
        """
        def f():
            for _ in range(8):
                if os.fork() == 0:
                    kept = b"x" * (400 * 2**20)
                    signal.pause()
            signal.pause()
        """,
        deadline=10.0,
        verdicts=("killed",),
    ),
    Attack(
        "keeps memory that it shares",
        """
        import mmap
        def f():
            kept = []
            for _ in range(8):
                if os.fork() == 0:
                    kept.append(mmap.mmap(-1, 400 * 2**20))
                    kept[0].write(b"x" * len(kept[0]))
                    signal.pause()
            signal.pause()
        """,
        deadline=10.0,
        verdicts=("killed",),
    ),
    Attack(
        "keeps memory in files without a name",
        """
        def f():
            kept = [os.memfd_create("kept") for _ in range(30)]
            for each in kept: os.write(each, bytes(2**20))
            return WON
        """,
    ),
    Attack(
        "fills its disk",
        """
        def f():
            alone()
            with open("full", "wb", 0) as file:
                while True: file.write(bytes(2**20))
        """,
        levels=(3, 4),
    ),
    Attack(
        "writes files of any size into its disk",
        """
        def f():
            for number in range(100):
                with open(f"full-{number}", "wb", 0) as file: file.write(bytes(2**20))
            return WON
        """,
    ),
    Attack(
        "makes files without end",
        """
        def f():
            for number in range(5000): open(str(number), "w").close()
            return WON
        """,
        deadline=2.0,
    ),
    Attack(
        "makes folders in folders without end",
        """
        def f():
            for _ in range(3000):
                os.mkdir("d")
                os.chdir("d")
            return 41
        """,
        deadline=2.0,
    ),
    Attack(
        "makes folders that nobody may enter",
        """
        def f():
            os.makedirs("a/b/c")
            os.chmod("a/b", 0)
            os.chmod("a", 0o100)
            os.chmod(".", 0)
            return 41
        """,
    ),
    Attack(
        "fills the memory that processes share",
        """
        def f():
            with open(f"/dev/shm/{told['mark']}", "wb", 0) as file:
                for _ in range(20): file.write(bytes(2**20))
            return WON
        """,
    ),
    Attack(
        "opens descriptors without end",
        "def f():\n kept = []\n while True: kept.append(os.open('/', os.O_RDONLY))",
    ),
    Attack(
        "fills pipes",
        """
        def f():
            kept = [os.pipe2(os.O_NONBLOCK) for _ in range(2000)]
            for _, write in kept:
                with contextlib.suppress(OSError):
                    while True: os.write(write, bytes(2**16))
            return 41
        """,
        deadline=2.0,
    ),
    *(
        Attack(
            f"fills the buffers of sockets: {what}",
            """
            def f():
                before, kept = free(), []
                while True:
                    one, other = pair()
                    kept += one, other
                    for each in one, other:
                        with contextlib.suppress(BlockingIOError):
                            while each.send(bytes(2**16)): pass
                    if before - free() > 4 * 2**20: return WON
            """,
            levels=(3, 4),
            deadline=8.0,
            head=FREE + PAIR.format(make=make),
        )
        for what, make in [
            ("UNIX", "one, other = socket.socketpair()"),
            ("UNIX datagrams", "one, other = socket.socketpair(type=socket.SOCK_DGRAM)"),
        ]
    ),
    Attack(
        "fills the buffers of sockets: netlink",
        """
        def f():
            before, kept = free(), []
            # What it may not ask comes back to it whole.
            asked = struct.pack("=IHHII", 60_016, 16, 1 | 4, 0, 0) + bytes(60_000)
            while True:
                kept.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
                kept[-1].setblocking(False)
                kept[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**30)
                with contextlib.suppress(OSError):
                    for _ in range(150): kept[-1].send(asked)
                if before - free() > 4 * 2**20: return WON
        """,
        levels=(3, 4),
        deadline=20.0,
        head=FREE,
    ),
    *(
        Attack(
            f"takes what all networks have for {name}",
            f"""
            def pages():
                with open("/proc/net/sockstat") as file:
                    return int(file.read().split("{name}: ")[1].split("\\n")[0].split()[-1])
            def f():
                kept = []
                while pages() < told["pages"]:
                    one, other = pair()
                    kept += one, other
                    for each in one, other:
                        with contextlib.suppress(BlockingIOError):
                            for _ in range(200): each.send(bytes(60_000))
                return WON
            """,
            once=True,
            levels=(3, 4),
            deadline=8.0,
            head=PAIR.format(make=make),
        )
        for name, make in [
            ("TCP", "listener = socket.create_server(('127.0.0.1', 0))\n"
             "    one = socket.create_connection(listener.getsockname())\n"
             "    other, _ = listener.accept()\n"
             "    listener.close()"),
            ("UDP", "one, other = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))\n"
             "    for each in one, other: each.bind(('127.0.0.1', 0))\n"
             "    one.connect(other.getsockname())\n"
             "    other.connect(one.getsockname())"),
        ]
    ),
    Attack(
        "sends descriptors to itself without end",
        """
        def f():
            one, other = socket.socketpair()
            one.setblocking(False)
            while True: socket.send_fds(one, [b"x"], [one.fileno(), other.fileno()] * 100)
        """,
        levels=LIMITED_ON_THEIR_WAY,
    ),
    Attack(
        "uses up what the kernel counts for a user",
        """
        def f():
            for make in (lambda: libc.inotify_init(), lambda: libc.timerfd_create(1, 0),
                         lambda: libc.eventfd(0, 0), lambda: libc.epoll_create1(0)):
                for _ in range(1000): make()
            context = ctypes.c_ulong()
            number = 206 if os.uname().machine == "x86_64" else 0
            if libc.syscall(number, 60000, ctypes.byref(context)) == 0: return WON
        """,
        levels=(2, 3, 4),
    ),
]  # fmt: skip

JUDGES = [  # whose work is the same at each level
    Attack("prints without end", "def f():\n while True: os.write(1, bytes(2**16))", deadline=5.0,
           verdicts=("killed",)),
    Attack("prints byte by byte", "def f():\n while True: os.write(2, b'x')"),
    Attack(
        "puts keys into a message that all have the same hash",
        """
        def f():
            long = b",".join([b"1"] * 60)
            keys = [b'{"t":[%s,%d]}' % (long, i * (2**61 - 1)) for i in range(1, 10000)]
            while True: say_raw(b'{"u":[%s]}' % b",".join(keys))
        """,
    ),
    Attack(
        "puts as much into a message as fits",
        """
        def f():
            text = b"[" + b"[]," * (2**20) + b"0]"
            while True: say_raw(b'{"d":[["op","done"],["id",0],["value",%s]]}' % text)
        """,
    ),
    Attack(
        "returns as much as fits",
        "def f(): return [b'x' * 2**20] * 100",
        deadline=5.0,
    ),
    Attack(
        "returns a number of a million digits",
        "def f(): return 10**10**6",
        check="""
        got = await answer.call("f")
        fail("f gives 42", got=f"{got:,}")
        """,
        deadline=5.0,
    ),
    Attack(
        "raises what is as long as fits",
        r"""
        def f():
            text = "\x1b[31m\n" * 2**23
            words = {"kind": text[:99], "kinds": [], "line": 1, "name": text, "message": text,
                     "traceback": text}
            [request] = [frame.f_locals["request"] for frame in sys._current_frames().values()
                         if "request" in frame.f_locals and frame.f_code.co_name == "_answer"]
            say({"op": "raised", "id": 2, **words})
        """,
        deadline=5.0,
    ),
    Attack(
        "describes its errors without end",
        r"""
        text = "\x1b[31m\n" * 2**21
        host._described = lambda error: {"kind": text, "kinds": [text] * 9, "line": 1,
            "name": "x", "message": text, "traceback": text}
        def f(): raise ValueError
        """,
        deadline=5.0,
    ),
    Attack(
        "says that it is in a million places",
        """
        host._where = lambda request: {"op": "done", "value": [
            {"line": 1, "lines": [1, 2], "function": "f", "busy": True}] * 50000}
        def f(): time.sleep(9)
        """,
        head="x = 1\n" * 3000,
        deadline=0.5,
    ),
    *(
        Attack(
            f"calls a stand-in without end: {what}",
            f"""
            def f(sock):
                host.sending = contextlib.nullcontext()
                {start}
                for number in range(10**6):
                    say({{"op": "ask", "ask": {ask}, "standin": 0, "method": "{method}",
                         "args": [{args}], "kwargs": {{}}}})
            """,
            check=frugal('await answer.call("f", ScriptedSocket([b"x" * 99]))'),
            deadline=2.0,
        )
        for what, start, ask, method, args in [
            ("many calls", "pass", "number", "recv", "1"),
            ("all to be answered at once", "host._dispatch = lambda *_: time.sleep(99)", "number",
             "gettimeout", ""),
            ("with a long name", "host._dispatch = lambda *_: time.sleep(99)", "b'x' * 2**26",
             "gettimeout", ""),
            ("with much to send", "pass", "number", "send", "b'x' * 2**26"),
            ("with nothing that it has", "pass", "number", "__init__", "1"),
        ]
    ),
    *(
        Attack(
            f"sends {what} through a stand-in",
            f"def f(sock): sock.send({what})",
            check="""
            sock = ScriptedSocket([])
            await answer.call("f", sock)
            assert_bytes(sock.sent, b"hello", "hello is sent")
            """,
            verdicts=("failed", "crashed"),
        )
        for what in ("'text'", "[1, 2]", "10**11", "None", "{}", "b''", "10**5000")
    ),
    Attack(
        "tells of connections that there are not",
        """
        def handle(connection): pass
        host._handled = lambda call, *_: [say({"op": "outcome", "id": call, "number": number,
            "raised": {"kind": "x", "kinds": [], "line": 1, "name": None, "message": "x" * 2**20,
            "traceback": "x" * 2**20}}) for number in range(1, 10**5)]
        """,
        check=frugal("async with answer.handling() as peer: await peer.connect(); "
                     "await asyncio.sleep(9)"),
        deadline=2.0,
    ),
    *(
        Attack(
            f"connects to a check without end{', through a cable' if link else ''}",
            """
            def f(host, port):
                for _ in range(3): os.fork()
                kept = []
                while True:
                    with contextlib.suppress(OSError): kept.append(socket.create_connection((host, port)))
            """,
            check=FACING.format(link=link),
            levels=(3, 4),
            deadline=5.0,
        )
        for link in ("", ", link=Link()")
    ),
    *(
        Attack(
            f"sends {what} without end{', through a cable' if link else ''}",
            f"def handle(connection):\n while True: connection.sendall({data})",
            check=frugal(READING.format(link=link).strip().replace("\n", "\n    ")),
            deadline=1.5,
        )
        for link in ("", "link=Link()")
        for what, data in (("much", "bytes(2**20)"), ("little", "b'x'"))
    ),
    Attack(
        "sends without end what nobody reads",
        "def handle(connection):\n while True: connection.sendall(bytes(2**20))",
        check=frugal("async with answer.handling(link=Link(delay=0.1)) as peer: "
                     "await peer.connect(); await asyncio.sleep(9)"),
    ),
    Attack(
        "dribbles",
        "def handle(connection):\n while True: connection.sendall(b'x'); time.sleep(0.05)",
        check="""
        async with answer.handling() as peer:
            await (await peer.connect()).recv_until_eof(timeout=0.5)
        """,
        verdicts=("failed",),
    ),
    *(
        Attack(
            f"takes all ports {which}",
            f"""
            alone()
            ready, done = os.pipe()
            kept = []
            for first in range({first}, {last}, 3000):
                if os.fork() == 0:
                    for port in range(first, first + 3000):
                        with contextlib.suppress(OSError):
                            kept.append(socket.socket())
                            kept[-1].bind(("127.0.0.1", port))
                    os.write(done, b"x")
                    while True: signal.pause()
            for first in range({first}, {last}, 3000): os.read(ready, 1)
            """,
            check=check,
            levels=(3, 4),
        )
        for which, first, last, check in (
            ("that a check may give it", 20000, 32000, "async with answer.serving(): pass"),
            ("that the system gives", 32000, 62000, FACING.format(link="")),
            ("that the system gives, so that no cable can be laid", 32000, 62000,
             READING.format(link="link=Link()")),
        )
    ),
]  # fmt: skip

ATTACKS = MACHINE + [replace(attack, once=True) for attack in JUDGES]


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_no_answer_uses_up_what_others_need(attack: Attack, arena: Arena) -> None:
    assert arena.faults(attack) == []


def test_descriptors_on_their_way_do_not_keep_judges_from_sending_theirs(arena: Arena) -> None:
    at_once = 250  # of 253 (unix(7))
    one, other = socket.socketpair()
    with one, other:
        for _ in range(DESCRIPTORS // at_once + 1):
            socket.send_fds(one, [b"x"], [0] * at_once)
        shut_down()
        assert arena.honest() == ""
