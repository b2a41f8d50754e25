"""Begins without the root.

refused by: a place is a path
misconception:
"""


def place(steps):
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.lstrip(".")
