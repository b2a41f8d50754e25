"""Takes what str calls a digit for one, and int raises an error for some of them.

refused by: a length is digits
misconception: int-reads-digits-only
"""


def length_of(values):
    if not values:
        return 0
    if len(values) > 1 or not values[0].decode("latin-1").isdigit():
        return None
    return int(values[0])
