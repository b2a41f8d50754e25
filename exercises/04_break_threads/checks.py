"""Checks of the exercise `break_threads`: the learner's clients tell right servers from wrong ones.

The servers are in suspects.py; how they are met is told in labsupport.checking.suspects.
"""

from labsupport.checking import Exercise
from labsupport.checking.suspects import load, tells_apart

exercise = Exercise(
    "break_threads",
    title="break_threads: be the clients that break it",
    lesson="04",
    minutes=45,
    kind="stretch",
    entry="find_fault(host, port) -> str or None",
)

DEADLINE = 25.0  # seconds for three meetings at once, of which each may take fifteen


suspects = load(__file__)


async def judges(answer, faulty, does, other=suspects.by_workers):
    """The faulty server is found out while two right ones are spared."""
    await tells_apart(answer, faulty, does, suspects.by_clients, other)


@exercise.check(
    "catches a server for one client at a time",
    points=1,
    deadline=DEADLINE,
    misconception="silent-peers-leave",
    hints=[
        "How many clients have you connected at once? How many have a place?",
        "While one client is connected and silent, two others have to get their replies.",
        "Open three connections, then send a line on each and read each reply, with a timeout.",
    ],
)
async def catches_one_at_a_time(answer, draw, variant):
    await judges(answer, suspects.one_at_a_time, "serves one client after the other")


@exercise.check(
    "catches a server without places",
    points=2,
    deadline=DEADLINE,
    misconception="a-thread-per-client-is-free",
    hints=[
        "What may a fourth client get while three have a place? And when one of the three leaves?",
        "It may connect: the system accepts it into the backlog. It gets no reply, and you have to "
        "wait for that.",
        "With three clients served, send a line on a fourth connection. A reply within 0.3 s is a "
        "fault; none within 3 s after one of the three has left is one, too.",
    ],
)
async def catches_no_places(answer, draw, variant):
    await judges(answer, suspects.no_places, "serves whoever connects")


@exercise.check(
    "catches a server that loses places",
    points=2,
    deadline=DEADLINE,
    misconception="one-client-one-exception",
    hints=[
        "In which ways can a client leave that has a place?",
        "By a reset: SO_LINGER with time 0, then close. Who gets the place afterwards?",
        "Three times: connect, get a reply, reset. Then a fourth client has to get a reply.",
    ],
)
async def catches_lost_places(answer, draw, variant):
    await judges(answer, suspects.loses_places, "loses the place of who resets its connection")


@exercise.check(
    "catches a server with a timeout for each read",
    points=2,
    deadline=DEADLINE,
    misconception="each-recv-has-a-timeout",
    hints=[
        "How long may a line take from its first byte to its last? Who takes longer?",
        "Send a byte now and then and no line feed. How do you notice that the server has closed?",
        "Send a byte, then wait 0.2 s in recv: b'' or a reset is the end. After 2.5 s without one "
        "it is a fault.",
    ],
)
async def catches_timeout_for_each_read(answer, draw, variant):
    does, late = "gives each recv a second", suspects.by_late_workers
    await judges(answer, suspects.timeout_for_each_read, does, late)


@exercise.check(
    "catches a server that sends with its lock",
    points=2,
    deadline=DEADLINE,
    misconception="send-is-instant",
    hints=[
        "One client reads no reply. Where does the server's thread wait, and who waits for it?",
        "Send line after line and read nothing. Your own send waits too when all buffers are full: "
        "give it a timeout, and ask as another client then.",
        "Send lines of 1,000 bytes until one times out after 0.5 s. Now the server waits in its "
        "sendall, and a second client has to get a reply.",
    ],
)
async def catches_sends_with_the_lock(answer, draw, variant):
    await judges(answer, suspects.sends_with_the_lock, "sends with the lock of the number held")


@exercise.check(
    "catches a server that counts a line twice",
    points=2,
    deadline=DEADLINE,
    misconception="the-gil-makes-it-safe",
    hints=[
        "Between which two moments of one line can the lines of another client come?",
        "Between its first bytes and its line feed. Send half a line, let another client have a "
        "reply, send the rest. Which number has to come?",
        "Send b'one\\ntw', read the reply to one: now the half has been read. Get a reply on "
        "another connection, then send b'o\\n'. No number may come twice.",
    ],
)
async def catches_early_looks(answer, draw, variant):
    await judges(answer, suspects.looks_early, "looks at the number when a line begins")
