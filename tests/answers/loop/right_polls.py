"""No selector that remembers: each turn says anew what it waits for; chunks instead of a buffer."""

import select
import socket
from collections import deque


def waits_for(listener, clients, limit):
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    for number, (connection, chunks, ended) in clients.items():
        size = sum(map(len, chunks))
        reading = select.POLLIN if size < limit and not ended else 0
        poll.register(number, reading | (select.POLLOUT if chunks else 0))
        assert connection.fileno() == number
    return poll


def turn(connection, chunks, ended, ready):
    """One client's turn; whether it has ended its direction."""
    if ready & (select.POLLERR | select.POLLNVAL):
        raise ConnectionError
    if ready & select.POLLIN and not ended:
        data = connection.recv(16384)
        if data:
            chunks.append(data)
        else:
            ended = True
    while chunks:
        try:
            sent = connection.send(chunks[0])
        except BlockingIOError:
            break
        chunk = chunks.popleft()
        if sent < len(chunk):
            chunks.appendleft(memoryview(chunk)[sent:])
            break
    return ended


def serve(host, port, stop, limit):
    clients = {}
    try:
        with socket.create_server((host, port), backlog=100) as listener:
            listener.setblocking(False)
            while not stop.is_set():
                for number, ready in waits_for(listener, clients, limit).poll(100):
                    if number == listener.fileno():
                        try:
                            connection, _ = listener.accept()
                        except OSError:
                            continue
                        connection.setblocking(False)
                        clients[connection.fileno()] = (connection, deque(), False)
                        continue
                    connection, chunks, ended = clients[number]
                    try:
                        ended = turn(connection, chunks, ended, ready)
                    except OSError:
                        ended = True
                        chunks.clear()
                    clients[number] = (connection, chunks, ended)
                    if ended and not chunks:
                        del clients[number]
                        connection.close()
    finally:
        for connection, _, _ in clients.values():
            connection.close()
