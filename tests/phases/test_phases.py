"""What a client does during a request is recorded from its own trace."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator

import httpx
import httpx2
import pytest
import trustme

from labsupport import phases, serve, twins
from labsupport.serving.server import Server

PLAIN = ["pool", "connect", "send", "wait", "read"]
KEPT = ["pool", "send", "wait", "read"]


@pytest.fixture(scope="module")
def echo() -> Iterator[Server]:
    with serve(twins.echo(), name="echo") as server:
        yield server


def url(server: Server, path: str) -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def of(request: phases.Request) -> list[str]:
    return [phase for phase, _, _ in request.phases]


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_request_has_its_phases_in_their_order(library, echo: Server) -> None:  # type: ignore[no-untyped-def]
    with library.Client(trust_env=False, timeout=30) as client:
        recorded = phases.record(client)
        client.post(url(echo, "/post"), content=b"x" * 1000)
        client.get(url(echo, "/get?a=1"))
    assert [of(request) for request in recorded] == [PLAIN, KEPT]
    assert [request.name for request in recorded] == ["1 POST /post", "2 GET /get?a=1"]
    for request in recorded:
        moments = [moment for _, *span in request.phases for moment in span]
        assert moments == sorted(moments)
        assert moments[0] == request.begun
        assert request.closed is not None
        assert request.closed >= moments[-1]
    assert [span[:2] for span in recorded.spans()] == [
        *(("1 POST /post", phase) for phase in PLAIN),
        *(("2 GET /get?a=1", phase) for phase in KEPT),
    ]


def test_clients_share_a_record(echo: Server) -> None:
    with httpx.Client(trust_env=False) as one, httpx.Client(trust_env=False) as other:
        recorded = phases.record(one, other)
        for client in (one, other, one):
            client.get(url(echo, "/get"), timeout=30)
    assert [request.name[:5] for request in recorded] == ["1 GET", "2 GET", "3 GET"]
    assert [of(request) for request in recorded] == [PLAIN, PLAIN, KEPT]


def test_tls_is_a_phase_of_its_own() -> None:
    authority = trustme.CA()
    ours, theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    authority.configure_trust(theirs)
    with serve(twins.echo(), tls=ours, name="tls") as server:
        with httpx.Client(verify=theirs, trust_env=False, timeout=30) as client:
            recorded = phases.record(client)
            client.get(f"https://127.0.0.1:{server.port}/get")
    assert of(recorded[0]) == ["pool", "connect", "TLS", "send", "wait", "read"]


def test_each_redirect_is_a_request(echo: Server) -> None:
    with httpx.Client(trust_env=False, follow_redirects=True, timeout=30) as client:
        recorded = phases.record(client)
        client.get(url(echo, "/redirect/2"))
    assert [of(request) for request in recorded] == [PLAIN, KEPT, KEPT]


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_who_waits_for_a_connection_is_seen(library, echo: Server) -> None:  # type: ignore[no-untyped-def]
    async def burst() -> phases.Recorded:
        limits = library.Limits(max_connections=2)
        async with library.AsyncClient(limits=limits, trust_env=False, timeout=30) as client:
            recorded = phases.record(client)
            await asyncio.gather(*(client.get(url(echo, "/delay/0.05")) for _ in range(6)))
        return recorded

    recorded = asyncio.run(burst())
    states = recorded.pool()
    assert max(in_use for _, in_use, _ in states) == 2
    assert max(waiting for _, _, waiting in states) >= 4
    assert states[-1][1:] == (0, 0)


def test_a_request_without_a_connection_waits_until_the_end(echo: Server) -> None:
    limits = httpx.Limits(max_connections=1)
    with httpx.Client(
        limits=limits, trust_env=False, timeout=httpx.Timeout(30, pool=0.1)
    ) as client:
        recorded = phases.record(client)
        with client.stream("GET", url(echo, "/stream/1")):
            with pytest.raises(httpx.PoolTimeout):
                client.get(url(echo, "/get"))
    assert recorded[1].connected is None
    assert [phase for name, phase, _, _ in recorded.spans() if name == "2 GET /get"] == ["pool"]


def test_a_connection_that_is_refused_is_a_phase_too() -> None:
    with serve(twins.echo(), name="gone") as server:
        pass
    with httpx.Client(trust_env=False, timeout=30) as client:
        recorded = phases.record(client)
        with pytest.raises(httpx.ConnectError):
            client.get(url(server, "/get"))
    assert of(recorded[0]) == ["pool", "connect"]
