"""The resource service answers as its page says."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from labsupport import serve, twins


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serve(twins.resources(), name="resources") as server:
        url = f"http://127.0.0.1:{server.port}"
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            yield client


def test_collections_are_whole_and_numbered(client: httpx.Client) -> None:
    for kind, number in (("users", 10), ("posts", 100), ("comments", 500)):
        items = client.get(f"/{kind}").json()
        assert [item["id"] for item in items] == list(range(1, number + 1))
        assert client.get(f"/{kind}/{number}").json() == items[-1]


def test_what_belongs_together_is_found_both_ways(client: httpx.Client) -> None:
    posts = client.get("/users/3/posts").json()
    assert len(posts) == 10
    assert posts == client.get("/posts", params={"userId": 3}).json()
    comments = client.get("/posts/21/comments").json()
    assert len(comments) == 5
    assert comments == client.get("/comments", params={"postId": 21}).json()


def test_filters_must_all_fit(client: httpx.Client) -> None:
    found = client.get("/posts", params={"userId": 2, "title": "the attic is warm"}).json()
    assert [post["userId"] for post in found] == [2]
    assert client.get("/posts", params={"nothing": "such"}).json() == []


def test_pages_lead_to_each_other(client: httpx.Client) -> None:
    seen, url, pages = [], "/posts?userId=1&_limit=4", 0
    while url:
        answer = client.get(url)
        assert answer.headers["x-total-count"] == "10"
        seen += answer.json()
        pages += 1
        url = answer.links.get("next", {}).get("url", "")
    assert (pages, seen) == (3, client.get("/users/1/posts").json())
    assert answer.links["first"]["url"].endswith("/posts?userId=1&_page=1&_limit=4")
    assert client.get("/posts?_page=99").json() == []


def test_nothing_that_is_written_stays(client: httpx.Client) -> None:
    made = client.post("/posts", json={"title": "new"})
    assert (made.status_code, made.headers["location"]) == (201, "/posts/101")
    assert made.json() == {"title": "new", "id": 101}
    before = client.get("/posts/1").json()
    assert client.put("/posts/1", json={"title": "new"}).json() == {"title": "new", "id": 1}
    assert client.patch("/posts/1", json={"title": "new"}).json() == {**before, "title": "new"}
    assert client.delete("/posts/1").json() == {}
    assert client.get("/posts/1").json() == before
    assert client.get("/posts/101").status_code == 404


def test_errors_are_json(client: httpx.Client) -> None:
    for path in ("/posts/101", "/nowhere", "/users/11/posts"):
        missing = client.get(path)
        assert (missing.status_code, missing.json()) == (404, {})
    for body in (b"{", b"[1]", b"\xff"):
        assert client.post("/posts", content=body).status_code == 400
    for page in ("0", "-1", "x", "٣"):
        assert client.get("/posts", params={"_page": page}).status_code == 400
    refused = client.put("/posts", json={})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")
    assert client.head("/posts/1").status_code == 200
