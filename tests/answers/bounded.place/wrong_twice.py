"""Gives the place back in the except clause and once more under finally.

refused by: gives the place back in every case
misconception: one-client-one-exception
"""


def attend(connection, room, handle):
    try:
        handle(connection)
    except Exception:
        room.release()
        raise
    finally:
        connection.close()
        room.release()
