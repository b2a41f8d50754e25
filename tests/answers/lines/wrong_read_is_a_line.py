"""Takes what one read returns for one line.

refused by: a character split over two reads, bytes that are not UTF-8, CR and LF in two reads, one byte at a time, many requests in one piece, every reply after a half-close, an unfinished line gets no reply, a line that does not end, two clients at once
misconception: recv-is-a-message
"""  # noqa: E501

LIMIT = 1024


def handle(connection):
    with connection:
        while piece := connection.recv(4096):
            line = piece.removesuffix(b"\n")
            if len(line) > LIMIT:
                connection.sendall(b"error: line too long\n")
                return
            connection.sendall(reply_to(line))


def reply_to(line):
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return b"error: not UTF-8\n"
    return f"{len(text)} {text.upper()}\n".encode()
