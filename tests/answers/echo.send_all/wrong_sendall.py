"""Leaves the loop to sendall, which the step asks to write.

refused by: sends everything in order
misconception: send-takes-all
"""


def send_all(connection, data):
    connection.sendall(data)
