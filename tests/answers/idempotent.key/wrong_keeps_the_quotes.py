"""Returns the key with its quotes.

refused by: a key is what the quotes enclose
misconception:
"""

import re


def key(value):
    found = re.fullmatch('"[A-Za-z0-9_-]{1,64}"', value or "")
    return found[0] if found else None
