"""Says a detail where there is none.

refused by: a problem says its status
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
    if status < 500:
        document["detail"] = detail
    return json.dumps(document).encode()
