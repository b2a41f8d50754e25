"""Takes the first of several values.

refused by: one value or none
misconception: last-field-wins
"""


def length_of(values):
    if not values:
        return 0
    return int(values[0]) if values[0].isdigit() else None
