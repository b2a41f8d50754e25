"""After a broken connection it asks for the last eight bytes again, to be sure of them.

refused by: resumes where it stopped
misconception: connection-is-the-transfer
"""

import hashlib
import os
import socket

SILENCE = 1.0
TRIES = 5


def fetch(host, port, name, path):
    part = f"{path}.part"
    barren, first = 0, True
    while True:
        have = os.path.getsize(part) if os.path.exists(part) else 0
        offset = have if first else max(0, have - 8)
        first = False
        size, digest = attempt(host, port, name, part, offset)
        now = os.path.getsize(part) if os.path.exists(part) else 0
        if size is not None and now >= size:
            break
        barren = 0 if now > have else barren + 1
        if barren == TRIES:
            raise ConnectionError(f"{TRIES} connections in a row brought nothing")
    with open(part, "rb") as file:
        whole = hashlib.sha256(file.read()).hexdigest()
    if whole != digest:
        os.remove(part)
        raise ValueError(f"{name} arrived damaged")
    os.replace(part, path)


def attempt(host, port, name, part, have):
    """One connection: add to the part file what comes; the size and digest it announced."""
    size = digest = None
    try:
        with socket.create_connection((host, port), timeout=SILENCE) as connection:
            connection.sendall(f"GET {name} {have}\n".encode())
            head = b""
            while b"\n" not in head:
                data = connection.recv(4096)
                if not data:
                    return None, None
                head += data
            line, _, body = head.partition(b"\n")
            word, _, rest = line.decode().partition(" ")
            if word == "ERR":
                raise FileNotFoundError(f"{name}: {rest}")
            announced, digest = rest.split()
            size = int(announced)
            with open(part, "r+b" if os.path.exists(part) else "wb") as file:
                file.seek(have)
                while True:
                    file.write(body)
                    file.flush()
                    have += len(body)
                    if have >= size:
                        break
                    body = connection.recv(65536)
                    if not body:
                        break
    except FileNotFoundError:
        raise
    except OSError:
        pass
    return size, digest
