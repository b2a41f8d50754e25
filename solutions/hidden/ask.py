"""Hidden checks of the exercise `ask`."""

import asyncio

from labsupport.checking import HiddenChecks, StandIn, assert_bytes, assert_equal
from labsupport.checking.asserts import patience

hidden = HiddenChecks("ask")

WORK = 1.0  # seconds that handle takes at most when no second call of it comes


@hidden.check(
    "takes a closed port for a loss",
    points=1,
    misconception="udp-arrives",
    said="A question to a port where nobody is bound ends at the deadline with TimeoutError, as if "
    "it had been lost; and an Asker that met this asks on.",
)
async def takes_a_closed_port_for_a_loss(answer, draw, variant):
    nobody = answer.port()
    nobody.close()
    asker = await answer.new("Asker", *nobody.address, wait=0.05, tries=3)
    for _ in range(2):
        await asker.raises("TimeoutError", "ask", draw.word().encode(), 0.4)


def a_question(number, body, variant):
    """The datagram of a question with this id."""
    return variant.question.encode() + number + body


def a_reply(number, body, variant):
    """The datagram of a reply to the question with this id."""
    return variant.reply.encode() + number + body


async def reads_again(client):
    """Wait until serve reads again, so that `stop` finds each answer in the same place."""
    await asyncio.sleep(0.3)
    client.waiting()


class Length(StandIn):
    """Work whose answer says how long the question was."""

    exposed = ("__call__",)

    def __call__(self, question):
        return b"%d" % len(question)


@hidden.check(
    "takes a question of the largest size",
    points=1,
    misconception="recv-fits-any-datagram",
    said="serve hands all of a question to handle, also of one that has 1,200 bytes.",
)
async def takes_a_question_of_the_largest_size(answer, draw, variant):
    number = draw.bytes(4)
    async with answer.serving_datagrams("serve", Length(), 10) as peer:
        client = peer.client()
        await client.send(a_question(number, draw.bytes(1200), variant), peer.address)
        reply, _ = await client.recv()
        said = "handle is given all of the question"
        assert_bytes(reply, a_reply(number, b"1200", variant), said=said)
        await reads_again(client)


class SlowHandle(StandIn):
    """Work that lasts until it is asked for a second time, or WORK seconds."""

    exposed = ("__call__",)

    def __init__(self):
        self.asked = []
        self.began = asyncio.Event()
        self.twice = asyncio.Event()

    async def __call__(self, question):
        self.asked.append(question)
        self.began.set()
        if len(self.asked) > 1:
            self.twice.set()
        await asyncio.wait({asyncio.create_task(self.twice.wait())}, timeout=WORK * patience.get())
        return b"done: " + question[:40]


@hidden.check(
    "works once while the question comes again",
    points=1,
    misconception="retry-is-harmless",
    said="A question that comes again while handle still works on it does not make handle work on "
    "it a second time.",
)
async def works_once_while_the_question_comes_again(answer, draw, variant):
    handle, number, question = SlowHandle(), draw.bytes(4), draw.word().encode()
    async with answer.serving_datagrams("serve", handle, 10) as peer:
        client = peer.client()
        datagram = a_question(number, question, variant)
        await client.send(datagram, peer.address)
        await asyncio.wait({asyncio.create_task(handle.began.wait())}, timeout=3 * patience.get())
        await client.send(datagram, peer.address, note="again")
        reply, _ = await client.recv()
        wanted = a_reply(number, b"done: " + question, variant)
        assert_bytes(reply, wanted, said="the question is answered")
        assert_equal(
            handle.asked,
            [question],
            said="handle is called once for a question",
            did="sent the question again while handle was working on it",
        )
        await reads_again(client)
