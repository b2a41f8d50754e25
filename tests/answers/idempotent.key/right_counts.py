"""Looks at the ends, at the length, and at each character."""

from string import ascii_letters, digits

PERMITTED = frozenset(ascii_letters + digits + "-_")


def key(value):
    if not value or value[0] != '"' or value[-1] != '"':
        return None
    inner = value[1:-1]
    return inner if 1 <= len(inner) <= 64 and PERMITTED.issuperset(inner) else None
