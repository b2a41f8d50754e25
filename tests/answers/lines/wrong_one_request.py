"""Answers one request and closes.

refused by: one request after another, bytes that are not UTF-8, many requests in one piece, every reply after a half-close
misconception: one-request-per-connection
"""  # noqa: E501

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
                return
            if len(unfinished) > LIMIT:
                connection.sendall(b"error: line too long\n")
                return


def reply_to(line):
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return b"error: not UTF-8\n"
    return f"{len(text)} {text.upper()}\n".encode()
