"""A function for each word that a page can use."""

SIZES = {"bytes": lambda nickname: len(nickname.encode("utf-8")), "characters": len}
KEYS = {"exact": str, "folded": str.lower}


def admit(nickname, members, page):
    most, counted = page[2].split(" ")
    key = KEYS[page[3]]
    if SIZES[counted](nickname) > int(most):
        return "too long"
    return "taken" if key(nickname) in set(map(key, members)) else "welcome"
