"""Answers what came in one go and closes, although the client has more to ask.

refused by: one request after another
misconception: one-request-per-connection
"""

LIMIT = 1024


def handle(connection):
    data = b""
    with connection:
        while b"\n" not in data and len(data) <= LIMIT:
            piece = connection.recv(65536)
            if not piece:
                return
            data += piece
        *lines, unfinished = data.split(b"\n")
        for line in lines:
            if len(line) > LIMIT:
                connection.sendall(b"error: line too long\n")
                return
            connection.sendall(reply_to(line))
        if len(unfinished) > LIMIT:
            connection.sendall(b"error: line too long\n")


def reply_to(line):
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return b"error: not UTF-8\n"
    return f"{len(text)} {text.upper()}\n".encode()
