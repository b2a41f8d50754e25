"""A verdict is an exception, redirections are HTTPX's next_request, and the client is its own."""

import asyncio
import json
import socket

import httpx


class Verdict(Exception):
    pass


class Check:
    def __init__(self, url):
        self.url = url
        self.status = None
        self.count = 0

    async def run(self):
        client = httpx.AsyncClient(timeout=httpx.Timeout(None), trust_env=False)
        try:
            await self.ask(client, client.build_request("GET", self.url))
        finally:
            await client.aclose()

    async def ask(self, client, request, redirections=0):
        response = await client.send(request, stream=True)
        try:
            self.status = response.status_code
            following = response.next_request
            if following is None:
                self.judge(response, await self.body(response))
        finally:
            await response.aclose()
        if following is None:
            return
        here, there = request.url, following.url
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise Verdict("redirects", f"away to {there}")
        if redirections == 5:
            raise Verdict("redirects", "once too often")
        await self.ask(client, following, redirections + 1)

    async def body(self, response):
        pieces = []
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            self.count += len(piece)
            if self.count > 65536:
                raise Verdict("too-large", f"{self.count} bytes and more")
        return b"".join(pieces)

    def judge(self, response, body):
        kind, *_ = response.headers.get("Content-Type", "").lower().split(";")
        if (response.status_code, kind.strip()) != (200, "application/json"):
            raise Verdict("unhealthy", f"{response.status_code} {kind}")
        try:
            match json.loads(str(body, "utf-8")):
                case {"status": "ok"}:
                    raise Verdict("healthy", "")
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise Verdict("unhealthy", f"{type(error).__name__} {error}") from error
        raise Verdict("unhealthy", "another status than ok")


def behind(error):
    errors = [error]
    while errors[-1] is not None:
        errors.append(errors[-1].__cause__ or errors[-1].__context__)
    return errors


async def check(url, seconds):
    checking = Check(url)
    try:
        await asyncio.wait_for(checking.run(), seconds)
    except Verdict as found:
        verdict, why = found.args
    except asyncio.TimeoutError:
        verdict, why = "slow", "the time is over"
    except httpx.ConnectError as error:
        kinds = {type(each) for each in behind(error)}
        verdict, why = "broken", f"no connection: {error!r}"
        if ConnectionRefusedError in kinds:
            verdict = "refused"
        elif socket.gaierror in kinds:
            verdict = "unknown-name"
    except httpx.HTTPError as error:
        verdict, why = "broken", f"{type(error).__name__}: {error}"
    return {
        "verdict": verdict,
        "status": checking.status,
        "bytes": checking.count,
        "why": why,
    }
