"""Sends the whole again when a part was taken.

refused by: sends everything in order
misconception: send-takes-all
"""


def send_all(connection, data):
    sent = 0
    while sent < len(data):
        sent += connection.send(data)
