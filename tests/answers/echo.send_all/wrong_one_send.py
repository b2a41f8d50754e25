"""Sends once.

refused by: sends everything in order
misconception: send-takes-all
"""


def send_all(connection, data):
    connection.send(data)
