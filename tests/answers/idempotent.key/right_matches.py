"""A pattern of the whole value."""

import re


def key(value):
    found = None if value is None else re.match(r'\A"([-_0-9A-Za-z]{1,64})"\Z', value)
    return found.group(1) if found else None
