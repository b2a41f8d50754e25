"""The echo service: it says what it was sent, and answers in whatever way it is asked to.

A method that a path does not name gets 405; HEAD is allowed where GET is. The paths:

    GET /get, POST /post, PUT /put, PATCH /patch, DELETE /delete, any /anything, /anything/...
        {"method", "url", "args", "headers", "origin", and for those with a body "data", "form",
        "json"}. A field or argument that comes twice is a list.
    GET /headers, /ip, /user-agent          that part alone
    any /status/CODE                        that status, from 200 to 599, with an empty body;
                                            301, 302, 303, 307 and 308 with Location: /get, 401
                                            with WWW-Authenticate
    any /delay/SECONDS                      as /anything, so many seconds later, 10 at most
    GET /redirect/N                         N times 302, by a relative reference, then /get
    GET /absolute-redirect/N                the same by whole addresses
    GET /redirect-to?url=URL&status_code=N  one redirect to there, 302 by default
    GET /gzip, /deflate                     {"gzipped": true, ...}, compressed
    GET /cookies                            {"cookies": {...}} as they were sent
    GET /cookies/set?NAME=VALUE             sets them, then redirects to /cookies
    GET /cookies/delete?NAME                deletes them, then redirects to /cookies
    GET /basic-auth/USER/PASSWORD           200 with these credentials (RFC 7617), else 401
    GET /bearer                             200 with any bearer token (RFC 6750), else 401
    GET /response-headers?NAME=VALUE        answers with these fields
    GET /json, /html                        a small document
    GET /encoding/utf8                      a text with letters of many scripts
    GET /bytes/N?seed=S                     N bytes, the same for the same seed
    GET /stream/N                           N lines of JSON, in chunks, each flushed
    GET /drip?numbytes=N&duration=S&delay=S&code=C
                                            N bytes, evenly over the duration, after the delay

Left out: digest authentication, ETags and caching, images, ranges, links, forms as HTML. `headers`
have the case in which Tornado writes them, and `origin` is always a loopback address. N is 100,000
bytes at most for /bytes and /drip, 100 lines for /stream, 20 for redirects.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import random
import re
import zlib
from collections.abc import Awaitable, Iterable
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import Application, HTTPError

from .answering import Answering

__all__ = ["echo"]

MOST_BYTES, MOST_LINES, MOST_REDIRECTS, MOST_SECONDS = 100_000, 100, 20, 10.0


def echo() -> Application:
    """The echo service, for `serve`. Its module lists what it answers."""
    return Application(
        [
            *((f"/{method.lower()}", _Method, {"only": method}) for method in _METHODS),
            ("/anything(?:/.*)?", _Echo),
            ("/(headers|ip|user-agent)", _Part),
            (r"/status/(\d+)", _Status),
            (r"/delay/(\d+(?:\.\d+)?)", _Delay),
            (r"/redirect/(\d+)", _Redirect, {"whole": False}),
            (r"/absolute-redirect/(\d+)", _Redirect, {"whole": True}),
            ("/redirect-to", _RedirectTo),
            ("/(gzip|deflate)", _Compressed),
            ("/cookies", _Cookies),
            ("/cookies/(set|delete)", _ChangedCookies),
            ("/basic-auth/([^/]+)/([^/]+)", _Basic),
            ("/bearer", _Bearer),
            ("/response-headers", _ResponseHeaders),
            ("/(json|html|encoding/utf8)", _Document),
            (r"/bytes/(\d+)", _Bytes),
            (r"/stream/(\d+)", _Stream),
            ("/drip", _Drip),
        ],
        default_handler_class=_Unknown,
    )


_TOKEN = re.compile("[-!#$%&'*+.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_DOCUMENTS = {
    "json": (
        "application/json",
        '{"house": {"rooms": ["kitchen", "attic", "cellar"], "warm": true, "celsius": 21.5}}\n',
    ),
    "html": (
        "text/html; charset=utf-8",
        "<!DOCTYPE html>\n<title>A house</title>\n<h1>A house</h1>\n<p>It has three rooms.</p>\n",
    ),
    "encoding/utf8": (
        "text/plain; charset=utf-8",
        "Übergröße, ørred, źródło, ελιά, дом, בית, بيت, घर, 家, いえ, 집, 🏠\n",
    ),
}


class _Handler(Answering):
    """A handler that knows when its client has gone, and says errors as JSON."""

    SUPPORTED_METHODS: tuple[str, ...] = ("GET", "HEAD", *_METHODS[1:], "OPTIONS")

    def prepare(self) -> Awaitable[None] | None:
        self.gone = asyncio.Event()
        return None

    def on_connection_close(self) -> None:
        self.gone.set()

    def compute_etag(self) -> None:
        """None: what is sent is what the handler wrote."""

    def write_error(self, status_code: int, **about: Any) -> None:
        self.finish({"error": self.explained(status_code, about) or self._reason})

    def unauthorized(self, challenge: str) -> None:
        """401, with the field that RFC 9110, section 15.5.2, asks for."""
        self.set_status(401)
        self.set_header("WWW-Authenticate", challenge)
        self.finish({"error": self._reason})

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the client has gone: then raise StreamClosedError."""
        try:
            async with asyncio.timeout(seconds):
                await self.gone.wait()
        except TimeoutError:
            return
        raise StreamClosedError

    def number(self, name: str, default: float, most: float) -> float:
        """An argument from 0 to `most`; 400 when it is anything else."""
        given = self.get_query_argument(name, str(default))
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", given) or float(given) > most:
            raise HTTPError(400, f"{name} is a number from 0 to {most:g}")
        return float(given)

    def whole(self, digits: str, most: int, what: str) -> int:
        """A number from the path, from 0 to `most`; 400 when it is larger."""
        if len(digits) > 9 or int(digits) > most:
            raise HTTPError(400, f"{what}: {most:,} at most")
        return int(digits)

    def told(self) -> dict[str, Any]:
        """What came, as JSON."""
        request = self.request
        told: dict[str, Any] = {
            "method": request.method,
            "url": request.full_url(),
            "args": _merged((name, _text(value)) for name, values in request.query_arguments.items()
                            for value in values),
            "headers": _merged(request.headers.get_all()),
            "origin": request.remote_ip,
        }  # fmt: skip
        if request.method not in ("GET", "HEAD"):
            form = {name: [_text(value) for value in values]
                    for name, values in request.body_arguments.items()}  # fmt: skip
            told |= {
                "data": "" if form else _text(request.body),
                "form": _merged((name, value) for name, values in form.items() for value in values),
                "json": _json(request.body),
            }
        return told


class _Unknown(_Handler):
    def prepare(self) -> None:
        super().prepare()
        raise HTTPError(404, "the echo service has no such path")


class _Method(_Handler):
    def initialize(self, only: str) -> None:
        self.allowed = "GET, HEAD" if only == "GET" else only

    def prepare(self) -> None:
        super().prepare()
        if self.request.method not in self.allowed.split(", "):
            raise HTTPError(405)
        self.finish(self.told())


class _Echo(_Handler):
    def prepare(self) -> None:
        super().prepare()
        self.finish(self.told())


class _Part(_Handler):
    def get(self, part: str) -> None:
        told = self.told()
        if part == "headers":
            self.finish({"headers": told["headers"]})
        elif part == "ip":
            self.finish({"origin": told["origin"]})
        else:
            self.finish({"user-agent": self.request.headers.get("User-Agent")})


class _Status(_Handler):
    def prepare(self) -> None:
        super().prepare()
        code = int(self.path_args[0][:4])
        if not 200 <= code <= 599:
            raise HTTPError(400, "a status from 200 to 599")
        self.set_status(code)
        if code in (301, 302, 303, 307, 308):
            self.set_header("Location", "/get")
        if code == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="echo"')
        self.clear_header("Content-Type")
        self.finish()


class _Delay(_Handler):
    async def prepare(self) -> None:
        super().prepare()
        seconds = float(self.path_args[0])
        if seconds > MOST_SECONDS:
            raise HTTPError(400, f"a delay of {MOST_SECONDS:g} seconds at most")
        try:
            await self.pause(seconds)
        except StreamClosedError:
            return
        await self.finish(self.told())


class _Redirect(_Handler):
    def initialize(self, whole: bool) -> None:
        self.with_host = whole

    def get(self, digits: str) -> None:
        left = self.whole(digits, MOST_REDIRECTS, "redirects")
        kind = "absolute-redirect" if self.with_host else "redirect"
        target = f"/{kind}/{left - 1}" if left > 1 else "/get"
        base = f"{self.request.protocol}://{self.request.host}" if self.with_host else ""
        self.redirect(base + target)


class _RedirectTo(_Handler):
    def get(self) -> None:
        status = int(self.number("status_code", 302, 399))
        if status < 300:
            raise HTTPError(400, "status_code is a number from 300 to 399")
        self.set_status(status)
        self.set_header("Location", self.get_query_argument("url"))


class _Compressed(_Handler):
    def get(self, coding: str) -> None:
        how = "gzipped" if coding == "gzip" else "deflated"
        document = json.dumps({how: True, "method": "GET", "origin": self.request.remote_ip})
        packed = gzip.compress if coding == "gzip" else zlib.compress
        self.set_header("Content-Encoding", coding)
        self.set_header("Content-Type", "application/json")
        self.finish(packed(document.encode()))


class _Cookies(_Handler):
    def get(self) -> None:
        self.finish({"cookies": {name: morsel.value for name, morsel in self.cookies.items()}})


class _ChangedCookies(_Handler):
    def get(self, what: str) -> None:
        for name in self.request.query_arguments:
            if what == "set":
                self.set_cookie(name, self.get_query_argument(name))
            else:
                self.clear_cookie(name)
        self.redirect("/cookies")


class _Basic(_Handler):
    def get(self, user: str, password: str) -> None:
        wanted = base64.b64encode(f"{user}:{password}".encode()).decode()
        if self.request.headers.get("Authorization") != f"Basic {wanted}":
            self.unauthorized('Basic realm="echo", charset="UTF-8"')
            return
        self.finish({"authenticated": True, "user": user})


class _Bearer(_Handler):
    def get(self) -> None:
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            self.unauthorized("Bearer")
            return
        self.finish({"authenticated": True, "token": token})


class _ResponseHeaders(_Handler):
    def get(self) -> None:
        for name in self.request.query_arguments:
            if not _TOKEN.fullmatch(name):
                raise HTTPError(400, f"{name!r} is no name of a field")
            self.set_header(name, self.get_query_argument(name))
        self.finish(self.told()["args"])


class _Document(_Handler):
    def get(self, name: str) -> None:
        kind, text = _DOCUMENTS[name]
        self.set_header("Content-Type", kind)
        self.finish(text)


class _Bytes(_Handler):
    def get(self, digits: str) -> None:
        size = self.whole(digits, MOST_BYTES, "bytes")
        self.set_header("Content-Type", "application/octet-stream")
        self.finish(random.Random(self.get_query_argument("seed", "0")).randbytes(size))


class _Stream(_Handler):
    async def get(self, digits: str) -> None:
        lines = self.whole(digits, MOST_LINES, "lines")
        self.set_header("Content-Type", "application/json")
        for number in range(lines):
            self.write(json.dumps({"id": number, "url": self.request.full_url()}) + "\n")
            await self.flush()


class _Drip(_Handler):
    async def get(self) -> None:
        size = int(self.number("numbytes", 10, MOST_BYTES))
        duration = self.number("duration", 2, MOST_SECONDS)
        delay = self.number("delay", 0, MOST_SECONDS)
        code = int(self.number("code", 200, 599))
        self.set_status(code)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Length", str(size))
        try:
            await self.pause(delay)
            for _ in range(size):
                self.write(b"*")
                await self.flush()
                await self.pause(duration / size)
        except StreamClosedError:
            return


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _merged(pairs: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Names with their value, or a list of the values of a name that comes more than once."""
    merged: dict[str, str | list[str]] = {}
    for name, value in pairs:
        match merged.get(name):
            case None:
                merged[name] = value
            case list() as values:
                values.append(value)
            case str() as one:
                merged[name] = [one, value]
    return merged
