"""Closes no socket of receive: its port is taken for the next call.

refused by: gives up on a silent peer
misconception: retry-for-ever
"""

import socket
import struct
import time

SIZE = 1000  # bytes of the file in one datagram
LARGEST = 2048  # more than any datagram of this format has
OPEN = []  # the sockets of all calls


def packed(kind, number, payload=b""):
    return struct.pack("!cBH", kind, number, len(payload)) + payload


def unpacked(datagram):
    """Kind, number and payload of a datagram; kind None when it is damaged."""
    if len(datagram) >= 4:
        kind, number, length = struct.unpack("!cBH", datagram[:4])
        if kind in (b"D", b"E", b"A") and length == len(datagram) - 4:
            return kind, number, datagram[4:]
    return None, None, None


def send(host, port, data, *, wait=0.2, tries=8):
    pieces = [data[at : at + SIZE] for at in range(0, len(data), SIZE)]
    datagrams = [packed(b"D", n % 256, piece) for n, piece in enumerate(pieces)]
    datagrams.append(packed(b"E", len(pieces) % 256))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for n, datagram in enumerate(datagrams):
            for _ in range(tries):
                sock.sendto(datagram, (host, port))
                if acknowledged(sock, (host, port), n % 256, wait):
                    break
            else:
                raise ConnectionError(f"no ACK for number {n % 256} after {tries} tries")


def acknowledged(sock, peer, number, wait):
    """Whether the peer acknowledges this number before the wait is over."""
    deadline = time.monotonic() + wait
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            datagram, source = sock.recvfrom(LARGEST)
        except TimeoutError:
            break
        if source == peer and unpacked(datagram)[:2] == (b"A", number):
            return True
    return False


def receive(host, port, *, silence=5.0, linger=2.0):
    data, expected, sender, complete = bytearray(), 0, None, False
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    OPEN.append(sock)
    sock.bind((host, port))
    deadline = time.monotonic() + silence
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            datagram, source = sock.recvfrom(LARGEST)
        except TimeoutError:
            break
        kind, number, payload = unpacked(datagram)
        if kind not in (b"D", b"E") or source != (sender or source):
            continue
        sender = source
        if number == expected and not complete:
            data += payload
            expected = (expected + 1) % 256
            complete = kind == b"E"
            deadline = time.monotonic() + (linger if complete else silence)
        elif not complete:
            deadline = time.monotonic() + silence
        sock.sendto(packed(b"A", (expected - 1) % 256), sender)
    if not complete:
        raise ConnectionError("the sender fell silent before the end of the file")
    return bytes(data)
