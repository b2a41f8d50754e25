"""Compares exactly, whatever the page says.

refused by: compares as the page compares
misconception: the-page-says-enough
"""


def admit(nickname, members, page):
    limit, unit = page[2].split()
    size = len(nickname.encode()) if unit == "bytes" else len(nickname)
    if size > int(limit):
        return "too long"
    return "taken" if nickname in members else "welcome"
