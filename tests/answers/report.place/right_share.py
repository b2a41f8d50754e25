"""Looks at the share of the time in which it has computed."""

QUICK = 0.001  # seconds


def place(seconds, computed):
    if seconds < QUICK:
        return "loop"
    share = computed / seconds
    if share >= 0.5:
        return "process"
    return "thread"
