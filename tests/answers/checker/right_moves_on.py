"""A cancel scope in the place of a timeout, one loop, and bytes that are counted by a generator."""

import json
import socket
from urllib.parse import urljoin, urlsplit

import anyio
import httpx

MOST = 2**16
HEALTHY = {"status": "ok"}


class TooLarge(Exception):
    pass


async def check(url, seconds):
    report = {"verdict": "slow", "status": None, "bytes": 0, "why": "it takes too long"}
    with anyio.move_on_after(seconds):
        async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
            try:
                verdict, why = await look(client, url, report)
            except TooLarge:
                verdict, why = "too-large", f"{report['bytes']} bytes are too many"
            except httpx.RequestError as error:
                verdict, why = reason(error)
        report |= {"verdict": verdict, "why": why}
    return report


async def look(client, url, report):
    left = 5
    while True:
        async with client.stream("GET", url) as response:
            report["status"] = response.status_code
            location = response.headers.get("location")
            if location is None or response.status_code not in (301, 302, 303, 307, 308):
                content = b"".join([piece async for piece in counted(response, report)])
                return opinion(response, content)
        there = urljoin(url, location)
        if place(there) != place(url):
            return "redirects", "this API sends its clients elsewhere"
        if not left:
            return "redirects", "this API sends its clients around"
        left -= 1
        url = there


def place(url):
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


async def counted(response, report):
    async for piece in response.aiter_bytes():
        report["bytes"] += len(piece)
        if report["bytes"] > MOST:
            raise TooLarge
        yield piece


def opinion(response, content):
    media = response.headers.get("content-type", "").split(";")[0]
    if response.status_code != httpx.codes.OK or media.strip().lower() != "application/json":
        return "unhealthy", f"it answers {response.status_code} with {media!r}"
    try:
        told = json.loads(content.decode("utf-8"))
        if told["status"] == "ok" and isinstance(told, dict):
            return "healthy", "all is well"
        return "unhealthy", f"its status is {told['status']!r}"
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        return "unhealthy", repr(error)


def reason(error, first=None):
    first = first or error
    match error:
        case ConnectionRefusedError():
            return "refused", repr(error)
        case socket.gaierror():
            return "unknown-name", repr(error)
        case None:
            return "broken", repr(first)
    return reason(error.__cause__ or error.__context__, first)
