"""Checks of the exercise `probe`: open, closed or silent, within a deadline.

The peers are real sockets on this machine. A port is closed while a bound socket does not listen;
it is silent while the queue of its listener is full, which is so on Linux only. No check measures
how long a call takes: a call is late when it has not returned while the peer is silent still, after
a multiple of its deadline.
"""

import asyncio
import contextlib
import socket
import sys

from labsupport.checking import Exercise, Mismatch, assert_equal, assert_that, fail

exercise = Exercise(
    "probe",
    title="probe: open, closed or silent",
    lesson="01a",
    minutes=20,
    kind="stretch",
    entry='probe(host, port, deadline) -> "open", "closed" or "silent"',
)

PATIENT = 4.0  # seconds: a deadline that a busy machine does not reach by accident
SHORT = 0.3  # seconds: the deadline where nothing will come
ALLOWED = 3.0  # seconds after which a call with the short deadline is late for certain
TIMES = 20  # probes in a row: a descriptor that each leaves open is seen


def ipv6_loopback():
    """Whether this machine has the address ::1."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        return True
    return False


def check_where(possible, name, **declared):
    """Declare a check where it is possible; elsewhere it is not there, nor are its points."""
    return exercise.check(name, **declared) if possible else lambda function: function


@contextlib.contextmanager
def bound(answer, host="127.0.0.1", backlog=None):
    """A socket bound to a free port; it listens if a backlog is given, and never accepts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.bind((host, 0))
        if backlog is not None:
            sock.listen(backlog)
        answer.ports.add(sock.getsockname()[1])
        yield sock


@contextlib.asynccontextmanager
async def greeting_on(answer, host):
    """The address of a listener that greets the first who connects."""

    async def greet(listener):
        loop = asyncio.get_running_loop()
        client, _ = await loop.sock_accept(listener)
        with client:
            await loop.sock_sendall(client, b"220 ready\r\n")
            await loop.create_future()  # until it is cancelled: the client stays open

    with bound(answer, host, backlog=5) as listener:
        listener.setblocking(False)
        greeting = asyncio.create_task(greet(listener))
        try:
            yield listener.getsockname()[:2]
        finally:
            greeting.cancel()
            await asyncio.gather(greeting, return_exceptions=True)


@contextlib.asynccontextmanager
async def silent(answer):
    """The address of a listener whose queue is full: nobody answers a further connect."""
    with bound(answer, backlog=0) as listener, contextlib.ExitStack() as kept:
        address = listener.getsockname()
        for _ in range(10):
            client = kept.enter_context(socket.socket())
            client.setblocking(False)
            try:
                async with asyncio.timeout(0.3):
                    await asyncio.get_running_loop().sock_connect(client, address)
            except TimeoutError:
                yield address
                return
        raise RuntimeError("ten connections did not fill a queue of one")


async def probed(answer, address, deadline, within, said):
    """What the answer says; fail when it has not returned `within` seconds."""
    call = asyncio.ensure_future(answer.call("probe", *address, deadline))
    did = f"called probe({address[0]!r}, port, {deadline}) on a port that never answers"
    try:
        done, _ = await asyncio.wait({call}, timeout=within)
        if not done:
            fail(said, did, f"it returns after about {deadline} s", f"not after {within} s either")
        return call.result()
    finally:
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


def is_a_verdict(result, did):
    """Fail unless this is one of the three words, whichever."""
    assert_that(
        result in ("open", "closed", "silent"),
        said="probe returns one of three words",
        expected="'open', 'closed' or 'silent'",
        got=repr(result),
        did=did,
    )


async def expect(answer, address, wanted, deadline, said, peer):
    """Fail unless the answer says `wanted` about this address."""
    assert_equal(
        await answer.call("probe", *address, deadline),
        wanted,
        said=said,
        did=f"called probe({address[0]!r}, port, {deadline}) on {peer}",
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
async def listener_is_open(answer, draw, variant):
    async def greeter(conn, number):
        await conn.send(b"220 ready\r\n")
        await conn.hold()

    async def quiet(conn, number):
        await conn.hold()

    said = "a connection that came about means open"
    async with answer.facing(greeter) as address:
        await expect(answer, address, "open", 2.0, said, "a listener that greets")
    async with answer.facing(quiet) as address:
        await expect(answer, address, "open", 2.0, said, "a listener that says nothing")
    with bound(answer, backlog=5) as listener:
        address = listener.getsockname()
        await expect(answer, address, "open", 2.0, said, "a listener that has not accepted yet")


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
    with bound(answer) as idle:
        said = "the system refused the connection"
        await expect(
            answer, idle.getsockname(), "closed", PATIENT, said, "a port without a listener"
        )


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
    deadline=15.0,
)
async def no_answer_is_silent(answer, draw, variant):
    async with silent(answer) as address:
        assert_equal(
            await probed(answer, address, SHORT, 7.0, "the call does not end"),
            "silent",
            said="nothing came back before the deadline",
            did=f"called probe({address[0]!r}, port, {SHORT}) on a port that never answers",
        )


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
    async with silent(answer) as address:
        said = "the deadline has passed long ago, and the call has not returned"
        result = await probed(answer, address, SHORT, ALLOWED, said)
        is_a_verdict(result, did="called probe on a port that never answers")


@check_where(
    ipv6_loopback(),
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
    async with greeting_on(answer, "::1") as address:
        said = "::1 is an address too"
        await expect(answer, address, "open", 2.0, said, "a listener on IPv6 loopback")


@exercise.check(
    "says goodbye politely",
    points=1,
    misconception="peer-does-not-notice",
    hints=[
        "What does the peer's recv see of your visit?",
        "Send nothing, and close the socket before you return, in the ordinary way.",
        "A with block around the socket closes it. SO_LINGER with 0 sends a reset.",
    ],
    deadline=15.0,
)
async def says_goodbye_politely(answer, draw, variant):
    seen = asyncio.get_running_loop().create_future()

    async def listener(conn, number):
        try:
            data = await conn.recv_until_eof(said="the probe does not end as it should")
            assert_that(
                data == b"",
                said="a probe sends nothing",
                expected="the end of the stream",
                got=repr(data),
            )
        except Mismatch as mismatch:
            if not seen.done():
                seen.set_exception(mismatch)
        else:
            if not seen.done():
                seen.set_result(number)

    async with answer.facing(listener) as address:
        await answer.call("probe", *address, 1.0)
        try:
            async with asyncio.timeout(5.0):
                await seen
        except TimeoutError:
            fail("no connection came", "listened, and called probe", "a connection", "none")


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
    await answer.raises(("OSError",), "probe", "224.0.0.1", 9, PATIENT)


@exercise.check(
    "leaves no descriptor open",
    points=1,
    misconception="python-closes-sockets",
    hints=[
        "Which of your sockets are closed when the connection is refused?",
        "Whatever still refers to a socket keeps it open: a list, or an exception that you keep.",
        "Put the socket into a with block, or close it in a finally.",
    ],
    deadline=20.0,
)
async def leaves_no_descriptor_open(answer, draw, variant):
    async def greeter(conn, number):
        await conn.send(b"220 ready\r\n")
        await conn.hold()

    async with answer.facing(greeter) as listening:
        with bound(answer) as idle:
            refusing = idle.getsockname()
            for address in (listening, refusing):  # the first calls import what they need
                await answer.call("probe", *address, PATIENT)
            before = answer.descriptors()
            for address in (listening, refusing):
                for _ in range(TIMES):
                    result = await answer.call("probe", *address, PATIENT)
                    is_a_verdict(result, did="called probe")
            after = answer.descriptors()
    assert_that(
        after - before < TIMES / 2,
        said="descriptors stay open after the calls",
        did=f"called probe {TIMES} times on an open and {TIMES} times on a closed port",
        expected="as many open descriptors as before",
        got=f"{after - before} more",
    )
