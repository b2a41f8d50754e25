"""Strips blanks off a value before it looks at it.

refused by: a length is digits
misconception: int-reads-digits-only
"""


def length_of(values):
    if not values:
        return 0
    value = values[0].strip()
    if len(values) > 1 or not value.isdigit():
        return None
    return int(value)
