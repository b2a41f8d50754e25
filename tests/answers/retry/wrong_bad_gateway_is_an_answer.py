"""Does not send again after a 502.

refused by: what may pass is tried again
misconception:
"""

from email.utils import parsedate_to_datetime

IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}
PASSING = (ConnectionRefusedError, ConnectionResetError, TimeoutError)


def field(headers, name):
    return next((value for each, value in headers.items() if each.lower() == name), None)


def may_be_sent_again(request, response, error):
    status = response["status"] if error is None else None
    if status == 429 or isinstance(error, ConnectionRefusedError):
        return True  # nothing was done
    if error is None and status not in {503, 504}:
        return False
    key = field(request["headers"], "idempotency-key")
    return request["method"] in IDEMPOTENT or key is not None


def seconds_asked(response, now):
    text = field(response["headers"], "retry-after") or ""
    try:
        if text.isascii() and text.isdigit():
            return int(text)
        return max(0, parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return 0


async def call(send, request, policy, clock, rng, budget):
    budget.earn()
    ends = clock.now() + policy["deadline"]
    left = policy["deadline"]
    for retries in range(policy["tries"]):
        response, error, wait = None, None, 0
        try:
            response = await send(request, min(policy["timeout"], left))
        except PASSING as caught:
            error = caught
        else:
            wait = seconds_asked(response, clock.now())
        wait += rng.uniform(0, min(policy["cap"], policy["base"] * 2**retries))
        last = retries + 1 == policy["tries"] or wait >= ends - clock.now()
        if last or not may_be_sent_again(request, response, error) or not budget.spend():
            break
        await clock.sleep(wait)
        left = ends - clock.now()
        if left <= 0:
            break
    if error is not None:
        raise error
    return response
