"""Gives the place back when the connection broke, and not when anything else went wrong.

refused by: gives the place back in every case
misconception: one-client-one-exception
"""


def attend(connection, room, handle):
    try:
        handle(connection)
    except OSError as error:
        print(error)
    connection.close()
    room.release()
