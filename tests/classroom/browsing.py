"""What a browser does for a user of the hub: log in, start the server, open, run and save.

Over HTTP with cookies and the tokens against forged requests, and over the kernel's WebSocket with
Jupyter's messages (https://jupyter-client.readthedocs.io/en/stable/messaging.html).
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.classroom.hubs import PASSWORD

SECONDS = 600.0  # for any one step: twenty users share the machine


@dataclass
class Run:
    """What the cells of a notebook gave: their text, and errors with the cell's id."""

    texts: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


class Browser:
    """A user's browser; close it with `async with`."""

    def __init__(self, url: str, user: str) -> None:
        self.url = url
        self.user = user
        self.home = f"/user/{user}"
        self.client = httpx.AsyncClient(base_url=url, follow_redirects=True, timeout=SECONDS)

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.client.aclose()

    async def log_in(self) -> None:
        """Fill in the form of the hub's first page."""
        page = await self._get("/hub/login")
        found = re.search(r'name="_xsrf"\s+value="([^"]+)"', page.text)
        assert found, page.text
        form = {"username": self.user, "password": PASSWORD, "_xsrf": found[1]}
        answer = await self.client.post("/hub/login?next=%2Fhub%2Fhome", data=form)
        assert answer.status_code == 200, answer.text
        assert answer.url.path == "/hub/home", f"{self.user} is not logged in: {answer.url}"

    async def start(self) -> dict[str, Any]:
        """Start the server and follow its progress; what the page that it opens is told."""
        await self._get("/hub/spawn")
        path = f"/hub/api/users/{self.user}/server/progress"
        headers = {"X-XSRFToken": self._token("/hub/")}
        ready = False
        async with self.client.stream("GET", path, headers=headers) as events:
            assert events.status_code == 200, await events.aread()
            async for line in events.aiter_lines():
                if line.startswith("data:"):
                    event = json.loads(line.removeprefix("data:"))
                    assert not event.get("failed"), event
                    ready = ready or event.get("ready", False)
        assert ready, f"the server of {self.user} did not start"
        page = await self._get(f"{self.home}/")
        assert "/lab/tree/" in page.url.path, page.url
        told = re.search(
            r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', page.text, re.DOTALL
        )
        assert told, page.text
        return dict(json.loads(told[1]))

    async def stop(self) -> None:
        """Stop the server, as the button of the hub's page does."""
        path = f"/hub/api/users/{self.user}/server"
        answer = await self.client.delete(path, headers={"X-XSRFToken": self._token("/hub/")})
        assert answer.status_code in (202, 204), answer.text

    async def opened(self, path: str) -> dict[str, Any]:
        """A notebook as it is saved."""
        found: dict[str, Any] = (await self._get(f"{self.home}/api/contents/{path}")).json()
        return dict(found["content"])

    async def save(self, path: str, notebook: dict[str, Any]) -> None:
        """Save a notebook."""
        body = {"type": "notebook", "format": "json", "content": notebook}
        answer = await self.client.put(
            f"{self.home}/api/contents/{path}", json=body, headers=self._headers()
        )
        assert answer.status_code == 200, answer.text

    async def run(self, path: str, cells: Iterable[tuple[str, str]]) -> Run:
        """Run cells, each an id and a source, in the notebook's own kernel, which goes on."""
        body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        answer = await self.client.post(
            f"{self.home}/api/sessions", json=body, headers=self._headers()
        )
        assert answer.status_code == 201, answer.text
        kernel = answer.json()["kernel"]["id"]
        session = uuid.uuid4().hex
        address = f"{self.url.replace('http', 'ws', 1)}{self.home}/api/kernels/{kernel}/channels"
        cookies = httpx.Request("GET", self.url + self.home + "/")
        self.client.cookies.set_cookie_header(cookies)
        connection = await websocket_connect(
            HTTPRequest(
                f"{address}?session_id={session}&_xsrf={self._token(self.home + '/')}",
                headers={"Cookie": cookies.headers["Cookie"]},
                request_timeout=SECONDS,
            ),
            max_message_size=100 * 1024 * 1024,
        )
        done = Run()
        try:
            for name, source in cells:
                await _executed(connection, session, name, source, done)
        finally:
            connection.close()
        return done

    async def _get(self, path: str) -> httpx.Response:
        answer = await self.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def _headers(self) -> dict[str, str]:
        return {"X-XSRFToken": self._token(f"{self.home}/")}

    def _token(self, path: str) -> str:
        """The token that a page below `path` sends with what changes something."""
        found = [
            cookie.value
            for cookie in self.client.cookies.jar
            if cookie.name == "_xsrf" and cookie.path == path
        ]
        assert found, f"no token for {path}: {[(c.name, c.path) for c in self.client.cookies.jar]}"
        return str(found[0])


async def _read(connection: WebSocketClientConnection) -> str | bytes | None:
    return await connection.read_message()


async def _executed(
    connection: WebSocketClientConnection, session: str, name: str, source: str, done: Run
) -> None:
    """Run one cell, until its reply has come and the kernel is idle again."""
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "session": session}
    content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}}
    message = {
        "channel": "shell",
        "header": {**header, "username": "", "version": "5.4"},
        "parent_header": {},
        "metadata": {},
        "content": {**content, "allow_stdin": False, "stop_on_error": False},
    }
    await connection.write_message(json.dumps(message))
    waiting = {"execute_reply", "idle"}
    text = ""
    while waiting:
        came = await asyncio.wait_for(_read(connection), SECONDS)
        assert isinstance(came, str), f"the kernel's connection ended in cell {name}"
        reply = json.loads(came)
        state = reply["content"].get("execution_state")
        assert state not in ("restarting", "dead"), f"the kernel is {state} in cell {name}"
        if reply["parent_header"].get("msg_id") != number:
            continue
        kind, content = reply["msg_type"], reply["content"]
        if kind == "execute_reply":
            waiting.discard(kind)
        elif kind == "status":
            waiting.discard(state)
        elif kind == "stream":
            text += content["text"]
        elif kind in ("display_data", "execute_result"):
            text += content["data"].get("text/plain", "")
        elif kind == "error":
            done.errors.append(f"cell {name}: {content['ename']}: {content['evalue']}")
    done.texts[name] = text
