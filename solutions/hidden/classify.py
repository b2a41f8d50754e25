"""Hidden checks of the exercise `classify`."""

from labsupport.checking import HiddenChecks, assert_equal

hidden = HiddenChecks("classify")


@hidden.check(
    "multicast in both families",
    points=1,
    misconception="private-or-global",
    said="Both tables have a row for multicast, and each holds from its first address to its last.",
)
async def multicast_in_both_families(answer, draw, variant):
    for address, kind in (
        ("224.0.0.0", "multicast"),
        ("239.255.255.255", "multicast"),
        ("ff00::", "multicast"),
        (f"ff0{draw.integer(1, 9)}::{draw.integer(1, 9999)}", "multicast"),
        ("ff02::1%eth0", "multicast"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
        ("feff:ffff::1", "reserved"),
    ):
        assert_equal(
            await answer.call("classify", address),
            kind,
            said="ff00::/8 and 224.0.0.0/4 are multicast, and nothing beside them",
            did=f"called classify({address!r})",
        )
