"""Looks at the clock itself.

refused by: a fee comes of two times
misconception: rules-need-a-server
"""

import time


def fee(due, now):
    now = int(time.time())
    days = max(0, -((due - now) // 86_400))
    return {"days": days, "cents": min(500, days * 20)}
