"""Goes on above 500 cents.

refused by: a fee comes of two times
misconception: rules-need-a-server
"""


def fee(due, now):
    days = max(0, -((due - now) // 86_400))
    return {"days": days, "cents": days * 20}
