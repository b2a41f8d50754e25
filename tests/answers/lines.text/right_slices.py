def text_of(line: bytes) -> str | None:
    end = -2 if line[-2:] == b"\r\n" else -1
    try:
        return str(line[:end], "utf-8")
    except ValueError:
        return None
