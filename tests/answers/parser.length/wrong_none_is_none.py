"""Has no length for a request that says none.

refused by: one value or none
misconception:
"""


def length_of(values):
    if len(values) != 1 or not values[0].isdigit():
        return None
    return int(values[0])
