"""Takes the letters and digits of all scripts.

refused by: a key is what the quotes enclose
misconception:
"""

import re


def key(value):
    found = re.fullmatch(r'"([\w-]{1,64})"', value or "")
    return found[1] if found else None
