"""The sender connects its socket, which keeps strangers out; the receiver is an object.

A connected socket reports that nobody has the peer's port, in the next call: that is a loss.
"""

import contextlib
import socket
from time import monotonic


def datagram(kind, number, payload=b""):
    return kind + bytes([number % 256]) + len(payload).to_bytes(2, "big") + payload


def is_whole(data):
    return data[:1] in (b"D", b"E", b"A") and data[2:4] == len(data[4:]).to_bytes(2, "big")


def reads(sock, seconds):
    """What comes in so many seconds: pairs of datagram and source."""
    end = monotonic() + seconds
    with contextlib.suppress(TimeoutError):
        while (left := end - monotonic()) > 0:
            sock.settimeout(left)
            with contextlib.suppress(ConnectionRefusedError):
                yield sock.recvfrom(65535)


def send(host, port, data, *, wait=0.2, tries=8):
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect((host, port))
        number = 0
        while data:
            deliver(sock, datagram(b"D", number, data[:1000]), wait, tries)
            data = data[1000:]
            number += 1
        deliver(sock, datagram(b"E", number), wait, tries)


def deliver(sock, message, wait, tries):
    wanted = datagram(b"A", message[1])
    for _ in range(tries):
        with contextlib.suppress(ConnectionRefusedError):
            sock.send(message)
        if any(reply == wanted for reply, _ in reads(sock, wait)):
            return
    raise ConnectionError("nobody is there any more")


class File:
    """What has been taken so far, and who sends it."""

    def __init__(self):
        self.pieces = []
        self.sender = None
        self.last = 255
        self.complete = False

    def is_from_sender(self, data, source):
        if not is_whole(data) or data[:1] == b"A" or self.sender not in (None, source):
            return False
        self.sender = source
        return True

    def take(self, data):
        if not self.complete and (data[1] - self.last) % 256 == 1:
            self.pieces.append(data[4:])
            self.last = data[1]
            self.complete = data[:1] == b"E"
        return datagram(b"A", self.last)


def receive(host, port, *, silence=5.0, linger=2.0):
    file = File()
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        while not file.complete:
            for data, source in reads(sock, silence):
                if file.is_from_sender(data, source):
                    sock.sendto(file.take(data), source)
                    break
            else:
                raise ConnectionError("nothing came")
        for data, source in reads(sock, linger):
            if file.is_from_sender(data, source):
                sock.sendto(file.take(data), source)
    return b"".join(file.pieces)
