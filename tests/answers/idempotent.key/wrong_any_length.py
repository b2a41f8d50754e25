"""Knows no longest key.

refused by: a key is what the quotes enclose
misconception:
"""

import re


def key(value):
    found = re.fullmatch('"([A-Za-z0-9_-]+)"', value or "")
    return found[1] if found else None
