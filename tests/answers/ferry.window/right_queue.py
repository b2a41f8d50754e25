"""Keeps what is under way in a queue, on a connected socket."""

import contextlib
import socket
from collections import deque
from time import monotonic


def datagrams_of(data):
    number = 0
    for number, at in enumerate(range(0, len(data), 1000), 1):
        piece = data[at : at + 1000]
        yield b"D" + bytes([(number - 1) % 256]) + len(piece).to_bytes(2, "big") + piece
    yield b"E" + bytes([number % 256, 0, 0])


def send_window(host, port, data, *, window=8, wait=0.2, tries=8):
    waiting = deque(datagrams_of(data))
    under_way = deque()
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect((host, port))
        tried, end = 1, monotonic() + wait
        while waiting or under_way:
            while waiting and len(under_way) < window:
                under_way.append(waiting.popleft())
                hand_over(sock, under_way[-1])
            if (left := end - monotonic()) > 0:
                covered = covers(sock, left, under_way)
                if not covered:
                    continue
                for _ in range(covered):
                    under_way.popleft()
                tried = 1
            elif tried < tries:
                tried += 1
                for message in under_way:
                    hand_over(sock, message)
            else:
                raise ConnectionError("nobody acknowledges")
            end = monotonic() + wait


def hand_over(sock, message):
    """Send; what the system reports of an earlier datagram says that something is lost."""
    with contextlib.suppress(ConnectionRefusedError):
        sock.send(message)


def covers(sock, seconds, under_way):
    """How many of those under way the next datagram covers; 0 when none does."""
    sock.settimeout(seconds)
    try:
        reply = sock.recv(65535)
    except (TimeoutError, ConnectionRefusedError):
        return 0
    numbers = [message[1] for message in under_way]
    if len(reply) != 4 or reply[:1] != b"A" or reply[2:] != b"\0\0" or reply[1] not in numbers:
        return 0
    return numbers.index(reply[1]) + 1
