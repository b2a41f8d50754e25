"""Whole addresses, a loop, and a client that is closed in the end."""

import httpx


def lengths(url, paths):
    client = httpx.Client(trust_env=False)
    found = []
    try:
        for path in paths:
            with client.stream("GET", url + path) as response:
                found.append(sum(map(len, response.iter_raw())))
    finally:
        client.close()
    return found
