"""Checks of the exercise `break_http`: the learner's clients tell right HTTP servers from wrong.

The servers are in suspects.py; how they are met is told in labsupport.checking.suspects.
"""

from labsupport.checking import Exercise
from labsupport.checking.suspects import load, tells_apart

exercise = Exercise(
    "break_http",
    title="break_http: be the client that finds the fault",
    lesson="06a",
    minutes=70,
    kind="stretch",
    entry="find_fault(host, port) -> str or None",
)

DEADLINE = 25.0  # seconds for four meetings at once, of which each may take fifteen

suspects = load(__file__)


async def judges(answer, faulty, does):
    """The faulty server is found out while three right ones are spared."""
    right = (suspects.by_buffer, suspects.by_stream, suspects.one_each)
    await tells_apart(answer, faulty, does, *right)


@exercise.check(
    "catches one read taken for the request",
    points=2,
    deadline=DEADLINE,
    misconception="blank-line-in-one-recv",
    hints=[
        "A pause between two sends proves nothing: the server may read late. What does prove that "
        "it has read?",
        "When a response has come, the server has read. What else could you have sent together "
        "with that request?",
        "Send a whole request and the first half of a second one in one sendall. Read the first "
        "response, then send the other half: the second response has to be right.",
    ],
)
async def catches_one_read(answer, draw, variant):
    does = "takes what one read has returned for whole requests"
    await judges(answer, suspects.one_read_is_the_request, does)


@exercise.check(
    "catches the loss of what lies behind",
    points=1,
    deadline=DEADLINE,
    misconception="blank-line-in-one-recv",
    hints=[
        "May a client send a second request before it has the first response?",
        "Two requests in one sendall have two responses, in the same order, unless the first one "
        "says Connection: close.",
        "sendall(first + second), and read two responses. Say it is a fault when the second one "
        "does not come within 2 s.",
    ],
)
async def catches_what_lies_behind(answer, draw, variant):
    does = "forgets what has come behind a request"
    await judges(answer, suspects.forgets_what_lies_behind, does)


@exercise.check(
    "catches field names with a case",
    points=1,
    deadline=DEADLINE,
    misconception="header-names-have-a-case",
    hints=[
        "In which letters do you send the names of your fields?",
        "content-length and CONTENT-LENGTH are the same field. Which of your requests has a body?",
        "POST with the field content-length: 5 has to be answered with these five bytes.",
    ],
)
async def catches_names_with_a_case(answer, draw, variant):
    does = "knows Content-Length in these letters only"
    await judges(answer, suspects.knows_one_case, does)


@exercise.check(
    "catches a body behind HEAD",
    points=1,
    deadline=DEADLINE,
    hints=[
        "What follows the blank line of a response to HEAD?",
        "A response to HEAD may have a Content-Length, and has no body, whatever that says. What "
        "comes next on the connection?",
        "Ask for HEAD, then GET on the same connection: behind the first blank line the second "
        "status line has to begin.",
    ],
)
async def catches_a_body_behind_head(answer, draw, variant):
    await judges(answer, suspects.answers_head_with_a_body, "sends a body in answer to HEAD")


@exercise.check(
    "catches a body with 204",
    points=1,
    deadline=DEADLINE,
    hints=[
        "Which responses have no body, whatever their fields say?",
        "204 ends at its blank line. What comes behind it belongs to the next response.",
        "Send DELETE, then GET on the same connection: behind the blank line of the 204 the next "
        "status line has to begin.",
    ],
)
async def catches_a_body_with_204(answer, draw, variant):
    await judges(answer, suspects.says_more_than_no_content, "sends a body with 204")


@exercise.check(
    "catches a length in characters",
    points=1,
    deadline=DEADLINE,
    hints=[
        "What does Content-Length count? With which bodies does it matter?",
        "It counts bytes. In UTF-8 some characters have several: your bodies have to have some.",
        'POST "grün".encode(), five bytes: all five have to come back, and a status line next.',
    ],
)
async def catches_a_length_in_characters(answer, draw, variant):
    does = "counts characters in Content-Length"
    await judges(answer, suspects.counts_characters, does)


@exercise.check(
    "catches chunks without an end",
    points=1,
    deadline=DEADLINE,
    hints=[
        "Where does a body in chunks end? Which bytes have you read of it, and which not?",
        "Behind the line of the chunk of size 0 there is an empty line. It belongs to the body, "
        "and it has to be there.",
        "Read the line behind 0: it has to be b'\\r\\n', and nothing else may take its place.",
    ],
)
async def catches_chunks_without_an_end(answer, draw, variant):
    does = "leaves out the empty line behind the last chunk"
    await judges(answer, suspects.forgets_the_last_line, does)


@exercise.check(
    "catches a close without a word",
    points=1,
    deadline=DEADLINE,
    hints=[
        "How many requests do you send on one connection, and who ends it?",
        "A server may close behind any response, if that one has said Connection: close. Else the "
        "connection is the client's to end.",
        "Send three requests on one connection. When the end of the stream comes in the place of a "
        "response, and none before had Connection: close, that is a fault.",
    ],
)
async def catches_a_close_without_a_word(answer, draw, variant):
    does = "closes behind its second response, and has not said so"
    await judges(answer, suspects.closes_without_a_word, does)
