"""Hands everything over to processes.

refused by: what waits goes to a thread
misconception:
"""


def place(seconds, computed):
    return "loop" if seconds < 0.001 else "process"
