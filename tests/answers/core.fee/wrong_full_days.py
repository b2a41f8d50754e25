"""Counts full days only.

refused by: a fee comes of two times
misconception: rules-need-a-server
"""


def fee(due, now):
    days = max(0, (now - due) // 86_400)
    return {"days": days, "cents": min(500, days * 20)}
