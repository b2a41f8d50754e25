"""One name, one server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from labsupport.serving import running, serve

Ask = Callable[..., bytes]


def accepts(listener: socket.socket) -> None:
    while True:
        listener.accept()[0].close()


def test_a_server_of_the_same_name_replaces_the_former_one() -> None:
    first = serve(accepts)
    second = serve(accepts)
    assert not first.running
    assert second.running
    assert running() == (second,)


def test_servers_of_different_names_live_side_by_side_in_order() -> None:
    servers = tuple(serve(accepts, name=name) for name in ("c", "a", "b"))
    assert running() == servers


def test_a_kind_may_replace_another_of_the_same_name(ask: Ask) -> None:
    async def handle(reader: object, writer: object) -> None:
        """Never called."""

    first = serve(accepts, name="peer")
    second = serve(handle, name="peer")
    assert not first.running
    assert second.kind == "asyncio"


def test_a_stopped_server_is_not_listed() -> None:
    server = serve(accepts)
    server.stop()
    assert running() == ()


def test_stopping_a_replaced_server_leaves_its_successor_alone() -> None:
    first = serve(accepts)
    second = serve(accepts)
    first.stop()
    assert running() == (second,)


def test_a_former_server_that_would_not_stop_is_a_warning_and_the_new_one_starts(
    release: threading.Event,
) -> None:
    old = serve(lambda listener: release.wait(), name="peer")
    with pytest.warns(RuntimeWarning, match="the former server 'peer' did not stop"):
        new = serve(accepts, name="peer")
    assert new.running
    assert running() == (new,)
    release.set()
    old.stop()
    assert running() == (new,)


def test_bad_arguments_leave_the_former_server_alone() -> None:
    server = serve(accepts)
    with pytest.raises(TypeError):
        serve(accepts, "one argument too many")
    with pytest.raises(ValueError, match="loopback"):
        serve(accepts, host="192.0.2.1")
    assert server.running
