"""Answers bytes that are not UTF-8, then closes; the lines behind them are lost.

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
                reply = reply_to(line)
                connection.sendall(reply)
                if reply.startswith(b"error"):
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
