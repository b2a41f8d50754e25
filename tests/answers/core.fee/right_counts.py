"""Asks divmod, and counts one more where something is left."""


def fee(due, now):
    if now <= due:
        return {"days": 0, "cents": 0}
    days, rest = divmod(now - due, 24 * 60 * 60)
    if rest:
        days += 1
    cents = 20 * days
    return {"days": days, "cents": cents if cents < 500 else 500}
