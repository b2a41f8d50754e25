"""Takes the digits of any script.

refused by: a length is digits
misconception: int-reads-digits-only
"""


def length_of(values):
    if not values:
        return 0
    text = values[0].decode()
    if len(values) > 1 or not text.isdigit():
        return None
    return int(text)
