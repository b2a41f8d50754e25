"""The echo service answers as its page says."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from labsupport import serve, twins


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serve(twins.echo(), name="echo") as server:
        url = f"http://127.0.0.1:{server.port}"
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            yield client


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_each_method_has_its_path_and_no_other(client: httpx.Client, method: str) -> None:
    path = f"/{method.lower()}"
    told = client.request(method, path, params={"a": ["1", "2"], "b": "ß"}).json()
    assert told["method"] == method
    assert told["args"] == {"a": ["1", "2"], "b": "ß"}
    assert told["headers"]["Host"] == f"127.0.0.1:{client.base_url.port}"
    other = "POST" if method == "GET" else "GET"
    refused = client.request(other, path)
    assert refused.status_code == 405
    assert refused.headers["allow"] == ("GET, HEAD" if method == "GET" else method)


def test_bodies_come_back_as_what_they_are(client: httpx.Client) -> None:
    assert client.post("/post", json={"a": [1]}).json()["json"] == {"a": [1]}
    assert client.post("/post", data={"a": "1"}).json()["form"] == {"a": "1"}
    told = client.post("/anything/else", content=b"\xff no JSON").json()
    assert (told["data"], told["json"], told["form"]) == ("\ufffd no JSON", None, {})


def test_head_has_the_fields_of_get_and_no_body(client: httpx.Client) -> None:
    for path in ("/get", "/json", "/gzip"):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == get.headers["content-type"]


def test_parts(client: httpx.Client) -> None:
    assert client.get("/ip").json() == {"origin": "127.0.0.1"}
    assert client.get("/user-agent", headers={"User-Agent": "me"}).json() == {"user-agent": "me"}
    assert client.get("/headers", headers={"X-A": "1"}).json()["headers"]["X-A"] == "1"


@pytest.mark.parametrize("code", [200, 204, 302, 304, 401, 404, 418, 500, 599])
def test_a_status_is_answered(client: httpx.Client, code: int) -> None:
    answer = client.post(f"/status/{code}")
    assert (answer.status_code, answer.content) == (code, b"")
    assert ("location" in answer.headers) == (code == 302)
    assert ("www-authenticate" in answer.headers) == (code == 401)


def test_redirects_are_followed_as_often_as_they_say(client: httpx.Client) -> None:
    for path in ("/redirect/3", "/absolute-redirect/3"):
        answer = client.get(path, follow_redirects=True)
        assert (answer.json()["method"], len(answer.history)) == ("GET", 3)
        assert answer.history[0].headers["location"].startswith("http") == ("absolute" in path)
    away = client.get("/redirect-to", params={"url": "/ip", "status_code": 307})
    assert (away.status_code, away.headers["location"]) == (307, "/ip")


def test_compressed_bodies_are_smaller_in_no_case_and_named(client: httpx.Client) -> None:
    assert client.get("/gzip").json()["gzipped"] is True
    assert client.get("/deflate").json()["deflated"] is True
    assert client.get("/gzip").headers["content-encoding"] == "gzip"


def test_cookies_are_set_sent_and_deleted(client: httpx.Client) -> None:
    with httpx.Client(base_url=client.base_url, trust_env=False, follow_redirects=True) as own:
        assert own.get("/cookies/set", params={"a": "1"}).json() == {"cookies": {"a": "1"}}
        assert own.get("/cookies").json() == {"cookies": {"a": "1"}}
        assert own.get("/cookies/delete", params={"a": ""}).json() == {"cookies": {}}


def test_credentials_are_asked_for(client: httpx.Client) -> None:
    refused = client.get("/basic-auth/ada/secret")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic realm=")
    assert client.get("/basic-auth/ada/secret", auth=("ada", "secret")).json()["user"] == "ada"
    assert client.get("/bearer").headers["www-authenticate"] == "Bearer"
    assert client.get("/bearer", headers={"Authorization": "Bearer t"}).json()["token"] == "t"


def test_fields_and_documents(client: httpx.Client) -> None:
    fields = client.get("/response-headers", params={"X-A": "1"})
    assert (fields.headers["x-a"], fields.json()) == ("1", {"X-A": "1"})
    assert client.get("/json").json()["house"]["warm"] is True
    assert client.get("/html").text.startswith("<!DOCTYPE html>")
    assert "🏠" in client.get("/encoding/utf8").text


def test_what_is_no_name_of_a_field_is_refused(client: httpx.Client) -> None:
    refused = client.get("/response-headers", params={"X 100%": "1"})
    assert refused.status_code == 400
    assert refused.json() == {"error": "'X 100%' is no name of a field"}


def test_bytes_are_those_of_their_seed(client: httpx.Client) -> None:
    first, again, other = (client.get(f"/bytes/500?seed={seed}").content for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 500


def test_a_stream_comes_line_by_line(client: httpx.Client) -> None:
    with client.stream("GET", "/stream/3") as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        assert [line[:8] for line in answer.iter_lines()] == [f'{{"id": {n}' for n in range(3)]


def test_a_delay_and_a_drip_take_their_time_and_end_with_their_client(client: httpx.Client) -> None:
    assert client.get("/delay/0.01").json()["url"].endswith("/delay/0.01")
    assert client.get("/drip?numbytes=3&duration=0.03&code=201").content == b"***"
    with pytest.raises(httpx.ReadTimeout):
        client.get("/delay/10", timeout=0.2)
    with client.stream("GET", "/drip?numbytes=10&duration=10") as answer:
        assert answer.headers["content-length"] == "10"


@pytest.mark.parametrize(
    "path",
    [
        "/status/600",
        "/delay/11",
        "/redirect/21",
        "/bytes/100001",
        "/stream/101",
        "/drip?numbytes=x",
        "/drip?duration=11",
        "/drip?code=700",
        "/redirect-to?url=/get&status_code=200",
        "/redirect-to",
    ],
)
def test_too_much_is_refused(client: httpx.Client, path: str) -> None:
    refused = client.get(path)
    assert refused.status_code == 400
    assert refused.json()["error"]


def test_an_unknown_path_is_not_found(client: httpx.Client) -> None:
    unknown = client.get("/nowhere")
    assert (unknown.status_code, unknown.json()) == (
        404,
        {"error": "the echo service has no such path"},
    )
