"""An inner coroutine calls itself for each retry; what came is a pair of a response and an error."""

import calendar
import time

SIX = "GET HEAD OPTIONS TRACE PUT DELETE".split()


async def call(send, request, policy, clock, rng, budget):
    begun = clock.now()
    budget.earn()
    names = [name.casefold() for name in request["headers"]]
    twice = request["method"] in SIX or "idempotency-key" in names

    def left():
        return begun + policy["deadline"] - clock.now()

    async def attempt(number):
        came = await met(send, request, min(left(), policy["timeout"]))
        if number < policy["tries"] and passes(came, twice):
            most = min(policy["cap"], policy["base"] * 2 ** (number - 1))
            wait = rng.uniform(0, most) + asks(came, clock)
            if wait < left() and budget.spend():
                await clock.sleep(wait)
                if left() > 0:
                    return await attempt(number + 1)
        return came

    response, error = await attempt(1)
    if error:
        raise error
    return response


async def met(send, request, timeout):
    try:
        return await send(request, timeout), None
    except Exception as error:
        return None, error


def passes(came, twice):
    response, error = came
    if error:
        if isinstance(error, ConnectionRefusedError):
            return True
        return twice and isinstance(error, (ConnectionResetError, TimeoutError))
    if response["status"] == 429:
        return True
    return twice and response["status"] in range(502, 505)


def asks(came, clock):
    if came[0] is None:
        return 0
    for name, text in came[0]["headers"].items():
        if name.casefold() == "retry-after":
            if text and set(text) <= set("0123456789"):
                return int(text)
            try:
                moment = time.strptime(text, "%a, %d %b %Y %H:%M:%S GMT")
            except ValueError:
                return 0
            return max(calendar.timegm(moment) - clock.now(), 0)
    return 0
