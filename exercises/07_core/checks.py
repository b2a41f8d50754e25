"""Checks of the exercise `core`: the rules of a shop, and the shell around them.

The rules are called with plain data, and compared with a model. The shell meets rules, a store and
a clock of the checks: what those decide has nothing to do with orders, so that a shell which
decides something itself is seen.
"""

import json

from labsupport.checking import Exercise, StandIn, assert_equal, assert_that, fail
from labsupport.checking.asserts import apart
from labsupport.checking.showing import show
from labsupport.checking.web import request

exercise = Exercise(
    "core",
    title="core: rules without a server",
    lesson="07",
    minutes=45,
    kind="core",
    entry="decide(order, stock, now), evolve(stock, take), "
    "async def serve(host, port, stop, rules, store, clock)",
)

fee = Exercise(
    "core.fee",
    title="core, the step: a fee, of two times",
    lesson="07",
    minutes=4,
    kind="core",
    entry="fee(due, now) -> dict",
)

MOST_LINES = 20
MOST_PIECES = 100  # in one line
MANY = 10  # pieces of one item from which on they cost less
SHIPPING, FREE = 490, 5000  # cents
DAY = 86_400  # seconds
ALWAYS = 4_000_000_000  # seconds: the end of an offer that nobody sees
CASES = 150


# ---- the model ----


def decided(order, stock, now):
    """What the task asks for."""
    if not is_order(order):
        return {"status": "invalid"}
    take = {}
    for line in order["lines"]:
        take[line["item"]] = take.get(line["item"], 0) + line["count"]
    for item in take:
        if item not in stock:
            return {"status": "unknown", "item": item}
    for item, count in take.items():
        if count > stock[item]["left"]:
            return {"status": "short", "item": item, "left": stock[item]["left"]}
    goods = sum(cost(stock[item], count, now) for item, count in take.items())
    total = goods if goods >= FREE else goods + SHIPPING
    return {"status": "accepted", "total": total, "take": take}


def is_order(order):
    lines = order.get("lines") if isinstance(order, dict) else None
    return (
        isinstance(lines, list)
        and 1 <= len(lines) <= MOST_LINES
        and all(
            isinstance(line, dict)
            and isinstance(line.get("item"), str)
            and type(line.get("count")) is int
            and 1 <= line["count"] <= MOST_PIECES
            for line in lines
        )
    )


def cost(entry, count, now):
    offered = "until" in entry and now < entry["until"]
    cents = (entry["offer"] if offered else entry["price"]) * count
    return cents * 9 // 10 if count >= MANY else cents


def evolved(stock, take):
    return {
        item: {**entry, "left": entry["left"] - take.get(item, 0)} for item, entry in stock.items()
    }


# ---- what is drawn ----


def words(draw, n):
    """n words that differ."""
    found = set()
    while len(found) < n:
        found.add(draw.word())
    return sorted(found)


def a_stock(draw, n=5, until=(1, ALWAYS)):
    """A stock of n items, with offers that end at one of these times."""
    stock = {}
    for item in words(draw, n):
        stock[item] = {"price": draw.integer(100, 2000), "left": draw.integer(15, 60)}
        if draw.integer(0, 1):
            stock[item] |= {"offer": draw.integer(50, 99), "until": draw.choice(until)}
    return stock


def an_order(draw, stock, n=3, most=14):
    """An order of at most n items of a stock, each in one line."""
    items = list(stock)
    chosen = [items.pop(draw.integer(0, len(items) - 1)) for _ in range(draw.integer(1, n))]
    return {"lines": [{"item": item, "count": draw.integer(1, most)} for item in chosen]}


def lines(*counts):
    """An order with these items and counts."""
    return {"lines": [{"item": item, "count": count} for item, count in counts]}


async def decides(answer, order, stock, now, said):
    """The decision has to be that of the model."""
    did = f"called decide({show(order)}, {show(stock)}, {now})"
    got = await answer.call("decide", order, stock, now)
    assert_equal(got, decided(order, stock, now), said, did)


# ---- the step ----


@fee.check(
    "a fee comes of two times",
    points=1,
    misconception="rules-need-a-server",
    hints=[
        "What would you have to do to test the version below for a book that is late by a year?",
        "Both times are arguments. A day that has begun counts: round up, and never below 0.",
        'days = max(0, -((due - now) // 86400)), and return {"days": days, "cents": ...}.',
    ],
    deadline=10.0,
)
async def a_fee_comes_of_two_times(answer, draw, variant):
    for due in (0, 1000, ALWAYS):
        late = [-DAY, -1, 0, 1, DAY - 1, DAY, DAY + 1, 24 * DAY, 25 * DAY, 25 * DAY + 1, 999 * DAY]
        for now in (due + each for each in [*late, draw.integer(1, 20 * DAY)]):
            days = max(0, -((due - now) // DAY))
            wanted = {"days": days, "cents": min(500, 20 * days)}
            got = await answer.call("fee", due, now)
            said = "a fee counts the days that have begun, and ends at 500 cents"
            assert_equal(got, wanted, said, f"called fee({due}, {now})")


# ---- the rules ----


@exercise.check(
    "hundreds of orders have their price",
    points=2,
    hints=[
        "The feedback has an order and a stock: what does it cost if you reckon on paper?",
        "In this order: the price of a piece, times the count, less a tenth where there are "
        "10 or more, rounded down; the sum of that; the shipping.",
        "cents * 9 // 10 for each item by itself. Shipping is free from 5,000 cents on: >=.",
    ],
    deadline=30.0,
)
async def hundreds_of_orders_have_their_price(answer, draw, variant):
    now = draw.integer(2, ALWAYS - 1)
    item, other = words(draw, 2)
    said = "an order that can be met is accepted, with its price and what it takes"
    edges = [
        ({item: {"price": 5000, "left": 1}}, lines((item, 1))),
        ({item: {"price": 4999, "left": 1}}, lines((item, 1))),
        ({item: {"price": 333, "left": 99}}, lines((item, 9))),
        ({item: {"price": 333, "left": 99}}, lines((item, 10))),
        ({item: {"price": 333, "left": 99}}, lines((item, 11))),
        ({item: {"price": 700, "left": 9, "offer": 100}}, lines((item, 1))),
        (
            {item: {"price": 11, "left": 20}, other: {"price": 19, "left": 20}},
            lines((other, 11), (item, 13)),
        ),
    ]
    for stock, order in edges:
        await decides(answer, order, stock, now, said)
    for _ in range(CASES):
        stock = a_stock(draw)
        await decides(answer, an_order(draw, stock), stock, now, said)


@exercise.check(
    "the time is handed over",
    points=1,
    misconception="rules-need-a-server",
    hints=[
        "Which time is it in the check's call, and which one does your rule take?",
        "now is an argument, a number of seconds. An offer ends at its `until`: in that second it "
        "is over.",
        'entry["offer"] if "until" in entry and now < entry["until"] else entry["price"]',
    ],
    deadline=15.0,
)
async def the_time_is_handed_over(answer, draw, variant):
    said = "an offer holds before its end, by the time that is handed over"
    for until in (1, 1000, draw.integer(10**9, 3 * 10**9), ALWAYS):
        item = draw.word()
        entry = {"price": 700, "left": 9, "offer": draw.integer(100, 600), "until": until}
        for now in sorted({0, until - 1, until - 0.5, until, until + 1, 2 * ALWAYS}):
            await decides(answer, lines((item, 2)), {item: entry}, now, said)


@exercise.check(
    "what is no order is a decision, too",
    points=2,
    hints=[
        "Anybody may send anything. Which lines of your rule take for granted what has come?",
        "Ask for the type of everything before you use it: of the order, its lines, each line, "
        "its item, its count. True is an int, and no count.",
        "type(count) is int and 1 <= count <= 100; all lines are looked at before the stock is.",
    ],
    deadline=15.0,
)
async def what_is_no_order_is_a_decision_too(answer, draw, variant):
    missing, item, *others = words(draw, MOST_LINES + 1)
    stock = {each: {"price": 500, "left": 5000} for each in (item, *others)}
    good = {"item": item, "count": 2}
    counts = (0, -1, MOST_PIECES + 1, True, 2.0, "2", None, [2])
    bad = [
        *({"item": item, "count": count} for count in counts),
        *({"item": name, "count": 2} for name in (None, 7, [item], {item: 1}, True)),
        *({"item": item}, {"count": 2}, {}, [], None, item, [item, 2]),
    ]
    orders = [None, 7, True, "lines", [], [good], {}, {"line": [good]}]
    for rest in (None, 7, "lines", {}, {"0": good}, [], [good] * (MOST_LINES + 1)):
        orders.append({"lines": rest})
    for each in bad:
        orders += [{"lines": [each]}, {"lines": [good, each]}]
    orders.append({"lines": [{"item": missing, "count": 1}, {"item": item, "count": 0}]})
    for order in orders:
        said = "what is no order is refused by a decision, whatever it is"
        await decides(answer, order, stock, 1000, said)
    said = "what an order may have, it may have"
    for most in (
        lines(*((each, 2) for each in stock)),
        lines((item, MOST_PIECES)),
        {"lines": [{**good, "colour": "red"}], "note": [1]},
        lines(("", 1)),
    ):
        await decides(answer, most, stock, 1000, said)


@exercise.check(
    "an order is met as a whole",
    points=2,
    hints=[
        "Two lines name the same item. Of how many pieces is that, and what do they cost?",
        "Three passes: add up the counts by item, in the order in which the lines name them; then "
        "look for an unknown one; then for one of which there are too few.",
        'take[line["item"]] = take.get(line["item"], 0) + line["count"]. A dict keeps its order.',
    ],
    deadline=15.0,
)
async def an_order_is_met_as_a_whole(answer, draw, variant):
    for _ in range(20):
        a, b, c, missing = words(draw, 4)
        stock = {
            each: {"price": 10 * draw.integer(10, 90), "left": draw.integer(12, 40)}
            for each in (c, b, a)
        }
        left = stock[a]["left"]
        said = "an item of which there are too few is named, and how many are left"
        await decides(answer, lines((b, 1), (a, left + 1)), stock, 1000, said)
        for first, second in ((a, b), (b, a)):
            await decides(answer, lines((first, 41), (second, 41)), stock, 1000, said)
        await decides(answer, lines((a, left), (b, 1)), stock, 1000, "what is left can be had")
        said = "an item that is not there is named, before any of which there are too few"
        await decides(answer, lines((a, 41), (missing, 1), (b, 1)), stock, 1000, said)
        said = "lines with the same item add up"
        await decides(answer, lines((a, left), (b, 1), (a, 1)), stock, 1000, said)
        await decides(answer, lines((a, left), (b, 41), (a, 1)), stock, 1000, said)
        await decides(answer, lines((c, 6), (b, 1), (c, 4)), stock, 1000, said)


@exercise.check(
    "nothing that is handed over changes",
    points=2,
    misconception="rules-need-a-server",
    hints=[
        "Whose is the stock that you are given, and who else may look at it?",
        "A copy of a dict has the same entries, not copies of them: what you change in one of them "
        "is changed in both.",
        'Build new entries: {item: {**entry, "left": entry["left"] - take.get(item, 0)} for item, '
        "entry in stock.items()}.",
    ],
    deadline=15.0,
)
async def nothing_that_is_handed_over_changes(answer, draw, variant):
    for _ in range(10):
        stock = a_stock(draw)
        order = an_order(draw, stock)
        take = decided(order, stock, 1000)["take"]
        did = f"called evolve({show(stock)}, {show(take)})"
        said = "evolve returns the stock less what is taken, and all else as it was"
        got = await answer.call("evolve", stock, take)
        assert_equal(got, evolved(stock, take), said, did)
        # What evolve has returned stays in the answer's process, and is handed over there.
        kept = await answer.new("evolve", stock, {})
        assert_equal(await kept.call("copy"), stock, "who takes nothing changes nothing", did)
        await answer.call("decide", order, kept, 1000)
        said = "decide changes nothing of the stock that it is given"
        did = f"called decide({show(order)}, stock, 1000), and looked at stock again"
        assert_equal(await kept.call("copy"), stock, said, did)
        later = await answer.new("evolve", kept, take)
        said = "evolve changes nothing of the stock that it is given: the new one is another"
        did = f"called evolve(stock, {show(take)}), and looked at stock again"
        assert_equal(await kept.call("copy"), stock, said, did)
        said = "evolve returns the stock less what is taken"
        assert_equal(await later.call("copy"), evolved(stock, take), said, did)
    stock = a_stock(draw)
    take = {item: entry["left"] for item, entry in stock.items()}
    said = "an item of which nothing is left stays in the stock"
    with apart("What does your evolve do with an item that is sold out?"):
        did = f"called evolve({show(stock)}, {show(take)})"
        assert_equal(await answer.call("evolve", stock, take), evolved(stock, take), said, did)


@exercise.check(
    "the same question has the same answer",
    points=1,
    misconception="rules-need-a-server",
    hints=[
        "Your rule was asked the same twice. What else has it looked at, or left somewhere?",
        "A rule has its arguments, and nothing else: no module's variable that it changes, no "
        "file, no print.",
        "Whoever calls decide may keep what was decided, or write it into a log: the shell.",
    ],
    deadline=30.0,
)
async def the_same_question_has_the_same_answer(answer, draw, variant):
    asked = []
    for _ in range(30):
        stock = a_stock(draw)
        order = draw.choice([an_order(draw, stock), an_order(draw, stock, most=99), {"lines": 7}])
        asked.append((order, stock, draw.integer(0, ALWAYS)))
    first = [await answer.call("decide", *each) for each in asked]
    for got, each in zip(first, asked, strict=True):
        assert_that(
            isinstance(got, dict) and isinstance(got.get("status"), str),
            said="a decision is a dict that has a status",
            expected='{"status": ...}',
            got=got,
            did=f"called decide({', '.join(map(show, each))})",
        )
    said = "the same order, stock and time have the same decision"
    for known, each in reversed(list(zip(first, asked, strict=True))):
        did = f"called decide({', '.join(map(show, each))}) twice"
        assert_equal(await answer.call("decide", *each), known, said, did)
    for _, stock, _ in asked[:5]:
        await answer.call("evolve", stock, {})
    assert_that(
        not answer.output,
        said="rules say what they decide, and print nothing",
        expected="no output",
        got=repr(answer.output[:200]),
        did="called decide and evolve",
    )
    await answer.restart()
    for known, each in zip(first, asked, strict=True):
        did = f"called decide({', '.join(map(show, each))}) in two processes"
        assert_equal(await answer.call("decide", *each), known, said, did)


# ---- the shell ----


class Rules(StandIn):
    """Rules that decide what they were told to, whatever they are asked."""

    exposed = ("decide", "evolve")

    def __init__(self):
        self.asked = []
        self.evolves = []
        self.decision = {}
        self.next = {}

    def __repr__(self):
        return "rules"

    def decide(self, order, stock, now):
        self.asked.append((order, stock, now))
        return self.decision

    def evolve(self, stock, take):
        self.evolves.append((stock, take))
        return self.next


class Store(StandIn):
    """A store of one stock. keeps: whether what is saved is the stock from then on."""

    exposed = ("load", "save")

    def __init__(self, stock, keeps=True):
        self.stock = stock
        self.keeps = keeps
        self.loads = 0
        self.saved = []
        self.broken = False

    def __repr__(self):
        return "store"

    def load(self):
        self.loads += 1
        return self.stock

    def save(self, stock):
        if self.broken:
            raise OSError("the store is full")
        self.saved.append(stock)
        if self.keeps:
            self.stock = stock


class Clock(StandIn):
    """A clock that says what it was told to."""

    exposed = ("now",)

    def __init__(self):
        self.time = 0
        self.asked = 0

    def __repr__(self):
        return "clock"

    def now(self):
        self.asked += 1
        return self.time


async def post(peer, body, did):
    """POST a body of JSON, over a connection of its own."""
    conn = await peer.connect()
    fields = [("Content-Type", "application/json")]
    got = await request(conn, "POST", "/orders", fields, body, did=did)
    conn.close()
    return got


def made_up(draw):
    """A stock, in which nobody could buy anything."""
    return {draw.word(): draw.integer(1, 99), "list": [draw.word()]}


@exercise.check(
    "the shell asks the rules",
    points=2,
    misconception="rules-need-a-server",
    hints=[
        "Which part of your handler would have to change if the shop had other rules?",
        "The shell hands on what came: the JSON of the body, the stock of the store, the time of "
        "the clock. Whether that is an order, the rules decide.",
        "decision = self.rules.decide(order, self.store.load(), self.clock.now()), then "
        'set_status({"accepted": 201, "short": 409}.get(decision["status"], 422)) and '
        "write(decision).",
    ],
    deadline=15.0,
)
async def the_shell_asks_the_rules(answer, draw, variant):
    statuses = {"accepted": 201, "short": 409, "unknown": 422, "invalid": 422}
    orders = [None, [draw.word()], draw.text(6), 7, {}, lines((draw.word(), 1)), {"lines": "ä"}]
    rules, store, clock = Rules(), Store(made_up(draw), keeps=False), Clock()
    async with answer.serving("serve", rules, store, clock) as peer:
        for number, order in enumerate(orders):
            for verdict, status in statuses.items():
                rules.asked.clear()
                rules.decision = {"status": verdict, draw.word(): draw.integer(0, 10**9)}
                rules.decision |= {"take": made_up(draw)} if verdict == "accepted" else {}
                rules.next, clock.time = made_up(draw), draw.integer(0, 2 * ALWAYS)
                store.stock = stock = made_up(draw)
                body = json.dumps(order, ensure_ascii=number % 2 == 0).encode()
                did = f"sent POST /orders with {ascii(body)[1:]}; decide returns {rules.decision}"
                got = await post(peer, body, did)
                said = "the rules are asked once, with the order, the store's stock and the time"
                assert_equal(rules.asked, [(order, stock, clock.time)], said, did)
                assert_equal(got.status, status, "the status tells how it was decided", did)
                said = "who orders is told what was decided, as application/json"
                assert_equal(got.media_type, "application/json", said, did)
                try:
                    document = got.json()
                except ValueError as error:
                    fail(said, did, "JSON in UTF-8", f"{got.body[:200]!r}: {error}")
                assert_equal(document, rules.decision, said, did)


@exercise.check(
    "only what is accepted is kept",
    points=2,
    hints=[
        "When may your shell say 201: before the stock is saved, or behind that?",
        "Accepted: save what evolve returns, then answer. Refused: save nothing. No JSON: 400, and "
        "nobody is asked.",
        "except ValueError around json.loads(self.request.body.decode()): HTTPError(400). Call "
        "store.save before write; when it raises, Tornado answers 500.",
    ],
    deadline=15.0,
)
async def only_what_is_accepted_is_kept(answer, draw, variant):
    rules, store, clock = Rules(), Store(made_up(draw)), Clock()
    async with answer.serving("serve", rules, store, clock) as peer:
        for verdict in ("short", "accepted", "unknown", "accepted", "invalid"):
            store.saved.clear()
            rules.evolves.clear()
            rules.decision = {"status": verdict, "take": made_up(draw)}
            rules.next = made_up(draw)
            stock = store.stock
            did = f"sent POST /orders; decide returns {rules.decision}"
            await post(peer, b'{"lines": []}', did)
            kept = verdict == "accepted"
            said = "what an accepted order leaves is kept, once; what a refused one does, is not"
            assert_equal(store.saved, [rules.next] if kept else [], said, did)
            if kept:
                said = "evolve gets the stock that was decided on, and what is taken"
                assert_equal(rules.evolves, [(stock, rules.decision["take"])], said, did)
        rules.asked.clear()
        store.saved.clear()
        store.loads = clock.asked = 0
        rules.decision = {"status": "accepted", "take": {}}
        wide = '{"lines": []}'.encode("utf-16")
        for body in (b'{"lines"', b"lines=1", b'{"lines": "\xff"}', wide):
            did = f"sent POST /orders with {ascii(body)[1:]}"
            got = await post(peer, body, did)
            assert_equal(got.status, 400, "what is no JSON is refused", did)
            asked = rules.asked, store.saved, store.loads, clock.asked
            assert_equal(asked, ([], [], 0, 0), "nobody is asked about it", did)
        store.broken = True
        did = "sent POST /orders; store.save raises OSError"
        got = await post(peer, b'{"lines": []}', did)
        assert_equal(got.status, 500, "who is told 201 has an order that is kept", did)
        kept = await peer.connect()
        await request(kept, "POST", "/orders", body=b"7")
        with apart(
            "serve has returned. Which of the things that it made goes on?",
            "server.stop(), and then await server.close_all_connections().",
        ):
            await peer.stop(did="set stop while a client was connected")
