"""Gives the place away while its client's connection is still open.

refused by: gives the place back in every case
misconception:
"""


def attend(connection, room, handle):
    try:
        handle(connection)
    finally:
        room.release()
        connection.close()
