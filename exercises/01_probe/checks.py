"""Checks of the exercise `probe`: open, closed or silent, within a deadline.

The peers are real sockets on this machine. A port is closed while a bound socket does not listen;
it is silent while the queue of its listener is full, which is so on Linux only. Every call has the
same deadline, and the order of the targets is drawn: neither tells which result is wanted.

Time is taken only where a busy machine cannot make the verdict unjust: a call is late when it has
not returned after a multiple of its deadline, and early when the checks' own clock, which runs
longer than the call, has not reached the deadline.
"""

import asyncio
import contextlib
import socket
import sys
import time

from labsupport.checking import (
    Exercise,
    Mismatch,
    ScriptedSocket,
    assert_equal,
    assert_that,
    fail,
)

exercise = Exercise(
    "probe",
    title="probe: open, closed or silent",
    lesson="01a",
    minutes=20,
    kind="core",
    entry='probe(host, port, deadline) -> "open", "closed" or "silent"',
)

speaks = Exercise(
    "probe.speaks",
    title="probe.speaks: who speaks first",
    lesson="01a",
    minutes=5,
    kind="core",
    entry='speaks_first(connection, seconds) -> "greets", "ended" or "quiet"',
)

DEADLINE = 1.0  # seconds, of a call
# seconds, where a refusal is to come: Windows tries again for some two seconds
TIME_TO_REFUSE = 5.0 if sys.platform == "win32" else DEADLINE
EARLY = 0.9  # seconds: a call that has returned by then did not wait for its deadline
LATE = 3.0  # seconds: a call that has not returned by then did not keep it
PATIENCE = 7.0  # seconds to wait for a call where its result is judged, not its time
TIMES = 4  # calls in a row where a single one could be luck
GREETING = b"220 ready\r\n"
IPV4, IPV6 = "127.0.0.1", "::1"


def has_ipv6_loopback():
    """Whether this machine has the address ::1."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind((IPV6, 0))
        return True
    return False


def check_where(possible, name, **declared):
    """Declare a check where it is possible; elsewhere it is not there, nor are its points."""
    return exercise.check(name, **declared) if possible else lambda function: function


# ---- targets -------------------------------------------------------------------------------------


class Target:
    """A port to be probed: what it is in words, and the result that is wanted."""

    def __init__(self, answer, sock, what, wanted):
        self.address = sock.getsockname()[:2]
        self.sock = sock
        self.what = what
        self.wanted = wanted
        self.deadline = TIME_TO_REFUSE if wanted == "closed" else DEADLINE
        self.ports = answer.ports
        self.ports.add(self.address[1])
        self.accepted = []

    def visitors(self):
        """Whoever has connected so far, also those that nobody has accepted yet."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.take(*self.sock.accept())
        return self.accepted

    def take(self, client, address):
        """Keep a connection that has come."""
        client.setblocking(False)
        self.ports.add(address[1])
        self.accepted.append(client)

    async def accept(self, greeting):
        """Accept and greet whoever comes, until this is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self.take(*await loop.sock_accept(self.sock))
            with contextlib.suppress(OSError):  # the visitor has gone already
                await loop.sock_sendall(self.accepted[-1], greeting)


@contextlib.contextmanager
def bound(host):
    """A socket bound to a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        sock.bind((host, 0))
        yield sock


@contextlib.contextmanager
def closed(answer):
    """A port that is taken, so that nobody else listens there, and that does not listen."""
    with bound(IPV4) as sock:
        yield Target(answer, sock, "a port without a listener", "closed")


@contextlib.contextmanager
def unaccepted(answer):
    """A listener that accepts nobody before `visitors` is asked for."""
    with bound(IPV4) as sock:
        sock.listen(16)
        target = Target(answer, sock, "a listener that has not accepted yet", "open")
        yield target
        for client in target.accepted:
            client.close()


@contextlib.asynccontextmanager
async def accepting(answer, host=IPV4, greeting=GREETING):
    """A listener that accepts everybody, and greets, or says nothing."""
    with bound(host) as sock:
        sock.listen(16)
        what = "a listener that greets" if greeting else "a listener that says nothing"
        target = Target(answer, sock, what, "open")
        accept = asyncio.create_task(target.accept(greeting))
        try:
            yield target
        finally:
            accept.cancel()
            await asyncio.gather(accept, return_exceptions=True)
            for client in target.accepted:
                client.close()


@contextlib.asynccontextmanager
async def silent(answer):
    """A listener whose queue is full: nobody answers a further connect."""
    with bound(IPV4) as sock, contextlib.ExitStack() as kept:
        sock.listen(0)
        target = Target(answer, sock, "a port that never answers", "silent")
        for _ in range(10):
            client = kept.enter_context(socket.socket())
            client.setblocking(False)
            try:
                async with asyncio.timeout(0.3):
                    await asyncio.get_running_loop().sock_connect(client, target.address)
            except TimeoutError:
                yield target
                return
        raise RuntimeError("ten connections did not fill a queue of one")


def shuffled(draw, targets):
    """The targets in an order that the seed decides."""
    return sorted(targets, key=lambda _: draw.integer(0, 2**30))


# ---- calls ---------------------------------------------------------------------------------------


def did(target):
    """The call, in words."""
    return f"called probe({target.address[0]!r}, port, {target.deadline}) on {target.what}"


async def asked(answer, target, within=PATIENCE, said="the call does not end"):
    """What the answer says about a target; fail when it has not returned `within` seconds."""
    call = asyncio.ensure_future(answer.call("probe", *target.address, target.deadline))
    try:
        done, _ = await asyncio.wait({call}, timeout=within)
        if not done:
            wanted = f"it returns after about {target.deadline} s"
            fail(said, did(target), wanted, f"it has not returned after {within} s")
        return call.result()
    finally:
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


SAID = {
    "open": "a connection that came about means open",
    "closed": "the system refused the connection",
    "silent": "nothing came back before the deadline",
}


async def expect(answer, *targets):
    """Fail unless the answer says of each target what is wanted."""
    for target in targets:
        got = await asked(answer, target)
        assert_equal(got, target.wanted, said=SAID[target.wanted], did=did(target))


def was_visited(target):
    """Fail unless somebody has connected to the target."""
    assert_that(
        target.visitors(),
        said="whoever calls a port open has connected to it",
        did=did(target),
        expected="a connection",
        got="none: nobody came to the listener",
    )


@exercise.check(
    "a quiet listener is open",
    points=2,
    misconception="open-means-talking",
    hints=[
        "When is a TCP connection open: when connect returns, or when data arrives?",
        "Return as soon as the connection has come about. Nobody has to say anything.",
        'with socket.create_connection((host, port), timeout=deadline): return "open"',
    ],
    deadline=15.0,
)
async def quiet_listener_is_open(answer, draw, variant):
    async with accepting(answer) as greets, accepting(answer, greeting=b"") as quiet:
        with unaccepted(answer) as waits:
            for target in shuffled(draw, [greets, quiet, waits]):
                await expect(answer, target)
                was_visited(target)


@exercise.check(
    "a refusal is closed",
    points=1,
    misconception="no-answer-is-closed",
    hints=[
        "Which exception does connect raise when nobody listens on the port?",
        "A refusal is an answer: the system of the other machine sent it.",
        'except ConnectionRefusedError: return "closed"',
    ],
    deadline=15.0,
)
async def refusal_is_closed(answer, draw, variant):
    async with accepting(answer) as greets:
        with closed(answer) as one, closed(answer) as other:
            await expect(answer, *shuffled(draw, [greets, one, other]))


@check_where(
    sys.platform == "linux",
    "no answer is silent",
    points=2,
    misconception="no-answer-is-closed",
    hints=[
        "What arrives here: a refusal, or nothing?",
        "A timeout set before connect ends the wait, with an exception of its own.",
        'except TimeoutError: return "silent"',
    ],
    deadline=20.0,
)
async def no_answer_is_silent(answer, draw, variant):
    async with accepting(answer) as greets, silent(answer) as full:
        await expect(answer, *shuffled(draw, [greets, full]))


@check_where(
    sys.platform == "linux",
    "returns when the deadline has passed",
    points=2,
    misconception="connect-gives-up-soon",
    hints=[
        "How long does connect wait when nobody answers, and who decides that?",
        "The deadline is for the whole call: one try, with a timeout that is set before it.",
        "socket.create_connection((host, port), timeout=deadline), once.",
    ],
    deadline=15.0,
)
async def returns_when_the_deadline_has_passed(answer, draw, variant):
    async with accepting(answer) as greets, silent(answer) as full:
        for target in shuffled(draw, [greets, full]):
            if target is greets:
                await expect(answer, greets)
            else:
                await takes_its_time(answer, full)


async def takes_its_time(answer, target):
    """Fail when the call is early or late."""
    began = time.monotonic()
    said = "the deadline has passed long ago, and the call has not returned"
    result = await asked(answer, target, LATE, said)
    assert_that(
        time.monotonic() - began > EARLY,
        said="the deadline has not passed, and the call has returned",
        did=did(target),
        expected=f"it waits for an answer until {target.deadline} s have passed",
        got=f"it returned {result!r} before",
    )


@check_where(
    has_ipv6_loopback(),
    "reaches IPv6 as well",
    points=1,
    misconception="one-socket-fits-all",
    hints=[
        "Which address family does your socket have, and which one has ::1?",
        "An IPv4 socket cannot connect to an IPv6 address.",
        "socket.create_connection makes a socket of the right family.",
    ],
    deadline=15.0,
)
async def reaches_ipv6(answer, draw, variant):
    async with accepting(answer, IPV6) as greets:
        await expect(answer, greets)
        was_visited(greets)


@exercise.check(
    "comes once and says goodbye",
    points=2,
    misconception="peer-does-not-notice",
    hints=[
        "What does the peer see of your visit: how many connections, which bytes, which end?",
        "Connect once, send nothing, and close the socket in the ordinary way before you return.",
        "A with block around the socket closes it. SO_LINGER with 0 sends a reset.",
    ],
    deadline=15.0,
)
async def comes_once_and_says_goodbye(answer, draw, variant):
    with unaccepted(answer) as listener:
        await asked(answer, listener)
        visitors = listener.visitors()
        assert_that(
            len(visitors) == 1,
            said="one call makes one connection",
            did=did(listener),
            expected="one connection",
            got=f"{len(visitors)} of them" if visitors else "none: nobody came to the listener",
        )
        seen = b""
        try:
            async with asyncio.timeout(3.0):
                while piece := await asyncio.get_running_loop().sock_recv(visitors[0], 1000):
                    seen += piece
        except TimeoutError:
            said, got = "the probe has returned and its connection is still there", "nothing"
        except ConnectionError:
            said, got = "the probe ends its connection with a reset", "an error in recv"
        else:
            said, got = "a probe sends nothing", repr(seen)
            if not seen:
                return
        fail(said, did(listener), "the end of the stream, b'', and nothing before it", got)


@exercise.check(
    "other errors are raised",
    points=1,
    misconception="no-answer-is-closed",
    hints=[
        "What does this error say about the port?",
        "Catch the two exceptions that you can interpret, and no others.",
        "except ConnectionRefusedError and except TimeoutError. No except OSError.",
    ],
    deadline=15.0,
)
async def other_errors_are_raised(answer, draw, variant):
    # TCP cannot connect to a multicast address: every system refuses to try, and sends nothing.
    await answer.raises(("OSError",), "probe", "224.0.0.1", 9, DEADLINE)


@exercise.check(
    "closes what it opened",
    points=2,
    misconception="python-closes-sockets",
    hints=[
        "Which of your sockets are closed when the connection is refused, or nobody answers?",
        "A list or an exception keeps a socket open. Python closes one that nothing refers to, and "
        "says so in a ResourceWarning.",
        "Put the socket into a with block, or close it in a finally.",
    ],
    deadline=20.0,
)
async def closes_what_it_opened(answer, draw, variant):
    async with contextlib.AsyncExitStack() as stack:
        greets = await stack.enter_async_context(accepting(answer))
        idle = stack.enter_context(closed(answer))
        for target in (greets, idle):  # the first calls import what they need
            await asked(answer, target)
        rounds = [(greets, TIMES), (idle, TIMES)]
        if sys.platform == "linux":
            rounds.append((await stack.enter_async_context(silent(answer)), 1))
        for target, times in shuffled(draw, rounds):
            await closes_each_time(answer, target, times)
        was_visited(greets)


async def closes_each_time(answer, target, times):
    """Fail when calls leave descriptors behind, or leave it to Python to close them."""
    left = 0
    for _ in range(times):
        before = answer.descriptors()
        try:
            await asked(answer, target, LATE)
        except Mismatch:
            return  # that a call ends is judged elsewhere
        left += answer.descriptors() > before
    assert_that(
        left <= times / 2,  # not a single one: elsewhere than on Linux the count is less exact
        said="a descriptor is still open when the call has returned",
        did=did(target),
        expected="as many open descriptors as before the call",
        got="more",
    )
    assert_that(
        "ResourceWarning: unclosed" not in answer.output,
        said="the socket was closed by Python, not by probe",
        did=did(target),
        expected="probe closes its socket itself",
        got="a ResourceWarning of Python, shown below",
    )


# ---- the step ------------------------------------------------------------------------------------

PAUSE = 0.1  # seconds before each byte of a server that drips


class Timed(ScriptedSocket):
    """A connection that notes the timeout of each read, and can take its time for each."""

    def __init__(self, pieces, pause=0.0):
        super().__init__(pieces)
        self.pause = pause
        self.limits = []

    def settimeout(self, value):
        if value is not None and float(value) < 0:
            raise ValueError("Timeout value out of range")  # as a real socket says
        super().settimeout(value)

    async def recv(self, bufsize, flags=0):
        self.limits.append(self.timeout)
        await asyncio.sleep(self.pause)
        return super().recv(bufsize, flags)


def shown(limit):
    """The timeout of a read, in words."""
    return "no timeout: it waits for ever" if limit is None else f"a timeout of {limit:.3f} s"


@speaks.check(
    "the wait is limited before it begins",
    points=1,
    misconception="connect-gives-up-soon",
    hints=[
        "How long does recv wait when nothing comes, and who decides that?",
        "settimeout takes what remains of the seconds that the function was given.",
        "connection.settimeout(left), in the line before recv.",
    ],
)
async def wait_is_limited(answer, draw, variant):
    # Two of them, so far apart that no timeout of the answer's own fits both.
    for seconds in draw.integer(100, 190) / 10, draw.integer(400, 800) / 10:
        connection = Timed([GREETING])
        await answer.call("speaks_first", connection, seconds)
        first = connection.limits[0] if connection.limits else None
        assert_that(
            first is not None and seconds / 2 < first <= seconds,
            said="when recv is called, the timeout is what remains of the seconds",
            did=f"called speaks_first(connection, {seconds})",
            expected=f"a timeout of {seconds} s, less what has passed",
            got=shown(first) if connection.limits else "no call of recv",
        )


@speaks.check(
    "a drip does not outlive the seconds",
    points=1,
    misconception="timeout-is-a-deadline",
    hints=[
        "Each byte comes in time. How long do eleven waits take, if each may take all the seconds?",
        "The seconds are for the whole call. Fix the moment at which they end, once.",
        "Before the loop: deadline = time.monotonic() + seconds. In it: left = deadline - "
        "time.monotonic(), and nothing left is quiet.",
    ],
)
async def drip_does_not_outlive_the_seconds(answer, draw, variant):
    seconds = draw.integer(25, 35) / 100
    connection = Timed([GREETING[at : at + 1] for at in range(len(GREETING))], PAUSE)
    did = f"called speaks_first(connection, {seconds}), and sent one byte every {PAUSE} s"
    said = "the seconds are for all waits together"
    result = await answer.call("speaks_first", connection, seconds)
    assert_equal(result, "quiet", said=said, did=did)
    for number, limit in enumerate(connection.limits):
        remaining = seconds - number * PAUSE / 2  # at the most: half of each pause is to spare
        assert_that(
            limit is None or 0 < limit <= remaining,  # that there is one is judged elsewhere
            said=said,
            did=did,
            expected=f"less than the {seconds} s at read {number + 1}, and more than 0",
            got=shown(limit),
        )


@speaks.check(
    "a line, an end and a silence are three things",
    points=1,
    misconception="open-means-talking",
    hints=[
        "What does recv return or raise: when words come, when the server closes, when nothing "
        "comes?",
        "Nothing comes: TimeoutError. The server closes: b''. What is b'' in a condition?",
        'piece = connection.recv(100), and: if not piece: return "ended"',
    ],
)
async def three_things(answer, draw, variant):
    line = draw.word().encode() + b"\r\n"
    silence = TimeoutError("timed out")
    cases = [
        ("greets", [line], "sent a line"),
        ("greets", [line[:2], line[2:]], "sent a line in two pieces"),
        ("ended", [], "closed the connection without a word"),
        ("ended", [line[:2]], "closed the connection inside the line"),
        ("quiet", [silence], "said nothing until the timeout"),
        ("quiet", [line[:2], silence], "fell silent inside the line"),
    ]
    for wanted, pieces, act in shuffled(draw, cases):
        assert_equal(
            await answer.call("speaks_first", Timed(pieces), 20.0),
            wanted,
            said="what comes of the waiting has three names here",
            did=f"called speaks_first(connection, 20.0), and {act}",
        )


@speaks.check(
    "other errors are raised",
    points=1,
    misconception="no-answer-is-closed",
    hints=[
        "What does a reset say about who speaks first?",
        "Which class of exception is the narrowest that still catches the timeout?",
        "except TimeoutError:",
    ],
)
async def step_other_errors_are_raised(answer, draw, variant):
    broken = Timed([ConnectionResetError(104, "Connection reset by peer")])
    await answer.raises("ConnectionResetError", "speaks_first", broken, 20.0)
