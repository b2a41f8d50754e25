"""Hidden checks of the exercise `report`."""

import json
from urllib.parse import quote

from labsupport.checking import HiddenChecks, StandIn, assert_equal, fail
from labsupport.checking.web import request

hidden = HiddenChecks("report")


class Unknown(StandIn):
    """Reports of which there are none."""

    exposed = ("make",)

    def __repr__(self):
        return "reports"

    def make(self, room):
        raise LookupError(room)


@hidden.check(
    "a name is no format",
    points=1,
    deadline=15.0,
    misconception="errors-stay-in-their-thread",
    said="A client hears of an error whatever the room's name is, also if it has a percent sign.",
)
async def a_name_is_no_format(answer, draw, variant):
    async with answer.serving("serve", Unknown(), 2) as peer:
        for room in (f"{draw.word()} 100%", "%s", "%d%%", "{room}", draw.text(8)):
            conn = await peer.connect()
            did = f"asked for the report of {room!r}, which is not there"
            got = await request(conn, "GET", f"/report/{quote(room)}", did=did)
            said = "what is not there is 404, in a problem document"
            try:
                status = json.loads(got.body)["status"]
            except (ValueError, TypeError, KeyError):
                fail(said, did, 'a JSON object with "status"', got.body[:200])
            assert_equal((got.status, status), (404, 404), said, did)
            conn.close()
