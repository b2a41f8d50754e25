"""Names and values of faults: what is accepted, and what a learner reads when it is not."""

from __future__ import annotations

from typing import Any

import pytest

from labsupport import Link
from labsupport.link import FaultError, NotOnThisTransport
from labsupport.link.faults import TcpFaults, UdpFaults


@pytest.mark.parametrize("name", ["lose", "duplicate", "reorder"])
def test_a_tcp_link_refuses_what_a_relay_cannot_do_and_says_why(name: str) -> None:
    with pytest.raises(NotOnThisTransport, match=r"cannot \w+ a segment, only bytes") as refused:
        Link(**{name: 0.1})
    assert isinstance(refused.value, ValueError)
    assert 'transport="udp"' in str(refused.value)


@pytest.mark.parametrize("name", ["lose", "reorder"])
def test_the_refusal_names_the_modelled_retransmission(name: str) -> None:
    with pytest.raises(NotOnThisTransport, match="retransmit_delay"):
        Link(**{name: 0.1})


@pytest.mark.parametrize(
    "name", ["cut", "merge", "rate", "stall", "half_close", "reset", "retransmit_delay", "rto"]
)
def test_a_udp_link_refuses_the_faults_of_a_stream(name: str) -> None:
    with pytest.raises(NotOnThisTransport, match="UDP"):
        Link(transport="udp", **{name: 1})


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"cut": 0}, "at least 1 byte"),
        ({"cut": ()}, "cut=1"),
        ({"cut": (3, 0)}, "at least 1 byte"),
        ({"cut": 1.5}, "whole number of bytes"),
        ({"cut": True}, "whole number of bytes"),
        ({"cut": "1"}, "whole number of bytes"),
        ({"merge": -1}, "at least 1 byte"),
        ({"merge": 1 << 30}, "at most 1,048,576 bytes"),
        ({"delay": -0.1}, "0 or more"),
        ({"delay": "1s"}, "seconds as a number"),
        ({"delay": float("nan")}, "finite"),
        ({"jitter": float("inf")}, "finite"),
        ({"rate": 0}, "stall=0"),
        ({"rate": "fast"}, "bytes per second"),
        ({"stall": -1}, "counts from 0"),
        ({"reset": 1.0}, "offset in bytes"),
        ({"truncate": "end"}, "offset in bytes"),
        ({"corrupt": (1, -2)}, "counts from 0"),
        ({"half_close": False}, "offset in bytes"),
        ({"retransmit_delay": 0.2}, "offset in bytes"),
        ({"chop": 3}, "there is no fault named 'chop'; there are: delay, jitter, rate, cut"),
    ],
)
def test_a_bad_value_on_tcp_is_explained(faults: dict[str, Any], said: str) -> None:
    with pytest.raises(FaultError, match=said):
        Link(**faults)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"lose": 1}, "probability from 0.0 to 1.0"),
        ({"lose": 1.5}, "probability from 0.0 to 1.0"),
        ({"duplicate": (0, -1)}, "numbers of the datagrams"),
        ({"reorder": "often"}, "probability"),
        ({"truncate": -1}, "number of bytes that are left"),
    ],
)
def test_a_bad_value_on_udp_is_explained(faults: dict[str, Any], said: str) -> None:
    with pytest.raises(FaultError, match=said):
        Link(transport="udp", **faults)


def test_an_unknown_transport_or_direction_is_explained() -> None:
    with pytest.raises(FaultError, match='"tcp" or "udp"'):
        Link(transport="sctp")  # type: ignore[arg-type]
    with pytest.raises(FaultError, match='"to_server" or "to_client"'):
        Link().change("upwards", cut=1)  # type: ignore[arg-type]


def test_faults_of_one_direction_go_before_those_of_both() -> None:
    link = Link(cut=1, delay=0.1, to_client={"cut": 5, "delay": None})
    assert link.faults == {"to_server": {"cut": 1, "delay": 0.1}, "to_client": {"cut": 5}}


def test_none_clears_a_fault_and_the_others_stay() -> None:
    faults = TcpFaults().changed(cut=(2, 3), reset=7)
    assert faults.changed(cut=None) == TcpFaults().changed(reset=7)
    assert faults.changed(cut=None, reset=None).harmless


def test_a_refused_change_changes_nothing() -> None:
    link = Link(cut=1)
    with pytest.raises(FaultError):
        link.change(delay=0.1, merge=0)
    assert link.faults["to_server"] == {"cut": 1}


def test_faults_write_themselves_as_they_were_given() -> None:
    assert str(TcpFaults().changed(cut=(3, 1), delay=0.25)) == "cut=(3, 1), delay=0.25"
    assert str(UdpFaults().changed(lose=0.5)) == "lose=0.5"
    assert "not started; cut=1" in repr(Link(cut=1))
    assert "to_server: no fault; to_client: cut=1" in repr(Link(to_client={"cut": 1}))
