"""Makes a client for each path.

refused by: many paths take one connection
misconception: a-client-per-call-is-free
"""

import httpx


def lengths(url, paths):
    return [len(httpx.get(url + path, trust_env=False).content) for path in paths]
