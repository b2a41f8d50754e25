"""Hands everything over to threads.

refused by: what computes goes to a process
misconception: to-thread-computes-in-parallel
"""


def place(seconds, computed):
    return "loop" if seconds < 0.001 else "thread"
