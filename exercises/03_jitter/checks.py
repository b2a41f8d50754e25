"""Checks of the exercise `jitter`: what two logs say, and which transport to take.

Logs are drawn message by message, and what is wanted of them is counted while they are drawn, so
the checks share no code with an answer. A share lies on its boundary in one check only: there an
answer that computes it in fractions errs.
"""

from itertools import pairwise

from labsupport.checking import Exercise, assert_equal, assert_that

exercise = Exercise(
    "jitter",
    title="jitter: choose a transport by what was measured",
    lesson="03",
    minutes=30,
    kind="stretch",
    entry='measure(log, need) -> dict; choose(need, udp, tcp) -> ("udp", "tcp" or None, reason)',
)

GAP = 20  # milliseconds between two messages
NEAR = 0.001  # milliseconds by which a jitter may differ

BOTH = ("tcp", "both suffice")
ONLY_TCP = ("tcp", "udp does not")
ONLY_UDP = ("udp", "tcp does not")
NEITHER = (None, "neither does")


def needs(deadline=100, newest=False, percent=25, largest=200):
    """The need of a workload."""
    return {"deadline": deadline, "newest": newest, "percent": percent, "largest": largest}


def rows(delays, first=0):
    """A log of messages sent GAP apart, in the order of arrival; None is one that never arrived."""
    sent = [500 + GAP * index for index in range(len(delays))]
    log = [
        (first + index, at, None if delay is None else at + delay)
        for index, (at, delay) in enumerate(zip(sent, delays, strict=True))
    ]
    return sorted(log, key=lambda row: row[1] if row[2] is None else row[2])


def shuffled(draw, items):
    """The items in a drawn order."""
    left, made = list(items), []
    while left:
        made.append(left.pop(draw.integer(0, len(left) - 1)))
    return made


def quick(draw, count):
    """Delays that meet every deadline here."""
    return [draw.integer(5, 20) for _ in range(count)]


def mixed(draw, count, missed, by):
    """Delays of `count` messages, of which `missed` have the value `by`, in a drawn order."""
    return shuffled(draw, quick(draw, count - missed) + [by] * missed)


def held(count, begin, wait, own=10):
    """Delays on TCP when the message `begin` is held for `wait` ms: those behind it wait too."""
    until = GAP * begin + wait
    return [own if index < begin else max(own, until - GAP * index + own) for index in range(count)]


def called(log, need):
    """A call of measure in words."""
    # Feedback cuts a line that is too long, and a log of which a part is seen explains nothing.
    lines = [", ".join(map(str, part)) for part in batched(log, 8)]
    return f"called measure with need = {need} and log = [" + ",\n".join(lines) + "]"


def batched(rows, size):
    """The rows, `size` at a time."""
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def in_words(log, need):
    """What stands in a log that is too long to be shown."""
    lost = sum(arrived is None for _, _, arrived in log)
    delays = [arrived - sent for _, sent, arrived in log if arrived is not None]
    late = sum(need["deadline"] is not None and delay > need["deadline"] for delay in delays)
    return f"{len(log)} rows: {lost} never arrived, {late} arrived too late"


async def counts(answer, log, need, sent, missed, said):
    """Fail unless the answer counts so many messages sent, and so many missed."""
    did = called(log, need)
    got = await measured(answer, log, need, did)
    for name, wanted in (("sent", sent), ("missed", missed)):
        assert_equal(got[name], wanted, said=f"{said}: `{name}`", did=did)


async def measured(answer, log, need, did):
    """What measure returns, once it has the four names."""
    got = await answer.call("measure", log, need)
    names = ["jitter", "missed", "p95", "sent"]
    assert_that(
        isinstance(got, dict) and sorted(map(str, got)) == names,
        said="`measure` returns a dict with four names",
        expected=f"a dict with {', '.join(names)}",
        got=repr(got),
        did="called measure",  # the same in each check, so that it is told once
    )
    return got


async def chooses(answer, need, udp, tcp, wanted, said):
    """Fail unless choose returns that transport and reason."""
    got = await answer.call("choose", need, udp, tcp)
    assert_that(
        isinstance(got, tuple) and len(got) == 2,
        said="`choose` returns a tuple: a transport or None, and the reason",
        expected="a tuple of two, such as ('tcp', 'both suffice')",
        got=repr(got),
        did="called choose",
    )
    assert_equal(
        got,
        wanted,
        said=said,
        did=f"called choose with need = {need}; udp has {in_words(udp, need)}; tcp has "
        f"{in_words(tcp, need)}",
    )


@exercise.check(
    "no arrival, no delay",
    points=1,
    hints=[
        "What is there to sort when nothing arrived? And when nothing was sent?",
        "`p95` is None and `jitter` is 0 as long as there is no delay.",
        "`sent` is how many different numbers the log has: 0 in an empty log, and 0 of 0 missed.",
    ],
)
async def no_arrival_no_delay(answer, draw, variant):
    for count, said in ((0, "the log is empty"), (4, "every message was lost")):
        log = rows([None] * count)
        await counts(answer, log, needs(), count, count, said)
        did = called(log, needs())
        got = await measured(answer, log, needs(), did)
        assert_equal(got["p95"], None, said=f"{said}, so there is no delay: `p95`", did=did)
        said = f"{said}, so there is no change of the delay: `jitter`"
        assert_that(got["jitter"] == 0, said, expected="0", got=repr(got["jitter"]), did=did)


@exercise.check(
    "what never arrived is missed",
    points=1,
    misconception="udp-arrives",
    hints=[
        "Who tells you that a message was lost? Which row says so?",
        "A row whose `arrived` is None is a message that was sent, and missed.",
        "`sent` counts the different numbers of all rows, `missed` what is left without the "
        "useful ones.",
    ],
)
async def what_never_arrived_is_missed(answer, draw, variant):
    total, lost = draw.integer(12, 18), draw.integer(2, 5)
    log = rows(mixed(draw, total, lost, None), first=draw.integer(0, 9))
    said = "a message that never arrived is missed"
    await counts(answer, log, needs(), total, lost, said)
    # The lost ones are noted where the writer of the log came to know of them: at the end.
    log.sort(key=lambda row: row[2] is None)
    await counts(answer, log, needs(), total, lost, said)


@exercise.check(
    "a copy is counted once",
    points=1,
    misconception="udp-once",
    hints=[
        "How many messages are two rows with the same number?",
        "The first row of a number counts. A further one is a copy that changes nothing.",
        "Keep the numbers that you have met in a set, and skip a row whose number is in it.",
    ],
)
async def a_copy_is_counted_once(answer, draw, variant):
    total = draw.integer(10, 15)
    log = rows(quick(draw, total))
    for at in shuffled(draw, range(total))[:3]:
        number, sent, arrived = log[at]
        log.append((number, sent, arrived + GAP * total))  # late, were it not a copy
    said = "a copy of a message changes nothing"
    await counts(answer, log, needs(), total, 0, said)
    await counts(answer, log, needs(newest=True), total, 0, f"{said}, nor is it stale")
    did = called(log, needs())
    got = await measured(answer, log, needs(), did)
    # Against what the answer says itself without the copies: how it is computed is judged below.
    alone = (await measured(answer, log[:total], needs(), did))["jitter"]
    did_both = f"{did}; then without the last 3 rows, which are copies"
    assert_equal(got["jitter"], alone, said=f"{said}: `jitter`", did=did_both)
    assert_that(
        isinstance(got["p95"], int) and got["p95"] <= 20,
        said="the delay of a copy does not count: `p95`",
        expected="a delay of at most 20 ms, as all first rows have",
        got=repr(got["p95"]),
        did=did,
    )


@exercise.check(
    "what comes too late is missed",
    points=1,
    hints=[
        "Of what use is a word of a call that comes a second later?",
        "A message is missed when arrived - sent is more than the deadline.",
        "The deadline itself is in time. With the deadline None everything is; 0 is a deadline.",
    ],
)
async def what_comes_too_late_is_missed(answer, draw, variant):
    total, late, deadline = draw.integer(10, 15), draw.integer(2, 5), draw.integer(80, 150)
    need = needs(deadline=deadline)
    log = rows(mixed(draw, total, late, deadline + 1))
    await counts(answer, log, need, total, late, "one millisecond after the deadline is late")
    log = rows(mixed(draw, total, late, deadline))
    await counts(answer, log, need, total, 0, "what arrives at its deadline is in time")
    log = rows(mixed(draw, total, late, 100_000))
    need = needs(deadline=None)
    await counts(answer, log, need, total, 0, "without a deadline nothing is late")
    log = rows(shuffled(draw, [0] * (total - late) + [1] * late))
    said = "with a deadline of 0 one millisecond is late"
    await counts(answer, log, needs(deadline=0), total, late, said)


@exercise.check(
    "what was overtaken is missed where the newest counts",
    points=1,
    misconception="udp-in-order",
    hints=[
        "Where is the player now: where the last datagram that came says, or the newest one?",
        "A message is stale when a row further up, whose message arrived, has a higher number.",
        "Keep the highest number that has arrived so far, and compare each row with it.",
    ],
)
async def what_was_overtaken_is_missed(answer, draw, variant):
    delays = quick(draw, 12)
    jump = draw.integer(2, 4)
    # Message 3 overtakes nobody; 4 and 5 come behind 6, one after the other.
    order = [0, 1, 2, 3, 6, 4, 5, *range(7, 12)]
    log = [rows(delays)[index] for index in order]
    log[4:7] = [(n, sent, 500 + GAP * 6 + 10 + at) for at, (n, sent, _) in enumerate(log[4:7])]
    log = [(number * jump, sent, arrived) for number, sent, arrived in log]
    said = "two messages came after a higher number"
    await counts(answer, log, needs(newest=True), 12, 2, said)
    said = "where older ones count too, nobody is missed for being overtaken"
    await counts(answer, log, needs(newest=False), 12, 0, said)
    made = [
        await answer.call("choose", needs(newest=newest, percent=10), log, rows(quick(draw, 12)))
        for newest in (False, True)
    ]
    assert_that(
        made[0] != made[1],
        said="`choose` finds too many missed on UDP only where the newest counts",
        expected=f"{BOTH}, then {ONLY_TCP}",
        got=f"{made[0]!r} both times",
        did="called choose with newest False, then True; 2 of 12 were overtaken on UDP, none on "
        "TCP, and 10 percent may be missed",
    )
    log = rows(quick(draw, 9))
    number, sent, _ = log.pop(7)
    log.insert(draw.integer(2, 4), (number, sent, None))
    said = "a message that never arrived overtakes nobody"
    await counts(answer, log, needs(newest=True), 9, 1, said)


@exercise.check(
    "delay and jitter are those of the definitions",
    points=2,
    hints=[
        "Which delays go into p95, and in which order do the rows go into the jitter?",
        "Sort the delays; of n the one at place 95 n / 100, rounded up and counted from 1. For the "
        "jitter keep the order of the rows.",
        "`p95 = delays[math.ceil(95 * n / 100) - 1]`. For the jitter start at 0, and for each "
        "arrival after the first: jitter += (abs(delay - last_delay) - jitter) / 16.",
    ],
)
async def delay_and_jitter_are_those_of_the_definitions(answer, draw, variant):
    # Eight arrivals, sent at uneven times; the second is overtaken by the third. Worked by hand:
    # each difference of delays is a multiple of 16, so that the sums can be followed.
    shift = draw.integer(0, 900)
    log = [
        (1, 100, 110), (3, 160, 166 + 20), (2, 140, 198), (4, 200, 210),
        (5, 203, 213), (6, 300, None), (7, 350, 360),
    ]  # fmt: skip
    log = [(n, s + shift, None if a is None else a + shift) for n, s, a in log]
    jitter = 0.0
    for difference in (16, 32, 48, 0, 0):  # delays 10, 26, 58, 10, 10, 10
        jitter = jitter * 15 / 16 + difference / 16
    await delays(answer, log, 58, jitter)
    # Twenty delays: the 19th is the 95th percentile; of 21 it is the 20th.
    for extra, wanted in ((0, 19), (1, 20)):
        made = shuffled(draw, [10 * place for place in range(1, 21 + extra)])
        jitter = 0.0
        for one, other in pairwise(made):
            jitter = jitter * 15 / 16 + abs(other - one) / 16
        # Sent long after one another, so that nothing is overtaken.
        log = [(i, 1000 * i, 1000 * i + delay) for i, delay in enumerate(made)]
        await delays(answer, log, 10 * wanted, jitter)


async def delays(answer, log, p95, jitter):
    """Fail unless p95 is that, and the jitter is near."""
    did = called(log, needs())
    got = await measured(answer, log, needs(), did)
    assert_equal(got["p95"], p95, said="the 95th percentile of the delays: `p95`", did=did)
    number = got["jitter"]
    assert_that(
        type(number) in (int, float) and abs(number - jitter) < NEAR,
        said="the estimate of RFC 3550 over the rows in their order, not rounded: `jitter`",
        expected=f"{jitter:.3f} (shown to three places; an error below {NEAR} is none)",
        got=repr(number),
        did=did,
    )


@exercise.check(
    "as many missed as may be suffices",
    points=1,
    hints=[
        "Is the percentage itself still good enough? And is your share exactly that percentage?",
        "Up to `percent` suffices. Fractions are rounded: `1 - 19 / 20` is more than `0.05`.",
        "Compare whole numbers: missed * 100 <= percent * sent.",
    ],
)
async def as_many_missed_as_may_be_suffices(answer, draw, variant):
    for missed, total, percent in ((0, 16, 0), (4, 16, 25), (1, 20, 5), (7, 25, 28)):
        said = f"both miss {missed} of {total}, and {percent} percent may be missed"
        need = needs(percent=percent)
        tcp = rows(held(total, begin=draw.integer(1, 8), wait=GAP * missed + 80))
        udp = rows(mixed(draw, total, missed, None))
        await chooses(answer, need, udp, tcp, BOTH, said)
        said = f"UDP misses {missed + 1} of {total}, and {percent} percent may be missed"
        udp = rows(mixed(draw, total, missed + 1, None))
        await chooses(answer, need, udp, tcp, ONLY_TCP, said)
    late = needs()["deadline"] + 1
    udp = rows(shuffled(draw, quick(draw, 6) + [late] * 5 + [None] * 5))
    in_time = [row for row in udp if row[2] is not None and row[2] - row[1] < late]
    copies = [(number, sent, sent + GAP * 16 + late) for number, sent, _ in in_time] * 4
    said = "UDP misses 10 of 16, 30 percent may be missed, and copies are no messages"
    await chooses(answer, needs(percent=30), udp + copies, rows(quick(draw, 16)), ONLY_TCP, said)


@exercise.check(
    "TCP where both suffice",
    points=1,
    misconception="tcp-is-slower",
    hints=[
        "What do you have to write yourself on UDP that TCP brings with it?",
        "Where both miss little enough, the answer is TCP: it is less work.",
        "Ask first whether TCP suffices. What the messages are does not matter.",
    ],
)
async def tcp_where_both_suffice(answer, draw, variant):
    udp, tcp = rows(quick(draw, 16)), rows(quick(draw, 16))
    for need in (needs(), needs(newest=True), needs(deadline=30, newest=True, largest=20)):
        await chooses(answer, need, udp, tcp, BOTH, "both miss no message")
    said = "UDP misses 4 of 16, TCP as many, and 30 percent may be missed"
    udp = rows(mixed(draw, 16, 4, None))
    tcp = rows(held(16, begin=draw.integer(1, 8), wait=160))
    await chooses(answer, needs(percent=30), udp, tcp, BOTH, said)


@exercise.check(
    "UDP where TCP makes it wait",
    points=1,
    misconception="tcp-is-slower",
    hints=[
        "One segment is lost. How many messages of the log wait for it?",
        "Everything has arrived on TCP. Count what arrived too late.",
        "TCP suffices by the same count as UDP: missed * 100 <= percent * sent.",
    ],
)
async def udp_where_tcp_makes_it_wait(answer, draw, variant):
    lost = draw.integer(1, 3)
    udp = rows(mixed(draw, 32, lost, None))
    tcp = rows(held(32, begin=draw.integer(3, 8), wait=600))
    said = f"UDP lost {lost} of 32; on TCP a held segment made those behind it late"
    await chooses(answer, needs(percent=20), udp, tcp, ONLY_UDP, said)
    said = "the same two logs, and nothing is ever late"
    need = needs(percent=20, deadline=None)
    await chooses(answer, need, udp, tcp, BOTH, said)


@exercise.check(
    "a datagram has to fit",
    points=1,
    misconception="recv-fits-any-datagram",
    hints=[
        "The measured messages were small. What does the need say of the largest one?",
        "Above 1200 bytes UDP does not suffice. TCP cuts a message as it likes: no limit there.",
        'Ask need["largest"] <= 1200 for UDP, and only for UDP.',
    ],
)
async def a_datagram_has_to_fit(answer, draw, variant):
    udp, tcp = rows(quick(draw, 16)), rows(quick(draw, 16))
    said = "1200 bytes fit into a datagram"
    await chooses(answer, needs(largest=1200), udp, tcp, BOTH, said)
    said = "more than 1200 bytes do not go into one datagram"
    for largest in (1201, draw.integer(1300, 60_000), draw.integer(10**5, 10**6)):
        await chooses(answer, needs(largest=largest), udp, tcp, ONLY_TCP, said)


@exercise.check(
    "neither, where neither suffices",
    points=1,
    hints=[
        "Is the better one of two bad ones good enough?",
        "A need that nobody meets has no transport. A log without a row shows nothing.",
        'Return (None, "neither does"), and treat an empty log as one that does not suffice.',
    ],
)
async def neither_where_neither_suffices(answer, draw, variant):
    udp = rows(mixed(draw, 16, draw.integer(6, 9), None))
    tcp = rows(held(16, begin=draw.integer(1, 3), wait=700))
    said = "UDP loses too many, and on TCP too many come too late"
    await chooses(answer, needs(percent=10), udp, tcp, NEITHER, said)
    await chooses(answer, needs(), [], [], NEITHER, "empty logs show nothing")
    said = "an empty log shows nothing, and does not suffice"
    await chooses(answer, needs(), rows(quick(draw, 16)), [], ONLY_UDP, said)
