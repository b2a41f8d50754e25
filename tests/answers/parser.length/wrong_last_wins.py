"""Takes the last of several values.

refused by: one value or none
misconception: last-field-wins
"""


def length_of(values):
    if not values:
        return 0
    return int(values[-1]) if values[-1].isdigit() else None
