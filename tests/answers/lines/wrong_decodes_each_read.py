"""Decodes each read on its own, so a character that is split over two reads is lost.

refused by: a character split over two reads
misconception: chunk-is-text
"""

LIMIT = 1024


def handle(connection):
    unfinished = ""
    with connection:
        while piece := connection.recv(4096):
            *lines, unfinished = (unfinished + piece.decode("utf-8", "surrogateescape")).split("\n")
            for line in lines:
                if size(line) > LIMIT:
                    connection.sendall(b"error: line too long\n")
                    return
                connection.sendall(reply_to(line))
            if size(unfinished) > LIMIT:
                connection.sendall(b"error: line too long\n")
                return


def size(line):
    return len(line.encode("utf-8", "surrogateescape"))


def reply_to(line):
    text = line.removesuffix("\r")
    if any("\udc80" <= sign <= "\udcff" for sign in text):
        return b"error: not UTF-8\n"
    return f"{len(text)} {text.upper()}\n".encode()
