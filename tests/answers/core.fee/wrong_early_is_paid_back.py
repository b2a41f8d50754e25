"""Pays back who is early.

refused by: a fee comes of two times
misconception: rules-need-a-server
"""


def fee(due, now):
    days = -((due - now) // 86_400)
    return {"days": days, "cents": min(500, days * 20)}
