class TooLong(Exception):
    pass


def handle(connection):
    try:
        while (line := next_line(connection)) is not None:
            connection.sendall(answer(line))
    except TooLong:
        connection.sendall(b"error: line too long\n")
    finally:
        connection.close()


def next_line(connection):
    """The next line without its ending, or None when the stream ends first."""
    line = bytearray()
    while True:
        byte = connection.recv(1)
        if not byte:
            return None
        if byte == b"\n":
            break
        line += byte
        if len(line) > 1024:
            raise TooLong
    if line[-1:] == b"\r":
        del line[-1]
    return bytes(line)


def answer(line):
    try:
        text = line.decode()
    except UnicodeError:
        return b"error: not UTF-8\n"
    return " ".join([str(len(text)), text.upper()]).encode() + b"\n"
