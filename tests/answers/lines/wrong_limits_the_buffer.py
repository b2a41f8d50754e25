"""Compares all that has come with the limit of one line.

refused by: many requests in one piece
misconception: recv-is-a-message
"""

LIMIT = 1024


def handle(connection):
    unfinished = b""
    with connection:
        while piece := connection.recv(4096):
            unfinished += piece
            if len(unfinished) > LIMIT + 1:
                connection.sendall(b"error: line too long\n")
                return
            *lines, unfinished = unfinished.split(b"\n")
            for line in lines:
                if len(line) > LIMIT:
                    connection.sendall(b"error: line too long\n")
                    return
                connection.sendall(reply_to(line))
            if len(unfinished) > LIMIT:
                connection.sendall(b"error: line too long\n")
                return


def reply_to(line):
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return b"error: not UTF-8\n"
    return f"{len(text)} {text.upper()}\n".encode()
