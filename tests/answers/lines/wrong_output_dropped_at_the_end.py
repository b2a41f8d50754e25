"""Sends at most 1500 bytes after each read, and drops what is left at the client's end.

refused by: every reply after a half-close
misconception: half-close-is-close
"""

LIMIT = 1024


def handle(connection):
    unfinished, output = b"", b""
    with connection:
        while piece := connection.recv(65536):
            *lines, unfinished = (unfinished + piece).split(b"\n")
            for line in lines:
                if len(line) > LIMIT:
                    connection.sendall(output + b"error: line too long\n")
                    return
                output += reply_to(line)
            if len(unfinished) > LIMIT:
                connection.sendall(output + b"error: line too long\n")
                return
            sent = connection.send(output[:1500])
            output = output[sent:]


def reply_to(line):
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return b"error: not UTF-8\n"
    return f"{len(text)} {text.upper()}\n".encode()
