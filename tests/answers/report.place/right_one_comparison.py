"""Compares twice."""


def place(seconds, computed):
    if seconds < 0.001:
        return "loop"
    return "thread" if computed < seconds / 2 else "process"
