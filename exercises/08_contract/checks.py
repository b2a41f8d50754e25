"""Checks of the exercise `contract`: what a client takes from the JSON that came.

Nothing is connected here: the answer is called with a schema and the bytes of a body. An error is
compared by the paths that its lines begin with; the words behind them are the learner's.
"""

import json

from labsupport.checking import Exercise, assert_equal, assert_that, fail
from labsupport.checking.showing import show

exercise = Exercise(
    "contract",
    title="contract: what you need, and where it is missing",
    lesson="08b",
    minutes=30,
    kind="core",
    entry="read(schema, body), class ContractError(ValueError)",
)

place = Exercise(
    "contract.place",
    title="contract, the step: a place in a document",
    lesson="08b",
    minutes=3,
    kind="core",
    entry="place(steps) -> str",
)

MOST = 2**53 - 1  # the largest count
ERROR = "ContractError"
LEAVES = ("text", "flag", "count", "number")
BAD = {  # JSON that is not of the kind
    "text": ("7", "true", "null", '["a"]', "{}"),
    "flag": ("0", "1", '"true"', "null", "[]"),
    "count": ("true", "false", "-1", "5.0", "2.5", "1e2", '"5"', "null", f"{MOST + 1}", "[]"),
    "number": ("true", "false", '"21.5"', '""', "null", "[1]", "{}"),
    "list": ("{}", '"abc"', "null", "0"),
    "object": ("[]", '[["name", 1]]', "null", '"name"'),
}


# ---- what is drawn ----


def names(draw, n):
    """n words that differ, in the order in which they were drawn."""
    found = {}
    while len(found) < n:
        found[draw.word()] = None
    return list(found)


def a_leaf(draw, kind):
    """JSON of a kind, and what read makes of it."""
    if kind == "text":
        text = draw.text(draw.integer(0, 6))
        return json.dumps(text, ensure_ascii=draw.choice([True, False])), text
    if kind == "flag":
        return draw.choice([("true", True), ("false", False)])
    if kind == "count":
        count = draw.choice([0, 1, MOST, draw.integer(2, 10**9)])
        return str(count), count
    written = draw.choice(["0", "-7", "21.5", "1e3", "-2.5E-1", "0.0", str(10**20), "12"])
    return written, float(written)


def a_value(draw, depth):
    """A schema, JSON that fits, and what read makes of it."""
    shape = draw.choice(["leaf", "list", "object"]) if depth else "leaf"
    if shape == "leaf":
        kind = draw.choice(LEAVES)
        return (kind, *a_leaf(draw, kind))
    if shape == "list":
        kind = draw.choice(LEAVES)
        items = [a_leaf(draw, kind) for _ in range(draw.integer(0, 3))]
        text = ", ".join(written for written, _ in items)
        return [kind], f"[{text}]", [value for _, value in items]
    return an_object(draw, depth)


def an_object(draw, depth):
    """The same for an object: with optional members, and with some that nobody asks for."""
    schema, written, value = {}, [], {}
    for name in names(draw, draw.integer(2, 5)):
        inner, text, made = a_value(draw, depth - 1)
        how = draw.choice(["needed", "there", "absent", "unknown"])
        if how == "needed":
            schema[name] = inner
        elif how != "unknown":
            schema[f"{name}?"] = inner
        if how != "absent":
            written.append(f"{json.dumps(name)}: {text}")
        if how in ("needed", "there"):
            value[name] = made
    return schema, "{" + ", ".join(written) + "}", value


# ---- what is judged ----


async def reads(answer, schema, body, wanted, said):
    did = f"called read({show(schema)}, {show(body)})"
    assert_equal(await answer.call("read", schema, body), wanted, said, did)


async def refuses(answer, schema, body, paths, said):
    """read has to raise the answer's error, with a line for each of these paths."""
    did = f"called read({show(schema)}, {show(body)})"
    raised = await answer.raises(ERROR, "read", schema, body)
    found = [line.partition(":")[0].strip() for line in raised.message.splitlines() if line]
    assert_equal(sorted(found), sorted(paths), said, did)
    return raised


# ---- the step ----


@place.check(
    "a place is a path",
    points=1,
    hints=[
        "What is the difference between the name of a member and the number of an item?",
        "Begin with $. A str adds a point and itself, an int adds itself in brackets.",
        'path += f"[{step}]" if isinstance(step, int) else f".{step}"',
    ],
)
async def a_place_is_a_path(answer, draw, variant):
    first, second = names(draw, 2)
    number = draw.integer(0, 99)
    cases = [
        ([], "$"),
        ([first], f"$.{first}"),
        ([number], f"$[{number}]"),
        ([first, number, second], f"$.{first}[{number}].{second}"),
        ([0, number, first], f"$[0][{number}].{first}"),
    ]
    for steps, wanted in cases:
        did = f"called place({steps})"
        got = await answer.call("place", steps)
        assert_equal(got, wanted, "a place is written as a path from $", did)


# ---- the build ----


@exercise.check(
    "what the schema names is read",
    points=2,
    hints=[
        "Compare the result with the schema: what is too much, or too little, or of another type?",
        "Go through the schema, not through the data: what nobody asks for is left behind. A "
        "member that may be missing, and is, is not in the result.",
        "number gives a float, also for 12. For a list, read each item with the one schema that "
        "it holds; for an object, each member with its own.",
    ],
    deadline=30.0,
)
async def what_the_schema_names_is_read(answer, draw, variant):
    said = "the result has what the schema names, and nothing else"
    for kind in LEAVES:
        for _ in range(5):
            written, value = a_leaf(draw, kind)
            await reads(answer, kind, f" {written}\n".encode(), value, said)
    for _ in range(25):
        schema, written, value = an_object(draw, depth=3)
        await reads(answer, schema, written.encode(), value, said)
    name, other = names(draw, 2)
    body = f'{{"{name}": 1, "{other}": {{"{name}": 1e999, "{other}": [null]}}}}'.encode()
    await reads(answer, {name: "count"}, body, {name: 1}, "what nobody asks for may be anything")
    rows = [{name: number} for number in range(3)]
    body = json.dumps([{**row, other: None} for row in rows]).encode()
    await reads(answer, [{name: "count", f"{name}s?": "text"}], body, rows, said)


@exercise.check(
    "what is missing is named",
    points=2,
    misconception="missing-is-none",
    hints=[
        "The server has renamed a member. Which line of yours notices, and what does it say?",
        "A member that is not there has no value, not even None. One that is null is there, and "
        "null is of no kind.",
        'if name in data: read it, else, unless the schema has name + "?", note '
        'f"{path}.{name}: missing". data.get(name) cannot tell missing from null.',
    ],
    deadline=30.0,
)
async def what_is_missing_is_named(answer, draw, variant):
    outer, name, new, other = names(draw, 4)
    for kind in LEAVES:
        said = "a member that is missing is named by its path"
        written, _ = a_leaf(draw, kind)
        body = f'{{"{new}": {written}}}'.encode()
        await refuses(answer, {name: kind}, body, [f"$.{name}"], said)
        await refuses(answer, {name: kind}, b"{}", [f"$.{name}"], said)
        number = draw.integer(0, 5)
        rows = [f'{{"{name}": {written}}}'] * 6
        rows[number] = f'{{"{new}": {written}}}'
        body = f'{{"{outer}": [{", ".join(rows)}]}}'.encode()
        schema = {outer: [{name: kind, f"{other}?": "text"}]}
        await refuses(answer, schema, body, [f"$.{outer}[{number}].{name}"], said)
        said = "a member that is null is there, and of no kind"
        for key in (name, f"{name}?"):
            body = f'{{"{name}": null}}'.encode()
            await refuses(answer, {key: kind}, body, [f"$.{name}"], said)
        said = "a member that may be missing has to fit where it is there"
        body = f'{{"{name}": {{}}}}'.encode()
        await refuses(answer, {f"{name}?": kind}, body, [f"$.{name}"], said)
    said = "of an object that is missing, its members are not named"
    await refuses(answer, {outer: {name: "text"}}, b"{}", [f"$.{outer}"], said)


@exercise.check(
    "each kind is itself",
    points=2,
    hints=[
        "Which Python type is what came, and for which of the schema's kinds may it stand?",
        "Ask for the type, and convert nothing: a text that looks like a number is a text. True "
        "is an int for isinstance, and no number.",
        "type(data) is int for a count, type(data) in (int, float) for a number; dict and list "
        "before you look inside.",
    ],
    deadline=30.0,
)
async def each_kind_is_itself(answer, draw, variant):
    name = draw.word()
    said = "what is of another kind is refused, and not converted"
    for kind, bad in BAD.items():
        schema = {"list": ["text"], "object": {"name": "text"}}.get(kind, kind)
        for written in bad:
            await refuses(answer, schema, written.encode(), ["$"], said)
            body = f'{{"{name}": [{written}]}}'.encode()
            await refuses(answer, {name: [schema]}, body, [f"$.{name}[0]"], said)


@exercise.check(
    "a number is finite",
    points=1,
    hints=[
        "JSON knows no largest number, and a float does. What does yours become?",
        "1e999 is read as inf, which is a float; an int of 400 digits becomes no float at all.",
        "math.isfinite(data) is False for inf, and raises OverflowError for such an int.",
    ],
    deadline=30.0,
)
async def a_number_is_finite(answer, draw, variant):
    name = draw.word()
    large = str(draw.integer(2, 9)) + "0" * 400
    for written in ("1e999", "-1e999", large, f"-{large}", f"{large}.5"):
        said = "a number that no float can hold is refused"
        body = f'{{"{name}": {written}, "x": 1}}'.encode()
        await refuses(answer, {name: "number", "x": "number"}, body, [f"$.{name}"], said)
    for written in ("1e308", "-1e-999", "1" + "0" * 300):
        said = "a number that a float can hold is read"
        await reads(answer, ["number"], f"[{written}]".encode(), [float(written)], said)


@exercise.check(
    "all problems are told",
    points=2,
    hints=[
        "Three things are wrong in the body. How many does your error name?",
        "An exception ends the reading at the first problem. Collect the problems, go on, and "
        "raise once, at the end.",
        'Hand a list to the function that calls itself: problems.append(f"{path}: ..."). In read: '
        r'if problems: raise ContractError("\n".join(problems)).',
    ],
    deadline=30.0,
)
async def all_problems_are_told(answer, draw, variant):
    said = "the error has a line for each problem, and none besides"
    for _ in range(10):
        outer, one, two, three = names(draw, 4)
        schema = {outer: [{one: "number", two: "text", three: {one: "flag", f"{two}?": "count"}}]}
        rows, paths = [], []
        for number in range(3):
            row = {one: 2.5, two: "x", three: {one: True, two: 3}}
            for fault in range(draw.integer(0, 3) if number else 3):
                where = f"$.{outer}[{number}]"
                if fault == 0:
                    row[one] = draw.choice([[], {}, [2.5]])
                    paths.append(f"{where}.{one}")
                elif fault == 1:
                    del row[two]
                    paths.append(f"{where}.{two}")
                else:
                    row[three] = {two: "x"}
                    paths += [f"{where}.{three}.{one}", f"{where}.{three}.{two}"]
            rows.append(row)
        await refuses(answer, schema, json.dumps({outer: rows}).encode(), paths, said)
    said = "of what is of another kind, nothing inside is named"
    body = json.dumps({one: [], two: 7}).encode()
    schema = {one: {two: "text", three: "text"}, two: "text"}
    await refuses(answer, schema, body, [f"$.{one}", f"$.{two}"], said)


@exercise.check(
    "what is no JSON is refused",
    points=2,
    hints=[
        "Which bodies does Python's json read although they are no JSON, and what does it raise "
        "where it gives up?",
        "Decode as UTF-8 yourself. json.loads has hooks for NaN and for the pairs of an object. "
        "Besides JSONDecodeError, two more exceptions can come.",
        "parse_constant is called for NaN and Infinity, object_pairs_hook with all pairs. Catch "
        "(ValueError, RecursionError): bytes that do not decode raise the first.",
    ],
    deadline=30.0,
)
async def what_is_no_json_is_refused(answer, draw, variant):
    name, other = names(draw, 2)
    good = f'{{"{name}": 1}}'
    bodies = [b"", b"   ", b"<html>", good[:-1].encode(), f"{good} x".encode(), b"{'a': 1}"]
    bodies += [good.encode(codec) for codec in ("utf-16", "utf-16-le", "utf-32")]
    bodies += [f'{{"{name}": 1, "{other}": "'.encode() + b'\xff"}', b'"\xe9"', b'"\xed\xa0\x80"']
    for inside in ("NaN", "Infinity", "-Infinity", "[NaN]", f'{{"{other}": -Infinity}}'):
        bodies.append(f'{{"{name}": 1, "{other}": {inside}}}'.encode())
    bodies.append(f'{{"{name}": 1, "{name}": 1}}'.encode())
    bodies.append(f'{{"{name}": 1, "{other}": [{{"x": 1, "y": 2, "x": 3}}]}}'.encode())
    deep, long = "[" * 100_000, "9" * 5000
    bodies.append(f'{{"{name}": 1, "{other}": {deep}'.encode())
    bodies.append(f'{{"{name}": 1, "{other}": {deep}{"]" * 100_000}}}'.encode())
    bodies.append(f'{{"{name}": 1, "{other}": {long}}}'.encode())
    for body in bodies:
        await refuses(answer, {name: "count"}, body, ["$"], "what cannot be read is refused at $")


@exercise.check(
    "the error tells no values",
    points=1,
    hints=[
        "Errors end in logs, and logs are read by many. What of the body is in yours?",
        "Name the path, what was needed and the type of what came. A value has no place there.",
        "type(data).__name__ in the place of data; and of what json raises, not its text.",
    ],
    deadline=30.0,
)
async def the_error_tells_no_values(answer, draw, variant):
    name, other = names(draw, 2)
    for _ in range(5):
        secret = draw.bytes(8).hex()
        number = str(draw.integer(10**14, 10**15))
        for kind in ("count", "number", "flag", ["flag"], {"x": "text"}):
            await keeps(answer, {name: kind}, json.dumps({name: secret, other: secret}), secret)
        for kind in ("text", "flag", ["text"], {"x": "text"}):
            await keeps(answer, {name: kind}, json.dumps({name: int(number)}), number)
            await keeps(answer, {name: kind}, f'{{"{name}": [{number}], "x": "{secret}"}}', number)
        await keeps(answer, {name: "text"}, f'{{"{name}": "{secret}", "{name}": 1}}', secret)
        await keeps(answer, {name: "text"}, f'{{"{name}": "{secret}"', secret)
    raised = await answer.raises(ERROR, "read", "text", b"7")
    said = "who catches ValueError catches the error, too"
    did = "called read('text', b'7')"
    assert_that("ValueError" in raised.kinds, said, "a subclass of ValueError", raised.kinds, did)


async def keeps(answer, schema, body, secret):
    raised = await answer.raises(ERROR, "read", schema, body.encode())
    if secret in raised.message:
        did = f"called read({show(schema)}, {show(body.encode())})"
        fail("the error quotes nothing of the body's values", did, "path and types", raised.message)
