"""Calls a message stale when a copy of it comes behind a newer one.

refused by: a copy is counted once
misconception: udp-once
"""

import math


def overtaken(log):
    """The numbers of the rows, also of copies, that a higher number overtook."""
    highest, behind = -1, set()
    for number, _, arrived in log:
        if arrived is not None:
            behind |= {number} if number < highest else set()
            highest = max(highest, number)
    return behind


def measure(log, need):
    first = {}
    for number, sent, arrived in log:
        first.setdefault(number, (sent, arrived))
    useful, jitter, delays = 0, 0.0, []
    behind = overtaken(log)
    for number, (sent, arrived) in first.items():
        if arrived is None:
            continue
        delay = arrived - sent
        late = need["deadline"] is not None and delay > need["deadline"]
        stale = need["newest"] and number in behind
        useful += not late and not stale
        if delays:
            jitter += (abs(delay - delays[-1]) - jitter) / 16
        delays.append(delay)
    place = math.ceil(95 * len(delays) / 100)
    return {
        "sent": len(first),
        "missed": len(first) - useful,
        "p95": sorted(delays)[place - 1] if delays else None,
        "jitter": jitter,
    }


def suffices(log, need):
    facts = measure(log, need)
    return bool(log) and facts["missed"] * 100 <= need["percent"] * facts["sent"]


def choose(need, udp, tcp):
    by_udp = need["largest"] <= 1200 and suffices(udp, need)
    by_tcp = suffices(tcp, need)
    if by_tcp:
        return "tcp", "both suffice" if by_udp else "udp does not"
    if by_udp:
        return "udp", "tcp does not"
    return None, "neither does"
