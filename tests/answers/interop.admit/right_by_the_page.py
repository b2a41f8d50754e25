"""Looks into the page for what it counts and what it compares."""


def admit(nickname, members, page):
    limit, unit = page[2].split()
    size = len(nickname.encode()) if unit == "bytes" else len(nickname)
    if size > int(limit):
        return "too long"
    if page[3] == "folded":
        taken = nickname.casefold() in [each.casefold() for each in members]
    else:
        taken = nickname in members
    return "taken" if taken else "welcome"
