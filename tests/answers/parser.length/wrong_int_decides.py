"""Lets int decide what a length is.

refused by: a length is digits
misconception: int-reads-digits-only
"""


def length_of(values):
    if not values:
        return 0
    try:
        return int(values[0]) if len(values) == 1 else None
    except ValueError:
        return None
