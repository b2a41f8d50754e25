import re


def parse_port(text: str) -> int:
    if re.fullmatch("[0-9]+", text) and 0 < int(text) < 1 << 16:
        return int(text)
    raise ValueError(text)
