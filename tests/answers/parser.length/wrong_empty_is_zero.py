"""Takes a value of nothing for 0.

refused by: a length is digits
misconception: int-reads-digits-only
"""


def length_of(values):
    if not values:
        return 0
    if values == [b""]:
        return 0
    if len(values) > 1 or not values[0].isdigit():
        return None
    return int(values[0])
