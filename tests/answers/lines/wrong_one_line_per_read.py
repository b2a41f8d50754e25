"""Answers one line for each read; a second line in the same read waits for the next.

refused by: bytes that are not UTF-8, many requests in one piece, every reply after a half-close
misconception: recv-is-a-message
"""

LIMIT = 1024


def handle(connection):
    data = b""
    with connection:
        while piece := connection.recv(4096):
            data += piece
            if b"\n" in data:
                line, _, data = data.partition(b"\n")
                if len(line) > LIMIT:
                    break
                connection.sendall(reply_to(line))
            elif len(data) > LIMIT:
                break
        else:
            return
        connection.sendall(b"error: line too long\n")


def reply_to(line):
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return b"error: not UTF-8\n"
    return f"{len(text)} {text.upper()}\n".encode()
