"""A thread for each client, and a send loop of its own."""

import socket
import threading


def send_all(connection, data):
    view = memoryview(data)
    while view:
        view = view[connection.send(view) :]


def echo(connection):
    while True:
        try:
            data = connection.recv(4096)
            if not data:
                break
            send_all(connection, bytes(data))
        except (TimeoutError, ConnectionError):
            break


def attend(connection):
    connection.settimeout(1.0)
    try:
        echo(connection)
    finally:
        connection.close()


def serve(host, port, stop):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen()
    listener.settimeout(0.05)
    clients = []
    while not stop.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        clients.append(threading.Thread(target=attend, args=(connection,)))
        clients[-1].start()
    listener.close()
    for client in clients:
        client.join()
