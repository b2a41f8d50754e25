"""Takes the percentage of the rows where it chooses.

refused by: as many missed as may be suffices
misconception:
"""

import math


def measure(log, need):
    first = {}
    for number, sent, arrived in log:
        first.setdefault(number, (sent, arrived))
    useful, highest, jitter, delays = 0, -1, 0.0, []
    for number, (sent, arrived) in first.items():
        if arrived is None:
            continue
        delay = arrived - sent
        late = need["deadline"] is not None and delay > need["deadline"]
        stale = need["newest"] and number < highest
        useful += not late and not stale
        highest = max(highest, number)
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
    return bool(log) and facts["missed"] * 100 <= need["percent"] * len(log)


def choose(need, udp, tcp):
    by_udp = need["largest"] <= 1200 and suffices(udp, need)
    by_tcp = suffices(tcp, need)
    if by_tcp:
        return "tcp", "both suffice" if by_udp else "udp does not"
    if by_udp:
        return "udp", "tcp does not"
    return None, "neither does"
