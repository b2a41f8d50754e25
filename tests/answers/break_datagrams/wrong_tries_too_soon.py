"""Asks five times within a tenth of a second.

refused by: spares a meter behind a cable that loses
misconception: udp-arrives
"""

import socket
import time

WAIT, TRIES = 0.02, 5

# client, id, bytes, the total that is right, and what is wrong if another one comes
SCRIPT = [
    ("a", 65501, 10, 10, "it does not count"),
    ("a", 65501, 10, 10, "a copy is not the same reply"),
    ("a", 65502, 1000, 1010, "copies or large requests are counted wrongly"),
    ("a", 65505, 3, 1013, "it does not add up"),
    ("a", 65504, 6, 1019, "a request that was overtaken is not counted"),
    ("b", 65502, 7, 7, "it mixes its clients"),
    ("b", 65535, 1, 8, "a large id is not counted"),
    ("b", 0, 1, 9, "the id after 65535 is not counted"),
    ("b", 1, 0, 9, "an empty request is not answered"),
    ("b", 3, 1, 10, "it does not go on after an empty request"),
]


def ask(sock, number, size):
    """The total in the reply to this request. Raises TimeoutError after five tries."""
    number = number.to_bytes(2, "big")
    for _ in range(TRIES):
        sock.send(number + bytes(size))
        until = time.monotonic() + WAIT
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                reply = sock.recv(2048)
            except TimeoutError:
                break
            if reply[:2] == number:
                return int.from_bytes(reply[2:], "big")
    raise TimeoutError(f"no reply after {TRIES} tries")


def find_fault(host, port):
    clients = {name: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for name in "ab"}
    try:
        for sock in clients.values():
            sock.connect((host, port))
        for client, number, size, total, fault in SCRIPT:
            if ask(clients[client], number, size) != total:
                return fault
    except OSError as error:
        return f"no reply: {error}"
    finally:
        for sock in clients.values():
            sock.close()
    return None
