"""Decodes each read on its own and puts U+FFFD where a read ended inside a character.

refused by: a character split over two reads, bytes that are not UTF-8
misconception: chunk-is-text
"""

LIMIT = 1024


def handle(connection):
    unfinished = ""
    with connection:
        while piece := connection.recv(4096):
            *lines, unfinished = (unfinished + piece.decode("utf-8", "replace")).split("\n")
            for line in lines:
                if len(line.encode()) > LIMIT:
                    connection.sendall(b"error: line too long\n")
                    return
                connection.sendall(reply_to(line))
            if len(unfinished.encode()) > LIMIT:
                connection.sendall(b"error: line too long\n")
                return


def reply_to(line):
    text = line.removesuffix("\r")
    return f"{len(text)} {text.upper()}\n".encode()
