"""Asks HTTPStatus for the phrase."""

import json
from http import HTTPStatus


def problem(status, detail):
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Unknown"
    document = {"title": title, "status": status}
    if detail and status < 500:
        document["detail"] = detail
    return json.dumps(document).encode()
