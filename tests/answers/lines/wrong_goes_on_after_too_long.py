"""Says that a line is too long, and goes on with what follows.

refused by: the limit of a line, to the byte, a line that does not end
misconception: every-line-ends
"""

LIMIT = 1024


def handle(connection):
    unfinished, refused = b"", False
    with connection:
        while piece := connection.recv(4096):
            *lines, unfinished = (unfinished + piece).split(b"\n")
            for line in lines:
                if refused:
                    refused = False
                elif len(line) > LIMIT:
                    connection.sendall(b"error: line too long\n")
                else:
                    connection.sendall(reply_to(line))
            if len(unfinished) > LIMIT:
                if not refused:
                    connection.sendall(b"error: line too long\n")
                unfinished, refused = b"", True


def reply_to(line):
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return b"error: not UTF-8\n"
    return f"{len(text)} {text.upper()}\n".encode()
