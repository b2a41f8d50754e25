"""Looks at the processor only: what waits stays on the loop.

refused by: what waits goes to a thread
misconception:
"""


def place(seconds, computed):
    if computed < 0.0005:
        return "loop"
    return "thread" if computed < seconds / 2 else "process"
