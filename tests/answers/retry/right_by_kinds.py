"""What a try meets becomes one of three kinds first; a function of its own makes the tries."""

import email.utils
import re
from datetime import datetime, timezone

NEVER, REPEATABLE, ALWAYS = range(3)
KINDS = {
    ConnectionRefusedError: ALWAYS,
    ConnectionResetError: REPEATABLE,
    TimeoutError: REPEATABLE,
    429: ALWAYS,
    502: REPEATABLE,
    503: REPEATABLE,
    504: REPEATABLE,
}


def lowered(message):
    return {name.lower(): value for name, value in message["headers"].items()}


def repeatable(request):
    match request["method"]:
        case "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE":
            return True
    return "idempotency-key" in lowered(request)


def not_before(response, now):
    """The time at which a response wants to be asked again, in seconds since 1970."""
    text = lowered(response).get("retry-after", "0")
    if re.fullmatch("[0-9]+", text):
        return now + int(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return now
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return max(now, since.total_seconds())


async def call(send, request, policy, clock, rng, budget):
    budget.earn()
    over = clock.now() + policy["deadline"]
    waits = delays(policy, rng)
    while True:
        left = over - clock.now()
        try:
            response = await send(timeout=min(left, policy["timeout"]), request=request)
        except OSError as error:
            kind = KINDS.get(type(error), NEVER)
            wait = await pause(kind, request, 0, waits, over, clock, budget)
            if wait is None:
                raise
        else:
            now = clock.now()
            kind = KINDS.get(response["status"], NEVER)
            asked = not_before(response, now) - now
            wait = await pause(kind, request, asked, waits, over, clock, budget)
            if wait is None:
                return response


def delays(policy, rng):
    """The drawn delays, one for each retry that there is."""
    bound = policy["base"]
    for _ in range(policy["tries"] - 1):
        yield rng.random() * min(bound, policy["cap"])
        bound *= 2


async def pause(kind, request, asked, waits, over, clock, budget):
    """Wait for the next try, and return how long that was; None if there is none."""
    if kind is NEVER or (kind is REPEATABLE and not repeatable(request)):
        return None
    drawn = next(waits, None)
    if drawn is None or clock.now() + asked + drawn >= over or not budget.spend():
        return None
    await clock.sleep(asked + drawn)
    return None if clock.now() >= over else asked + drawn
