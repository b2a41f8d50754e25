from fractions import Fraction
from itertools import accumulate, pairwise

LARGEST = 1200


def arrivals_of(log):
    """The first row of each number that arrived, in the order of the rows."""
    seen = set()
    return [
        (number, sent, arrived)
        for number, sent, arrived in log
        if not (number in seen or seen.add(number)) and arrived is not None
    ]


def measure(log, need):
    arrivals = arrivals_of(log)
    delays = [arrived - sent for _, sent, arrived in arrivals]
    limit = float("inf") if need["deadline"] is None else need["deadline"]
    highest = list(accumulate((number for number, _, _ in arrivals), max))
    useful = [
        delay <= limit and (number == top or not need["newest"])
        for delay, (number, _, _), top in zip(delays, arrivals, highest)
    ]
    jitter = 0.0
    for one, other in pairwise(delays):
        jitter = jitter + (abs(other - one) - jitter) / 16
    sent = len({number for number, _, _ in log})
    p95 = min(
        (d for d in delays if 20 * sum(x <= d for x in delays) >= 19 * len(delays)), default=None
    )
    return {"sent": sent, "missed": sent - sum(useful), "p95": p95, "jitter": jitter}


def enough(facts, need):
    return facts["sent"] > 0 and Fraction(facts["missed"], facts["sent"]) <= Fraction(
        need["percent"], 100
    )


def choose(need, udp, tcp):
    good = (
        enough(measure(tcp, need), need),
        enough(measure(udp, need), need) and need["largest"] <= LARGEST,
    )
    return {
        (True, True): ("tcp", "both suffice"),
        (True, False): ("tcp", "udp does not"),
        (False, True): ("udp", "tcp does not"),
        (False, False): (None, "neither does"),
    }[good]
