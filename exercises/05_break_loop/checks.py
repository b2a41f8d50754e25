"""Checks of the exercise `break_loop`: the learner's clients tell right loops from wrong.

The servers are in suspects.py; how they are met is told in labsupport.checking.suspects.
"""

from labsupport.checking import Exercise
from labsupport.checking.suspects import load, tells_apart

exercise = Exercise(
    "break_loop",
    title="break_loop: be the clients that break the loop",
    lesson="05a",
    minutes=40,
    kind="stretch",
    entry="find_fault(host, port) -> str or None",
)

DEADLINE = 25.0  # seconds for three meetings at once, of which each may take fifteen

suspects = load(__file__)


async def judges(answer, faulty, does):
    """The faulty loop is found out while two right ones are spared."""
    await tells_apart(answer, faulty, does, suspects.by_readiness, suspects.by_lists)


@exercise.check(
    "catches a loop that waits for a new client",
    points=1,
    deadline=DEADLINE,
    misconception="one-thread-one-client",
    hints=[
        "How many clients have you connected? What has each of them sent so far?",
        "A client that connects and is silent holds up nobody. Who is behind it?",
        "Connect one client and send nothing. A second one has to get its echo within 2 s.",
    ],
)
async def catches_a_wait_for_a_new_client(answer, draw, variant):
    does = "waits for a new client's first bytes"
    await judges(answer, suspects.waits_for_the_first_bytes, does)


@exercise.check(
    "catches a loop that a reset ends",
    points=1,
    deadline=DEADLINE,
    misconception="one-client-one-exception",
    hints=[
        "In which ways can a client leave?",
        "By a reset: SO_LINGER with time 0, then close. Who is served afterwards?",
        "Connect two clients, reset one of them, and let the other one ask for an echo.",
    ],
)
async def catches_the_end_by_a_reset(answer, draw, variant):
    await judges(answer, suspects.ends_with_a_reset, "ends when a client resets its connection")


@exercise.check(
    "catches a loop that waits for room",
    points=2,
    deadline=DEADLINE,
    misconception="a-callback-may-wait",
    hints=[
        "One client reads nothing. Who else wants an echo in the meantime?",
        "Send and read nothing until your own send waits: give it a timeout. Now every buffer on "
        "the way is full.",
        "When the first client's send has timed out after 0.5 s, a second one has to get its echo.",
    ],
)
async def catches_a_wait_for_room(answer, draw, variant):
    does = "waits in a client's turn until there is room for its output"
    await judges(answer, suspects.waits_for_room, does)


@exercise.check(
    "catches a loop without a bound",
    points=2,
    deadline=DEADLINE,
    misconception="the-queue-absorbs-it",
    hints=[
        "How much can you send to a right server without reading? And to this one?",
        "Its pending output is bounded, and the system's buffers are. So your send has to wait.",
        "Count what your sends took: 24 MiB, and none had to wait? That is a fault.",
    ],
)
async def catches_no_bound(answer, draw, variant):
    await judges(answer, suspects.has_no_bound, "reads on, however much is pending")


@exercise.check(
    "catches a loop that forgets at the end",
    points=2,
    deadline=DEADLINE,
    misconception="eof-means-done",
    hints=[
        "Who ends its direction while output is pending for it?",
        "Fill the buffers, end your direction, and read only then.",
        "Send until a send waits, shutdown(SHUT_WR), then read to the end: as many bytes have to "
        "come back as your sends took.",
    ],
)
async def catches_forgetting_at_the_end(answer, draw, variant):
    does = "closes a client at its end, whatever is pending"
    await judges(answer, suspects.forgets_at_the_end, does)


@exercise.check(
    "catches a loop in which bytes overtake",
    points=2,
    deadline=DEADLINE,
    misconception="ready-means-all-of-it",
    hints=[
        "You count what comes back. Are they the bytes that you sent, in the same order?",
        "Bytes that are all alike show no order. Number them: each four bytes one number.",
        "Fill the buffers with numbers, then read everything and compare it with what was taken.",
    ],
)
async def catches_overtaking(answer, draw, variant):
    does = "sends new bytes before those that are pending"
    await judges(answer, suspects.overtakes, does)
