"""Answers that want to end or hold up what judges them, and answers that do not end themselves."""

from __future__ import annotations

import pytest

from tests.hostile.arena import Arena
from tests.hostile.attack import Attack

ATTACKS = [
    *(
        Attack(
            f"sends {name} to whoever is around it",
            f"""
            def f():
                for pid in family():
                    with contextlib.suppress(OSError): os.kill(pid, signal.{name})
            """,
            levels=levels,
        )
        for name, levels in {
            "SIGKILL": (1, 2, 3, 4),
            "SIGSTOP": (2, 3, 4),  # at level 1 it takes half a minute to give up
            "SIGINT": (1, 2, 3, 4),
            "SIGSEGV": (2, 3, 4),
        }.items()
    ),
    Attack(
        "sends every signal to pid 1",
        """
        alone()
        def f():
            for number in sorted(signal.valid_signals()):
                with contextlib.suppress(OSError): os.kill(1, number)
                with contextlib.suppress(OSError): signal.pidfd_send_signal(os.pidfd_open(1), number)
            time.sleep(0.1)
            return 41
        """,
        levels=(3, 4),
        verdicts=("failed",),
    ),
    Attack(
        "kills whatever can be killed",
        """
        alone()
        def f():
            if os.fork() == 0: time.sleep(9)
            os.kill(-1, signal.SIGKILL)
        """,
        levels=(3, 4),
    ),
    Attack(
        "takes from its keeper what it needs",
        """
        alone()
        def f():
            for number in range(16):
                with contextlib.suppress(OSError, ValueError): resource.prlimit(1, number, (0, 0))
            with contextlib.suppress(OSError): os.setpriority(os.PRIO_PROCESS, 1, 19)
            with contextlib.suppress(OSError): os.sched_setscheduler(1, 5, os.sched_param(0))
            os._exit(7)
        """,
        levels=(3, 4),
    ),
    Attack(
        "hangs up in the middle of many calls, and lives on",
        """
        sys.modules["_host.host"]._end = lambda: time.sleep(99)
        def f(sock):
            for number in range(200):
                say({"op": "ask", "ask": number, "standin": 0, "method": "gettimeout", "args": [],
                     "kwargs": {}})
            host.channel.shutdown(socket.SHUT_RDWR)
            time.sleep(99)
        """,
        check='await answer.call("f", ScriptedSocket([]))',
        deadline=2.0,
    ),
    Attack("is killed", "def f(): os.kill(os.getpid(), signal.SIGKILL)", verdicts=("killed",)),
    Attack(
        "stops itself", "def f(): os.kill(os.getpid(), signal.SIGSTOP); time.sleep(9)", deadline=0.5
    ),
    Attack("crashes the interpreter", "def f(): ctypes.string_at(0)", verdicts=("crashed",)),
    Attack("crashes it while it is loaded", "ctypes.string_at(0)", verdicts=("crashed",)),
    Attack("aborts", "def f(): os.abort()", verdicts=("crashed",)),
    Attack(
        "crashes in a way that no handler sees",
        "def f(): signal.signal(signal.SIGSEGV, signal.SIG_IGN); ctypes.string_at(0)",
        verdicts=("crashed",),
    ),
    Attack(
        "recurses without end",
        """
        sys.setrecursionlimit(10**9)
        def f(): return f()
        """,
        once=True,
        deadline=2.0,
    ),
    Attack("becomes another program", "def f(): os.execv('/bin/sleep', ['sleep', '9'])"),
    Attack(
        "becomes another program that keeps the channel",
        """
        def f():
            os.set_inheritable(3, True)
            os.execv("/bin/sleep", ["sleep", "9"])
        """,
        deadline=0.5,
    ),
    Attack("closes all that it was given", "def f(): os.closerange(0, 9); time.sleep(9)"),
    Attack(
        "closes half of the channel",
        "def f(): host.channel.shutdown(socket.SHUT_WR); time.sleep(9)",
    ),
    Attack(
        "is deaf on the channel",
        "def f(): host.channel.shutdown(socket.SHUT_RD); time.sleep(9)",
        deadline=0.5,
    ),
    Attack(
        "does not read what it is sent",
        """
        host._read = lambda source: None
        for each in threading.enumerate():
            if each.name == "host-reader": ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(each.ident), ctypes.py_object(SystemExit))
        """,
        check="""
        for _ in range(3): await answer.call("f", bytes(2**22))
        """,
        deadline=1.0,
    ),
    Attack(
        "goes on in a child when its process has ended",
        """
        def f():
            if os.fork() == 0:
                own_session()
                for number in signal.valid_signals() - {9, 19}:
                    with contextlib.suppress(OSError): signal.signal(number, signal.SIG_IGN)
                while True: time.sleep(1)
            os._exit(0)
        """,
    ),
    Attack(
        "becomes a daemon",
        """
        def f():
            if os.fork() == 0:
                own_session()
                if os.fork(): os._exit(0)
                os.chdir("/")
                os.closerange(0, 99)
                while True: time.sleep(1)
            return 41
        """,
    ),
    Attack(
        "is never the same process for long",
        """
        def f():
            if os.fork() == 0:
                until = time.monotonic() + 20
                while time.monotonic() < until:
                    if os.fork(): os._exit(0)
                    own_session()
            return 41
        """,
        deadline=3.0,
    ),
    Attack(
        "leaves zombies",
        """
        def f():
            for _ in range(150):
                if os.fork() == 0: os._exit(0)
            return 41
        """,
        deadline=4.0,
    ),
    Attack("waits for ever", "def f(): time.sleep(10**6)", deadline=0.5, verdicts=("timed out",)),
    Attack(
        "goes round for ever", "def f():\n while True: pass", deadline=0.5, verdicts=("timed out",)
    ),
    Attack(
        "ignores what could end it",
        """
        for number in signal.valid_signals() - {9, 19}:
            with contextlib.suppress(OSError): signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        def f():
            while True: pass
        """,
        deadline=0.5,
        verdicts=("timed out",),
    ),
    Attack(
        "catches everything and goes on",
        """
        def f():
            while True:
                try: sys.exit()
                except BaseException: continue
        """,
        deadline=0.5,
        verdicts=("timed out",),
    ),
    Attack(
        "computes without a pause for other threads",
        "def f(): return 10**10**8",
        deadline=0.5,
    ),
    Attack(
        "matches without a pause for other threads",
        "def f(): re.match('(a+)+$', 'a' * 64 + 'b')",
        deadline=0.5,
    ),
    Attack(
        "holds the interpreter's lock",
        "def f(): ctypes.PyDLL(None).sleep(9)",
        deadline=0.5,
        verdicts=("timed out",),
    ),
    Attack("does not come to its end while it is loaded", "while True: pass", once=True),
    Attack("waits for input", "def f(): return sys.stdin.read() or 41", verdicts=("failed",)),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_no_answer_ends_or_holds_up_its_judge(attack: Attack, arena: Arena) -> None:
    assert arena.faults(attack) == []
