"""Checks of the exercise `break_client`: the learner's servers tell right HTTP clients from wrong.

The clients are in suspects.py. The answer has one of them run, and learns what that one reports, by
calling a stand-in; so what a client does, it does outside of the answer's process, to whatever
server the answer has started. All clients of a check are met at the same time, in an order that
nobody knows: see labsupport.checking.suspects.
"""

import asyncio
import secrets

from labsupport.checking import Exercise, StandIn, assert_that
from labsupport.checking.showing import show
from labsupport.checking.suspects import accusing, judging, load, sentence, waiting

exercise = Exercise(
    "break_client",
    title="break_client: be the server that finds the fault",
    lesson="08a",
    minutes=45,
    kind="stretch",
    entry="find_fault(fetch) -> str or None",
)

DEADLINE = 30.0  # seconds for four meetings at once, of which each may take fifteen
CALLS = 50  # of fetch, in one call of find_fault
SECONDS = 10.0  # that one call of fetch may be given

suspects = load(__file__)


class Fetch(StandIn):
    """One client: the answer calls it with a URL and seconds, and gets what it reports."""

    exposed = ("__call__",)

    def __init__(self, suspect):
        self.suspect = suspect
        self.calls = 0

    def __repr__(self):
        return "fetch"

    async def __call__(self, url, seconds):
        self.calls += 1
        if self.calls > CALLS:
            raise RuntimeError(f"fetch is called {CALLS} times at most")
        if not isinstance(url, str) or not url.startswith(f"http://{suspects.HOST}:"):
            raise ValueError(f"fetch takes a URL of http://{suspects.HOST}:PORT, not {show(url)}")
        if type(seconds) not in (int, float) or not 0 < seconds <= SECONDS:
            raise ValueError(f"fetch takes seconds up to {SECONDS:g}, not {show(seconds)}")
        return await asyncio.to_thread(self.suspect, url, float(seconds))


async def judges(answer, faulty, does):
    """The faulty client is found out while three right ones are spared."""
    right = (suspects.by_hand, suspects.by_h11, suspects.by_streams)
    meetings = [catches(answer, faulty, does), *(spares(answer, each) for each in right)]
    # The order is the system's and not drawn from the seed: see suspects.tells_apart.
    shuffled = secrets.SystemRandom().sample(meetings, len(meetings))
    tasks = {meeting: asyncio.create_task(meeting) for meeting in shuffled}
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    for meeting in meetings:
        tasks[meeting].result()


async def verdict_on(answer, suspect):
    """What find_fault says of one client: None, or a sentence."""
    with judging():
        return sentence(await answer.call("find_fault", Fetch(suspect)))


async def catches(answer, faulty, does):
    with waiting():
        assert_that(
            await verdict_on(answer, faulty) is not None,
            said="the faulty client has to be found out",
            did=f"ran find_fault against a client that {does}",
            expected="a sentence that says what is wrong",
            got="None: no fault was found",
        )


async def spares(answer, right):
    with waiting():
        said = await verdict_on(answer, right)
        with accusing("client"):
            assert_that(
                said is None,
                said="a client that keeps its promise has no fault",
                did="ran find_fault against a right client",
                expected="None",
                got=repr(said),
            )


@exercise.check(
    "catches a 200 taken for success",
    points=1,
    deadline=DEADLINE,
    misconception="status-200-is-success",
    hints=[
        "Where can a server say that something went wrong, apart from its status?",
        "A response of 200 can have any body. What does a right client say of a document without "
        "a value?",
        'Answer 200 with {"error": "no sensor"}: the report has to be ("body", None).',
    ],
)
async def catches_a_200_taken_for_success(answer, draw, variant):
    await judges(answer, suspects.takes_200_for_success, "takes 200 for success")


@exercise.check(
    "catches a status that nobody looks at",
    points=1,
    misconception="bad-status-raises",
    deadline=DEADLINE,
    hints=[
        "What does a server that is out of order say, and in which of its lines?",
        "Statuses other than 200 may come with any body, a document with a value among them.",
        'Answer 503 with {"value": "old"}: the report has to be ("status", None).',
    ],
)
async def catches_a_status_that_nobody_looks_at(answer, draw, variant):
    does = "takes a document from a response of any status"
    await judges(answer, suspects.never_looks_at_the_status, does)


@exercise.check(
    "catches a timeout for each read",
    points=2,
    deadline=DEADLINE,
    misconception="timeout-is-total",
    hints=[
        "How slow can a server be without keeping any single read waiting for long?",
        "A byte now and then: each read returns soon, and all of them together take longer than "
        "the call has.",
        "Call fetch with 0.5 s, and send a document byte by byte over 1.5 s. The report has to be "
        '("late", None).',
    ],
)
async def catches_a_timeout_for_each_read(answer, draw, variant):
    does = "gives each read the seconds that the whole call has"
    await judges(answer, suspects.waits_for_each_read, does)


@exercise.check(
    "catches one error for all",
    points=1,
    deadline=DEADLINE,
    misconception="one-error-fits-all",
    hints=[
        "Your server did something wrong, and the client said so. Did it say what?",
        "Compare the whole report with the one that is promised, and not with success only.",
        'A status of 404 has to be reported as ("status", None), which ("broken", None) is not.',
    ],
)
async def catches_one_error_for_all(answer, draw, variant):
    await judges(answer, suspects.has_one_error_for_all, "calls everything that goes wrong broken")


@exercise.check(
    "catches a body of any size",
    points=1,
    deadline=DEADLINE,
    misconception="bodies-are-small",
    hints=[
        "How much does a client read that has promised to read 10,000 bytes?",
        "A document may be right and too large all the same. Mind that a right client leaves "
        "while you are sending.",
        'Send {"value": "xx..."} of 20,000 bytes: the report has to be ("large", None). Catch '
        "OSError around your sendall.",
    ],
)
async def catches_a_body_of_any_size(answer, draw, variant):
    await judges(answer, suspects.reads_any_body, "reads a body of any size")


@exercise.check(
    "catches a key that goes along",
    points=2,
    deadline=DEADLINE,
    misconception="secrets-stay-home",
    hints=[
        "Whom does a client ask that is redirected, and what does it tell them?",
        "You need two servers: the first one redirects to the second, which looks at the fields "
        "that come.",
        "Start a second server on a port of its own, and answer 302 with its URL as Location. No "
        "request there may have x-api-key, in any letters.",
    ],
)
async def catches_a_key_that_goes_along(answer, draw, variant):
    does = "sends its key to another origin, when it is redirected there"
    await judges(answer, suspects.takes_its_key_along, does)


@exercise.check(
    "catches redirects without an end",
    points=1,
    deadline=DEADLINE,
    hints=[
        "How many redirects does a right client follow, and what comes then?",
        "Five may be followed. A sixth one is reported, whatever it would lead to.",
        'Redirect ten times, and then send a document: the report has to be ("lost", None).',
    ],
)
async def catches_redirects_without_an_end(answer, draw, variant):
    await judges(answer, suspects.follows_for_ever, "follows as many redirects as come")


@exercise.check(
    "catches a wait for the end",
    points=1,
    deadline=DEADLINE,
    hints=[
        "Who ends the connection, in your server, and when?",
        "A body of a known length is complete without an end of the connection. Keep it open.",
        "Send a document with its Content-Length, and do not close before fetch has returned: the "
        "report has to be ok.",
    ],
)
async def catches_a_wait_for_the_end(answer, draw, variant):
    does = "takes the end of the connection for the end of the body, whatever its length"
    await judges(answer, suspects.reads_to_the_end, does)


@exercise.check(
    "catches half a body",
    points=1,
    deadline=DEADLINE,
    misconception="eof-means-complete",
    hints=[
        "How does a client know that a body is complete?",
        "A document can look whole although bytes are missing: JSON may end with spaces.",
        "Say Content-Length: 100, send a document of fewer bytes, and close: the report has to be "
        '("broken", None).',
    ],
)
async def catches_half_a_body(answer, draw, variant):
    does = "takes what came before the end of the connection for the whole body"
    await judges(answer, suspects.takes_half_a_body, does)


@exercise.check(
    "catches chunks decoded one by one",
    points=1,
    deadline=DEADLINE,
    misconception="chunk-is-text",
    hints=[
        "Where may a body be cut into chunks, and what may stand there?",
        "Chunks are cut between bytes. In UTF-8 some characters have several.",
        'Send {"value": "grün"} in chunks of one byte: the report has to be ("ok", "grün").',
    ],
)
async def catches_chunks_decoded_one_by_one(answer, draw, variant):
    await judges(answer, suspects.decodes_each_chunk, "decodes each chunk of a body by itself")
