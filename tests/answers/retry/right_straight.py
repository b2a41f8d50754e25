"""One loop, in which the try, the wait and the end follow each other."""

from email.utils import parsedate_to_datetime

IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}
UNTOUCHED = {429}
UNSURE = {502, 503, 504}


def field(headers, name):
    for each, value in headers.items():
        if each.lower() == name:
            return value
    return None


def seconds_asked(headers, now):
    text = field(headers, "retry-after") or ""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return max(0, parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return 0


async def call(send, request, policy, clock, rng, budget):
    budget.earn()
    ends = clock.now() + policy["deadline"]
    repeatable = request["method"] in IDEMPOTENT
    repeatable = repeatable or field(request["headers"], "idempotency-key") is not None
    left = policy["deadline"]
    for retries in range(policy["tries"]):
        response = error = None
        wait = 0
        try:
            response = await send(request, min(policy["timeout"], left))
        except ConnectionRefusedError as caught:
            error, again = caught, True
        except (ConnectionResetError, TimeoutError) as caught:
            error, again = caught, repeatable
        else:
            status = response["status"]
            again = status in UNTOUCHED or (status in UNSURE and repeatable)
            wait = seconds_asked(response["headers"], clock.now())
        wait += rng.uniform(0, min(policy["cap"], policy["base"] * 2**retries))
        if not again or retries + 1 == policy["tries"] or wait >= ends - clock.now():
            break
        if not budget.spend():
            break
        await clock.sleep(wait)
        left = ends - clock.now()
        if left <= 0:
            break
    if error is not None:
        raise error
    return response
