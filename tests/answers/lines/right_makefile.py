TOO_LONG = b"error: line too long\n"


def handle(connection):
    with connection, connection.makefile("rb") as requests:
        while True:
            line = requests.readline(1025)
            if not line.endswith(b"\n"):
                if len(line) == 1025:
                    connection.sendall(TOO_LONG)
                return
            line = line[:-1]
            if line.endswith(b"\r"):
                line = line[:-1]
            try:
                text = str(line, "utf-8")
            except ValueError:
                connection.sendall(b"error: not UTF-8\n")
            else:
                connection.sendall(b"%d %s\n" % (len(text), text.upper().encode("utf-8")))
