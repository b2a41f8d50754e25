"""The resource service: users, their posts, and comments on these, as JSON.

    GET    /users, /posts, /comments        all of them: 10, 100 and 500
    GET    /posts?userId=1                  those with this member; several must all fit
    GET    /posts?_page=2&_limit=20         a page, counted from 1; _limit is 10 by default
    GET    /posts/1                         one of them; 404 and {} when there is none
    GET    /users/1/posts, /posts/1/comments   those that belong to it
    POST   /posts                           201, Location, and what was sent with its id
    PUT    /posts/1                         200 and what was sent, with its id
    PATCH  /posts/1                         200 and the post with what was sent
    DELETE /posts/1                         200 and {}

Nothing that is written stays: the next GET answers as before, and every POST makes number 101 of
the posts. A body that is no JSON object gets 400. A page has X-Total-Count, and Link (RFC 8288)
with its neighbours, "first" and "last". A user has id, name, username, email and city; a post id,
userId, title and body; a comment id, postId, name, email and body. All is the same in every run.

Left out of what it is the twin of: albums, photos and todos, the further members of users, JSONP.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

from tornado.web import Application, HTTPError

from .answering import Answering

__all__ = ["resources"]

Item = dict[str, Any]

_NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hugo", "Ida", "Jon")
_CITIES = ("Aarhus", "Bergen", "Cork", "Delft", "Evora", "Faro", "Ghent", "Haifa", "Izmir", "Jena")
_ROOMS = ("kitchen", "attic", "cellar", "hall", "office")
_EVENTS = ("is warm", "is cold")
_CLAIMS = ("I measured it twice", "it was not so in March", "ours too", "since when", "not here")


def resources() -> Application:
    """The resource service, for `serve`. Its module lists what it answers."""
    tables = _tables()
    needs = {"tables": tables}
    kinds = "|".join(tables)
    return Application(
        [
            (f"/({kinds})", _Collection, needs),
            (rf"/({kinds})/(\d+)", _One, needs),
            (r"/(users)/(\d+)/(posts)", _Belonging, needs),
            (r"/(posts)/(\d+)/(comments)", _Belonging, needs),
        ],
        default_handler_class=_Unknown,
        default_handler_args=needs,
    )


def _tables() -> dict[str, list[Item]]:
    users: list[Item] = [
        {"id": number, "name": name, "username": name.lower(), "email": _email(name), "city": city}
        for number, (name, city) in enumerate(zip(_NAMES, _CITIES, strict=True), 1)
    ]
    posts: list[Item] = []
    for user in users:
        for room in _ROOMS:
            for event in _EVENTS:
                title = f"the {room} {event}"
                body = f"{user['name']} in {user['city']} reports: {title}."
                owner = {"id": len(posts) + 1, "userId": user["id"]}
                posts.append({**owner, "title": title, "body": body})
    comments: list[Item] = []
    for post in posts:
        for number, claim in enumerate(_CLAIMS):
            name = _NAMES[(post["userId"] + number) % len(_NAMES)]
            owner = {"id": len(comments) + 1, "postId": post["id"]}
            comments.append({**owner, "name": name, "email": _email(name), "body": f"{claim}."})
    return {"users": users, "posts": posts, "comments": comments}


def _email(name: str) -> str:
    return f"{name.lower()}@example.org"  # RFC 2606, section 3


class _Handler(Answering):
    """Answers as JSON, also when there is nothing."""

    def initialize(self, tables: dict[str, list[Item]]) -> None:
        self.tables = tables

    def write_error(self, status_code: int, **about: Any) -> None:
        said = self.explained(status_code, about)
        self.answer({"error": said} if said else {})

    def answer(self, document: Any) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(document, indent=2) + "\n")

    def item(self, kind: str, number: str) -> Item:
        for item in self.tables[kind]:
            if str(item["id"]) == number:
                return item
        raise HTTPError(404)

    def sent(self) -> Item:
        try:
            body = json.loads(self.request.body)
        except ValueError:
            raise HTTPError(400, "the body is no JSON") from None
        if not isinstance(body, dict):
            raise HTTPError(400, "the body is no JSON object")
        return body


class _Unknown(_Handler):
    def prepare(self) -> None:
        raise HTTPError(404)


class _Collection(_Handler):
    allowed = "GET, HEAD, POST"

    def get(self, kind: str) -> None:
        items = self.tables[kind]
        for name in self.request.query_arguments:
            if not name.startswith("_"):
                wanted = self.get_query_arguments(name)
                items = [item for item in items if str(item.get(name)) in wanted]
        if self.get_query_argument("_page", None) or self.get_query_argument("_limit", None):
            items = self.page(items)
        self.answer(items)

    def post(self, kind: str) -> None:
        number = len(self.tables[kind]) + 1
        self.set_status(201)
        self.set_header("Location", f"/{kind}/{number}")
        self.answer({**self.sent(), "id": number})

    def page(self, items: list[Item]) -> list[Item]:
        """The page that was asked for; Link and X-Total-Count go into the answer."""
        page, limit = self.positive("_page", 1), self.positive("_limit", 10)
        last = max(1, -(-len(items) // limit))
        around = {"first": 1, "prev": page - 1, "next": page + 1, "last": last}
        here = f"{self.request.protocol}://{self.request.host}{self.request.path}"
        links = [
            f'<{here}?{self.same_but(number, limit)}>; rel="{rel}"'
            for rel, number in around.items()
            if 1 <= number <= last
        ]
        self.set_header("Link", ", ".join(links))
        self.set_header("X-Total-Count", str(len(items)))
        return items[(page - 1) * limit : page * limit]

    def same_but(self, page: int, limit: int) -> str:
        filters = [
            (name, value)
            for name in self.request.query_arguments
            if not name.startswith("_")
            for value in self.get_query_arguments(name)
        ]
        return urlencode([*filters, ("_page", page), ("_limit", limit)])

    def positive(self, name: str, default: int) -> int:
        given = self.get_query_argument(name, str(default))
        if not re.fullmatch("[1-9][0-9]{0,8}", given):
            raise HTTPError(400, f"{name} is a number from 1 on")
        return int(given)


class _One(_Handler):
    allowed = "GET, HEAD, PUT, PATCH, DELETE"

    def get(self, kind: str, number: str) -> None:
        self.answer(self.item(kind, number))

    def put(self, kind: str, number: str) -> None:
        item = self.item(kind, number)
        self.answer({**self.sent(), "id": item["id"]})

    def patch(self, kind: str, number: str) -> None:
        item = self.item(kind, number)
        self.answer({**item, **self.sent(), "id": item["id"]})

    def delete(self, kind: str, number: str) -> None:
        self.item(kind, number)
        self.answer({})


class _Belonging(_Handler):
    def get(self, owners: str, number: str, kind: str) -> None:
        owner = self.item(owners, number)
        member = {"users": "userId", "posts": "postId"}[owners]
        self.answer([item for item in self.tables[kind] if item[member] == owner["id"]])
