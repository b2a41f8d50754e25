"""Reads a value up to a comma.

refused by: one value or none
misconception: last-field-wins
"""


def length_of(values):
    if not values:
        return 0
    value = values[0].partition(b",")[0]
    if len(values) > 1 or not value.isdigit():
        return None
    return int(value)
