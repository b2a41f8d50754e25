"""Takes the quotes off, where there are any.

refused by: a key is what the quotes enclose
misconception:
"""

import re


def key(value):
    inner = (value or "").strip('"')
    return inner if re.fullmatch("[A-Za-z0-9_-]{1,64}", inner) else None
