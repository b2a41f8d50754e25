"""Counts the characters of a line, not its bytes, to see whether it is too long.

refused by: the limit of a line, to the byte
misconception: every-line-ends
"""

LIMIT = 1024


def handle(connection):
    unfinished = b""
    with connection:
        while piece := connection.recv(4096):
            *lines, unfinished = (unfinished + piece).split(b"\n")
            for line in lines:
                if len(line.decode("utf-8", "replace")) > LIMIT:
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
