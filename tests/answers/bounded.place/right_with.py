"""Closes by a with block, and lets no exception out."""


def attend(connection, room, handle):
    try:
        with connection:
            handle(connection)
    except Exception as error:
        print(error)
    finally:
        room.release()
