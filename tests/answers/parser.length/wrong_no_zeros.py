"""Refuses zeros before a number.

refused by: a length is digits
misconception:
"""


def length_of(values):
    if not values:
        return 0
    if len(values) > 1 or not values[0].isdigit() or values[0][:1] == b"0" != values[0]:
        return None
    return int(values[0])
