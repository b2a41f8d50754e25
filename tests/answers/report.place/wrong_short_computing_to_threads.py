"""Takes a process only for what computes for long.

refused by: what computes goes to a process
misconception: to-thread-computes-in-parallel
"""


def place(seconds, computed):
    if seconds < 0.001:
        return "loop"
    return "process" if computed >= 1 and computed >= seconds / 2 else "thread"
