"""Folds the new nickname, and not those of the members.

refused by: compares as the page compares
misconception: the-page-says-enough
"""


def admit(nickname, members, page):
    limit, unit = page[2].split()
    size = len(nickname.encode()) if unit == "bytes" else len(nickname)
    if size > int(limit):
        return "too long"
    if page[3] == "folded":
        taken = nickname.casefold() in members
    else:
        taken = nickname in members
    return "taken" if taken else "welcome"
