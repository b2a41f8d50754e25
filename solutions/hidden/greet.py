"""Hidden checks of the exercise `greet`."""

from labsupport.checking import HiddenChecks, assert_bytes

hidden = HiddenChecks("greet")


@hidden.check(
    "white space in a name stays",
    points=1,
    misconception="close-is-enough",
    said="The name goes into the line exactly as it came, with every space that it has.",
)
async def white_space_in_a_name_stays(answer, draw, variant):
    word = draw.word()
    for name in (f" {word}", f"{word} ", f"{word}  {word}", f"{word}\t{word}", " "):
        assert_bytes(
            await answer.call("greet", name),
            f"Hello, {name}\n".encode(),
            said="white space belongs to the name",
            did=f"called greet({name!r})",
        )
