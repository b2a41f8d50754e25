"""Looks into a table of phrases, and writes text as it is."""

import json
from http.client import responses


def problem(status, detail):
    members = [("title", responses.get(status, "Unknown")), ("status", status)]
    members += [("detail", detail)] * (detail != "" and status // 100 != 5)
    return json.dumps(dict(members), ensure_ascii=False).encode()
