def attend(connection, room, handle):
    try:
        handle(connection)
    finally:
        connection.close()
        room.release()
