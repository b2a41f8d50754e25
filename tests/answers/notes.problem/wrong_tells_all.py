"""Passes on what went wrong inside.

refused by: a fault of the server tells no detail
misconception:
"""

import json
from http import HTTPStatus


def problem(status, detail):
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Unknown"
    document = {"title": title, "status": status}
    if detail:
        document["detail"] = detail
    return json.dumps(document).encode()
