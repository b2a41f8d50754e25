"""Takes a Location for a whole URL.

refused by: follows five redirections, and stays
misconception:
"""

import asyncio
import json
import socket
import ssl

import httpx

CONTEXT = ssl.create_default_context()  # costs tens of milliseconds: once is enough
LARGEST = 65_536  # bytes of a body
MOST_REDIRECTS = 5


async def check(url, seconds):
    found = {"status": None, "bytes": 0}
    try:
        async with asyncio.timeout(seconds):
            async with httpx.AsyncClient(verify=CONTEXT, timeout=None, trust_env=False) as client:
                verdict, why = await visit(client, httpx.URL(url), found)
    except TimeoutError:
        verdict, why = "slow", f"not done within {seconds} s"
    except httpx.RequestError as error:
        verdict, why = named(error), repr(error)
    return {"verdict": verdict, **found, "why": why}


async def visit(client, url, found):
    for _ in range(MOST_REDIRECTS + 1):
        async with client.stream("GET", url) as response:
            found["status"] = response.status_code
            if not response.has_redirect_location:
                return await read(response, found)
        target = httpx.URL(response.headers["location"])
        if origin(target) != origin(url):
            return "redirects", f"to another origin: {target}"
        url = target
    return "redirects", f"more than {MOST_REDIRECTS} times"


def origin(url):
    return url.scheme, url.host, url.port


async def read(response, found):
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        found["bytes"] = len(body)
        if len(body) > LARGEST:
            return "too-large", f"more than {LARGEST} bytes"
    return judged(response, body)


def judged(response, body):
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200:
        return "unhealthy", f"the status is {response.status_code}"
    if kind != "application/json":
        return "unhealthy", f"the body is {kind or 'of no type'}, not application/json"
    try:
        said = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        return "unhealthy", f"the body is no JSON in UTF-8: {error!r}"
    if not isinstance(said, dict) or said.get("status") != "ok":
        return "unhealthy", "the body does not say that the status is ok"
    return "healthy", ""


def named(error):
    while error is not None:
        if isinstance(error, ConnectionRefusedError):
            return "refused"
        if isinstance(error, socket.gaierror):
            return "unknown-name"
        error = error.__cause__ or error.__context__
    return "broken"
