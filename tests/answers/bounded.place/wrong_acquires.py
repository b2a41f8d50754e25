"""Acquires a place that it has already.

refused by: gives the place back in every case
misconception:
"""


def attend(connection, room, handle):
    with room, connection:
        handle(connection)
