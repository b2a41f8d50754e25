"""Lets the UnicodeDecodeError out: one bad line ends the connection.

refused by: bytes that are not UTF-8
misconception: bytes-are-text
"""

LIMIT = 1024


def handle(connection):
    unfinished = b""
    with connection:
        while piece := connection.recv(4096):
            *lines, unfinished = (unfinished + piece).split(b"\n")
            for line in lines:
                if len(line) > LIMIT:
                    connection.sendall(b"error: line too long\n")
                    return
                connection.sendall(reply_to(line))
            if len(unfinished) > LIMIT:
                connection.sendall(b"error: line too long\n")
                return


def reply_to(line):
    text = line.removesuffix(b"\r").decode("utf-8")
    return f"{len(text)} {text.upper()}\n".encode()
