"""Waits for the end of a line, however long it becomes.

refused by: the limit of a line, to the byte, a line that does not end
misconception: every-line-ends
"""


def handle(connection):
    unfinished = b""
    with connection:
        while piece := connection.recv(4096):
            *lines, unfinished = (unfinished + piece).split(b"\n")
            for line in lines:
                connection.sendall(reply_to(line))


def reply_to(line):
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return b"error: not UTF-8\n"
    return f"{len(text)} {text.upper()}\n".encode()
