"""Adds one step after the other."""


def place(steps):
    path = "$"
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path
