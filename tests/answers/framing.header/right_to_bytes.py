def frame(text):
    body = text.encode("utf-8")
    header = len(body).to_bytes(4, "big")
    return header + body


def body_length(header, limit):
    length = int.from_bytes(header, "big")
    if length > limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return length
