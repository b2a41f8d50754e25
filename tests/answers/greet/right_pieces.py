def greet(name: str) -> bytes:
    line = bytearray(b"Hello, ")
    line += bytes(name, "utf-8")
    line.append(0x0A)
    return bytes(line)
