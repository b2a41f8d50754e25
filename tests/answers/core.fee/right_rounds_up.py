"""Divides rounding up."""


def fee(due, now):
    days = max(0, -((due - now) // 86_400))
    return {"days": days, "cents": min(500, days * 20)}
