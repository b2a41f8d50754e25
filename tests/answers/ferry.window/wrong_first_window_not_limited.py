"""Sends two windows at once at the beginning, and only then looks at the window.

refused by: fills its window, and no more, other ACKs do nothing, gives up after its rounds
misconception: tcp-is-slower
"""

import socket
import struct
import time

SIZE = 1000  # bytes of the file in one datagram


def packed(kind, number, payload=b""):
    return struct.pack("!cBH", kind, number, len(payload)) + payload


def send_window(host, port, data, *, window=8, wait=0.2, tries=8):
    pieces = [data[at : at + SIZE] for at in range(0, len(data), SIZE)]
    datagrams = [packed(b"D", n % 256, piece) for n, piece in enumerate(pieces)]
    datagrams.append(packed(b"E", len(pieces) % 256))
    first = sent = 0  # the first without an ACK; the first that is not under way
    tried = 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        deadline = time.monotonic() + wait
        while first < len(datagrams):
            # fill the window
            while sent < min(
                first + (window if sent >= 2 * window else 2 * window), len(datagrams)
            ):
                sock.sendto(datagrams[sent], (host, port))
                sent += 1
            number = next_ack(sock, (host, port), deadline)
            if number is None:
                # the wait is over: go back to the first without an ACK
                if tried == tries:
                    raise ConnectionError(f"no ACK for number {first % 256} after {tries} tries")
                sent, tried = first, tried + 1
            elif (covered := (number - first) % 256 + 1) <= sent - first:
                # an ACK of something under way covers all before it
                first, tried = first + covered, 1
            else:
                continue
            deadline = time.monotonic() + wait


def next_ack(sock, peer, deadline):
    """The number of the next ACK of the peer; None when the deadline has passed."""
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            datagram, source = sock.recvfrom(2048)
        except TimeoutError:
            break
        if source == peer and datagram[:1] == b"A" and datagram[2:] == b"\x00\x00":
            return datagram[1]
    return None
