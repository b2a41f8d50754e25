"""Leaves its client open, in the module.

refused by: many paths take one connection
misconception: a-client-per-call-is-free
"""

import httpx

client = httpx.Client(trust_env=False)


def lengths(url, paths):
    return [len(client.get(url + path).content) for path in paths]
