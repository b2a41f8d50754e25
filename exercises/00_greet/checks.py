"""Checks of the exercise `greet`: a name becomes the bytes of one line."""

from labsupport.checking import Exercise, assert_bytes, assert_that

exercise = Exercise(
    "greet",
    title="greet: your first answer",
    lesson="00",
    minutes=2,
    kind="core",
    entry="greet(name) -> bytes",
)


async def greeting(answer, name):
    """The answer's greeting for `name`, as bytes; that it is bytes has a check of its own."""
    reply = await answer.call("greet", name)
    return reply.encode("utf-8", "surrogatepass") if isinstance(reply, str) else reply


def without_ending(line):
    """The line less its line ending, which has a check of its own."""
    return line.rstrip(b"\r\n") if isinstance(line, bytes) else line


@exercise.check(
    "returns bytes",
    points=1,
    misconception="text-is-bytes",
    hints=[
        "What is the type of your result? Call type() on it.",
        "A str is text; a socket takes bytes. One method of str turns the first into the second.",
        'Put .encode("utf-8") behind the text that you return.',
    ],
)
async def returns_bytes(answer, draw, variant):
    for name in ("Ada", draw.word().capitalize()):
        reply = await answer.call("greet", name)
        assert_that(
            isinstance(reply, bytes),
            said="a socket carries bytes, so greet has to return bytes",
            expected="bytes",
            got=type(reply).__name__,
            did=f"called greet({name!r}) and looked at the type of the result",
        )


@exercise.check(
    "greets by name",
    points=2,
    misconception="close-is-enough",
    hints=[
        "Read the expected line letter by letter: which byte differs?",
        "Take the name exactly as it came, between `Hello, ` and the end of the line.",
        'An f-string puts it together: f"Hello, {name}". Then .encode() makes bytes of it.',
    ],
)
async def greets_by_name(answer, draw, variant):
    made_up = f"{draw.word().capitalize()} {draw.word()} Mc{draw.word().capitalize()}"
    for name in ("Ada", "van Rossum", "O'Neil", made_up):
        assert_bytes(
            without_ending(await greeting(answer, name)),
            f"Hello, {name}".encode(),
            said="the name goes into the line unchanged",
            did=f"called greet({name!r})",
        )


@exercise.check(
    "greets in every alphabet",
    points=2,
    misconception="ascii-is-enough",
    hints=[
        "How many bytes does the letter ë need?",
        "str.encode takes the name of an encoding. Which one does the task ask for?",
        'text.encode("utf-8") can encode every str that this task sends you.',
    ],
)
async def greets_in_every_alphabet(answer, draw, variant):
    # Letters without a case, and single spaces: other checks ask what becomes of the rest.
    made_up = "".join(each for each in draw.text(40) if each.lower() == each.upper())
    made_up = " ".join(made_up.split())
    for name in ("Zoë", "Łukasz", "名前", draw.choice(["Ωmega", "Дарья", "🐍"]), made_up):
        assert_bytes(
            without_ending(await greeting(answer, name)),
            f"Hello, {name}".encode(),
            said="the line is UTF-8",
            did=f"called greet({name!r})",
        )


@exercise.check(
    "ends the line once",
    points=1,
    misconception="send-ends-the-line",
    hints=[
        "What does the other side look for, to know that the line is complete?",
        "The task's hexdump ends in one byte, 0a. What does your line end in?",
        r'The last character before .encode() has to be "\n", once.',
    ],
)
async def ends_the_line_once(answer, draw, variant):
    for name in ("Ada", draw.word().capitalize()):
        line = await greeting(answer, name)
        ending = line[len(without_ending(line)) :] if isinstance(line, bytes) else line
        assert_bytes(
            ending,
            b"\n",
            said="one line feed, and nothing else, ends the line",
            did=f"called greet({name!r}) and looked at what follows the name",
        )
