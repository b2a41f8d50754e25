"""Lets a line end follow, which the sign for the end permits.

refused by: a key is what the quotes enclose
misconception:
"""

import re


def key(value):
    found = re.match(r'^"([A-Za-z0-9_-]{1,64})"$', value or "")
    return found[1] if found else None
