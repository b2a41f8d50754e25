"""Hidden checks of the exercise `endpoint`."""

from labsupport.checking import HiddenChecks, assert_equal

hidden = HiddenChecks("endpoint")


@hidden.check(
    "digits alone are a host",
    points=1,
    misconception="parsers-may-guess",
    said="A text without a colon is a host, also one of digits only: a port never stands alone.",
)
async def digits_alone_are_a_host(answer, draw, variant):
    text, default = str(draw.integer(1024, 65000)), draw.integer(1, 1000)
    assert_equal(
        await answer.call("parse_endpoint", text, default),
        (text, default),
        said="digits are characters of a host",
        did=f"called parse_endpoint({text!r}, {default})",
    )
    await answer.raises("ValueError", "parse_endpoint", text)
