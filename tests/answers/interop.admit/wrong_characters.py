"""Counts characters, whatever the page says.

refused by: counts what the page counts
misconception: text-is-bytes
"""


def admit(nickname, members, page):
    limit, _ = page[2].split()
    size = len(nickname)
    if size > int(limit):
        return "too long"
    if page[3] == "folded":
        taken = nickname.casefold() in [each.casefold() for each in members]
    else:
        taken = nickname in members
    return "taken" if taken else "welcome"
