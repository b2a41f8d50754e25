"""Checks of the exercise `break_datagrams`: the learner's client tells right meters from wrong.

The meters are in suspects.py. They are the course's own programs, so they run beside the checks;
what is judged is only what find_fault says of each. A catch counts when two right meters are spared
beside it, and to spare counts when a wrong one is caught: to call everything faulty, or nothing,
earns nothing. Each meter is met by a fresh process, in an order that nobody knows, so that only
what a meter does can tell which one it is.
"""

import asyncio
import secrets
from contextlib import ExitStack, nullcontext

from labsupport.checking import Exercise, Link, Mismatch, assert_that
from labsupport.checking.asserts import apart, patience
from labsupport.checking.suspects import judging, load, sentence, waiting
from labsupport.serving import serve

exercise = Exercise(
    "break_datagrams",
    title="break_datagrams: be the client that breaks it",
    lesson="03",
    minutes=45,
    kind="stretch",
    entry="find_fault(host, port) -> str or None",
)

RUN = 20.0  # seconds for one run of find_fault; a check's deadline has room for all that may last

# For each client of the cable, by number: at most two tries in a row stay without a reply. Three
# of a client's first five are lost, so that ten clients cost who waits 0.5 s for each 15 s.
LOSSES = {"to_server": {"lose": (0, 3)}, "to_client": {"lose": (1,)}}
LATER = {"to_server": {"lose": (3, 6, 11, 17)}, "to_client": {"delay": 0.2}}

ACCUSED = (
    "A right meter was accused. Compare what you expect with the example: a copy gets its first "
    "reply again, and a second socket is a client of its own, from 0."
)

suspects = load(__file__)


class Exchange:
    """What passed the cable between find_fault and a meter, for the feedback."""

    def __init__(self, trace):
        self.trace = trace

    def ladder(self):
        return self.trace.ladder_text(client="your answer", server="the meter")


async def verdict_on(answer, meter, did, **faults):
    """What find_fault says of a meter, behind a cable if there are faults: None, or a sentence."""
    answer.exchanges.clear()  # those of meetings before
    with ExitStack() as stack:
        suspect = stack.enter_context(serve(meter, name="suspect", transport="udp"))
        if faults:
            suspect = stack.enter_context(Link(to=suspect, transport="udp", **faults))
            answer.exchanges.append(Exchange(suspect.trace))
        try:
            async with asyncio.timeout(RUN * patience.get()):
                with judging():
                    said = await answer.call("find_fault", suspect.host, suspect.port)
        except TimeoutError:
            raise Mismatch(
                f"one run of `find_fault` took over {RUN:g} s",
                did=did,
                expected=f"None or a sentence within {RUN:g} s",
                got="find_fault runs on",
                waited=True,
            ) from None
    return sentence(said, did)


async def catches(answer, meter, does, **faults):
    """Fail unless the faulty meter is found out."""
    with waiting():
        did = f"ran find_fault against a meter that {does}"
        assert_that(
            await verdict_on(answer, meter, did, **faults) is not None,
            said="the faulty meter has to be found out",
            did=did,
            expected="a sentence that says what is wrong",
            got="None: no fault was found",
        )


async def spares(answer, meter, where="", **faults):
    """Fail unless the right meter is spared."""
    with waiting():
        did = f"ran find_fault against a right meter{where}"
        said = await verdict_on(answer, meter, did, **faults)
        with nullcontext() if where else apart(ACCUSED):
            assert_that(
                said is None,
                said="a meter that keeps to the protocol has no fault",
                did=did,
                expected="None",
                got=repr(said),
            )


async def tells_apart(answer, faulty, does, *more):
    """The faulty meter is found out and right ones are spared, each by a fresh process.

    more: further meetings. The order is the system's and not drawn from the seed: a program that
    judges by what a meter does says the same in every order, and no other can learn it.
    """
    meetings = [
        lambda: catches(answer, faulty, does),
        lambda: spares(answer, suspects.plain),
        lambda: spares(answer, suspects.by_list),
        *more,
    ]
    secrets.SystemRandom().shuffle(meetings)
    for number, meeting in enumerate(meetings):
        if number:
            await answer.restart()
        await meeting()


async def tells_apart_in_spite_of(answer, *more):
    """Right meters in a difficult place are spared, and a meter with a plain fault is not."""
    does = "replies the size of the request in the place of the total"
    await tells_apart(answer, suspects.tells_the_size, does, *more)


@exercise.check(
    "tells a right meter from one that begins at 1",
    points=1,
    deadline=40.0,
    hints=[
        "Work out by hand what a right meter replies to each of your requests. Do you expect that?",
        "A total counts the payloads of one client, without the ids, from 0. One socket is one "
        "client: a second one has another port.",
        "Ask (id 1, 10 bytes) on a new socket: the reply says 10. Compare whole totals, and not "
        "only how they grow.",
    ],
)
async def tells_one_that_begins_at_one(answer, draw, variant):
    await tells_apart(answer, suspects.begins_at_one, "counts each client's bytes from 1")


@exercise.check(
    "spares a meter behind a cable that loses",
    points=2,
    deadline=60.0,
    misconception="udp-arrives",
    hints=[
        "No reply came. Is the meter at fault, or the cable?",
        "Send the same request again, with the same id: a right meter does not count it twice.",
        "Wait 0.5 s for a reply, and give a request five tries before you call it unanswered.",
    ],
)
async def spares_behind_a_cable_that_loses(answer, draw, variant):
    async def lossy():
        where = ", whose cable lost a request or a reply now and then"
        await spares(answer, suspects.plain, where, **LOSSES)

    async def lossy_later():
        where = ", whose cable lost no request at first, and one now and then later"
        await spares(answer, suspects.plain, where, **LATER)

    await tells_apart_in_spite_of(answer, lossy, lossy_later)


@exercise.check(
    "spares a meter whose replies come twice",
    points=2,
    deadline=40.0,
    misconception="reply-is-mine",
    hints=[
        "The second copy of a reply is still there when you ask the next question.",
        "A reply begins with the id of its request. What has another id is not yours.",
        "Read on until the id is right, within the time of this try.",
    ],
)
async def spares_replies_that_come_twice(answer, draw, variant):
    async def doubled():
        where = ", whose replies came twice"
        await spares(answer, suspects.by_list, where, to_client={"duplicate": 1.0})

    await tells_apart_in_spite_of(answer, doubled)


@exercise.check(
    "spares a meter beside a forger",
    points=1,
    deadline=40.0,
    misconception="anyone-can-answer",
    hints=[
        "Who sent the datagram that you took for a reply?",
        "recvfrom tells the source. What comes from elsewhere than (host, port) proves nothing.",
        "Connect the UDP socket: then the system hands you datagrams of that address only.",
    ],
)
async def spares_beside_a_forger(answer, draw, variant):
    async def forged():
        where = ", while somebody else sent wrong replies from another port"
        await spares(answer, suspects.beside_a_forger, where)

    await tells_apart_in_spite_of(answer, forged)


@exercise.check(
    "catches a meter that counts copies",
    points=2,
    deadline=50.0,
    misconception="retry-is-harmless",
    hints=[
        "What does a meter have to remember so that a second try does no harm?",
        "Send one request with a payload twice, with the same id. What you read then may be the "
        "first reply once more: which later request shows what was counted?",
        "Ask (id 1, 10 bytes), then the same again: both replies say 10. The first may come "
        "twice, so ask (id 2, 1 byte) too: 11.",
    ],
)
async def catches_counted_copies(answer, draw, variant):
    await tells_apart(answer, suspects.counts_copies, "counts a copy again")
    await answer.restart()
    does = "counts a copy again, and whose replies came twice"
    await catches(answer, suspects.counts_copies, does, to_client={"duplicate": 1.0})


@exercise.check(
    "catches a meter with a small buffer",
    points=1,
    deadline=40.0,
    misconception="recv-fits-any-datagram",
    hints=[
        "How large were your payloads? How large may they be?",
        "What does not fit into the meter's read is lost, and not counted.",
        "Send the largest payload that the protocol allows: 1000 bytes.",
    ],
)
async def catches_a_small_buffer(answer, draw, variant):
    await tells_apart(answer, suspects.small_buffer, "reads 512 bytes of a datagram")


@exercise.check(
    "catches a meter that mixes its clients",
    points=1,
    deadline=40.0,
    hints=[
        "How many clients does your program have? What makes one a client of its own?",
        "Two sockets are two clients, and they may use the same ids.",
        "Ask with id 1 on one socket, then with id 1 and another size on a second socket.",
    ],
)
async def catches_mixed_clients(answer, draw, variant):
    await tells_apart(answer, suspects.one_memory, "knows a copy by its id, whoever sent it")


@exercise.check(
    "catches a meter that trusts the order",
    points=2,
    deadline=40.0,
    misconception="udp-in-order",
    hints=[
        "In which order do your ids come? In which order may they?",
        "A request that was overtaken has a smaller id than one before it, and is no copy.",
        "Ask with id 5, then with id 3: both count.",
    ],
)
async def catches_trust_in_order(answer, draw, variant):
    await tells_apart(answer, suspects.trusts_order, "takes an overtaken request for a copy")


@exercise.check(
    "catches a meter that does not wrap",
    points=1,
    deadline=40.0,
    misconception="sequence-never-wraps",
    hints=[
        "Which number comes after the largest id?",
        "An id has two bytes: 65535 is the last one, and 0 follows it.",
        "Ask with id 65535, then with id 0: both count.",
    ],
)
async def catches_ids_that_do_not_wrap(answer, draw, variant):
    await tells_apart(answer, suspects.never_wraps, "takes 0 after 65535 for an old id")


@exercise.check(
    "catches a meter that falls silent",
    points=1,
    deadline=40.0,
    misconception="retry-for-ever",
    hints=[
        "What if a meter never answers again? And how small may a payload be?",
        "An empty datagram, or an empty payload, is no end: UDP has none. This meter takes it for "
        "one.",
        "Send a request without a payload. After five tries without a reply the meter is at fault.",
    ],
)
async def catches_silence(answer, draw, variant):
    await tells_apart(answer, suspects.falls_silent, "answers nobody after an empty request")
