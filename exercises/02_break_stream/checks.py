"""Checks of the exercise `break_stream`: the learner's peer tells right servers from wrong ones.

The servers are in suspects.py. They are the course's own programs, so they run beside the checks;
what is judged is only what find_fault says of each. A catch counts when two right servers are
spared beside it: to call everything faulty catches nothing. Each server is met by a fresh process,
in an order that nobody knows, so that only what a server does can tell which one it is.
"""

import secrets
from contextlib import nullcontext

from labsupport.checking import Exercise, Link, assert_that
from labsupport.checking.asserts import apart
from labsupport.checking.suspects import accusing, judging, load, sentence, waiting
from labsupport.serving import serve

exercise = Exercise(
    "break_stream",
    title="break_stream: be the peer that breaks it",
    lesson="02c",
    minutes=40,
    kind="stretch",
    entry="find_fault(host, port) -> str or None",
)


suspects = load(__file__)


async def verdict_on(answer, server, **faults):
    """What find_fault says of one server behind a cable: None, or a sentence."""
    with serve(server, name="suspect") as suspect, Link(to=suspect, **faults) as cable, judging():
        return sentence(await answer.call("find_fault", cable.host, cable.port))


async def catches(answer, server, does):
    """Fail unless the faulty server is found out."""
    with waiting():
        assert_that(
            await verdict_on(answer, server) is not None,
            said="the faulty server has to be found out",
            did=f"ran find_fault against a server that {does}",
            expected="a sentence that says what is wrong",
            got="None: no fault was found",
        )


async def spares(answer, server, **faults):
    """Fail unless the right server is spared."""
    with waiting():
        said = await verdict_on(answer, server, **faults)
        pieces = ", whose replies came byte by byte" if faults else ""
        with nullcontext() if faults else accusing():
            assert_that(
                said is None,
                said="a server that keeps to the protocol has no fault",
                did=f"ran find_fault against a right server{pieces}",
                expected="None",
                got=repr(said),
            )


async def tells_apart(answer, faulty, does):
    """The faulty server is found out and right ones are spared."""
    await meets(answer, lambda: catches(answer, faulty, does))


async def meets(answer, *meetings):
    """These meetings and right servers that are spared, each with a fresh process.

    The order is the system's and not drawn from the seed: a program that judges by what a server
    does says the same in every order, and no other can learn it.
    """
    meetings = [
        lambda: spares(answer, suspects.buffered),
        lambda: spares(answer, suspects.by_file),
        *meetings,
    ]
    secrets.SystemRandom().shuffle(meetings)
    for number, meeting in enumerate(meetings):
        if number:
            await answer.restart()
        await meeting()


@exercise.check(
    "spares right servers",
    points=3,
    deadline=40.0,
    misconception="recv-fills-the-buffer",
    hints=[
        "Which promise does your probe expect that the protocol does not make?",
        "A right server may send its reply in as many pieces as it likes.",
        "Read until the line feed of the reply, however many reads that takes.",
    ],
)
async def spares_right_servers(answer, draw, variant):
    async def repeats():
        with apart("This one shouts nothing: send letters, and compare the reply with capitals."):
            await catches(answer, suspects.repeats, "sends each line back as it came")

    async def byte_by_byte():
        await spares(answer, suspects.buffered, to_client={"cut": 1})

    await meets(answer, repeats, byte_by_byte)


@exercise.check(
    "catches a server that answers half a line",
    points=2,
    deadline=30.0,
    misconception="recv-is-a-message",
    hints=[
        "A line can arrive in two reads. How do you make sure that it does?",
        "Send the second half after the server has read the first. What tells you that it has?",
        "Send a whole line and half of the next together. When the reply to the first has come, "
        "the half has most likely been read. Then send the rest.",
    ],
)
async def catches_half_a_line(answer, draw, variant):
    does = "takes the unfinished end of a read for a line"
    await tells_apart(answer, suspects.reads_are_lines, does)


@exercise.check(
    "catches a server that decodes each read",
    points=2,
    deadline=30.0,
    misconception="chunk-is-text",
    hints=[
        "Where do you have to cut a text so that neither half can be decoded?",
        "Between the two bytes of ë, for example. The first half has to be read by itself.",
        r"Send b'one\nZo\xc3', read the reply to one, then send b'\xab\n'.",
    ],
)
async def catches_decoding_reads(answer, draw, variant):
    does = "decodes what each recv returns"
    await tells_apart(answer, suspects.decodes_reads, does)


@exercise.check(
    "catches a server that drops lines",
    points=2,
    deadline=30.0,
    misconception="one-request-per-connection",
    hints=[
        "How many lines can one send carry? How many replies have to come?",
        "Send three lines at once and read three replies, with a timeout on each read.",
    ],
)
async def catches_dropped_lines(answer, draw, variant):
    does = "answers one line of each read"
    await tells_apart(answer, suspects.first_line_only, does)


@exercise.check(
    "catches a server that mixes its clients",
    points=2,
    deadline=30.0,
    misconception="one-buffer-is-enough",
    hints=[
        "What does a client leave behind that goes away in the middle of a line?",
        "Leave half a line on one connection, close it, and send a line on the next.",
    ],
)
async def catches_mixed_clients(answer, draw, variant):
    does = "keeps one buffer for all connections"
    await tells_apart(answer, suspects.one_buffer, does)


@exercise.check(
    "catches a server that dies by a reset",
    points=2,
    deadline=30.0,
    misconception="eof-is-the-only-end",
    hints=[
        "In what other way than by a close can a client leave?",
        "SO_LINGER with time 0 makes close send a reset. Who is still there afterwards?",
        'Set SO_LINGER to struct.pack("ii", 1, 0), close, and try a new connection.',
    ],
)
async def catches_death_by_reset(answer, draw, variant):
    does = "ends when a client resets its connection"
    await tells_apart(answer, suspects.dies_by_reset, does)


@exercise.check(
    "catches a server with capitals for A to Z only",
    points=1,
    deadline=30.0,
    misconception="ascii-is-enough",
    hints=[
        "Which letters has your probe tried?",
        "The protocol says UTF-8. The capital of ë is Ë.",
    ],
)
async def catches_ascii_capitals(answer, draw, variant):
    does = "writes capitals for A to Z only"
    await tells_apart(answer, suspects.ascii_capitals, does)
