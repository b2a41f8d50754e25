DIGITS = {b"%d" % digit: digit for digit in range(10)}


def length_of(values):
    """Equal values are one; RFC 9110, section 8.6, allows that."""
    if len(set(values)) > 1 or b"" in values:
        return None
    length = 0
    for at in range(len(values[0]) if values else 0):
        digit = DIGITS.get(values[0][at : at + 1])
        if digit is None:
            return None
        length = 10 * length + digit
    return length
