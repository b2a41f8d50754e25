"""Joins what a read left over with the next read, but not with a third.

refused by: one byte at a time
misconception: recv-is-a-message
"""

LIMIT = 1024


def handle(connection):
    unfinished = b""
    with connection:
        while piece := connection.recv(4096):
            *lines, rest = (unfinished + piece).split(b"\n")
            for line in lines:
                if len(line) > LIMIT:
                    connection.sendall(b"error: line too long\n")
                    return
                connection.sendall(reply_to(line))
            unfinished = rest if lines else piece
            if len(rest) > LIMIT:
                connection.sendall(b"error: line too long\n")
                return


def reply_to(line):
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return b"error: not UTF-8\n"
    return f"{len(text)} {text.upper()}\n".encode()
