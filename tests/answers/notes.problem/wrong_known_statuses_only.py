"""Fails for a status that has no phrase.

refused by: a problem says its status
misconception:
"""

import json
from http import HTTPStatus


def problem(status, detail):
    title = HTTPStatus(status).phrase
    document = {"title": title, "status": status}
    if detail and status < 500:
        document["detail"] = detail
    return json.dumps(document).encode()
