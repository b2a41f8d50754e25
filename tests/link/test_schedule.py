"""The decisions alone: the same stream has the same schedule, whatever its chunks."""

from __future__ import annotations

import random
from typing import Any

import pytest

from labsupport.link.faults import TcpFaults, UdpFaults
from labsupport.link.schedule import Departures, Dice, End, Hold, Piece, decide, fate

DICE = Dice(7, 1, "to_server")


class Schedule:
    """What became of a stream: for each byte its value, hold and delay, and the walls between."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.holds: list[float] = []
        self.late: list[int] = []
        self.walls: list[int] = []
        self.end: tuple[str, int] | None = None

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other)


def carried(faults: TcpFaults, stream: bytes, chunks: list[int], dice: Dice = DICE) -> Schedule:
    """Feed a stream in chunks of these sizes and do what `decide` says, with endless patience."""
    seen = Schedule()
    waiting, offset, ended = bytearray(), 0, False
    rest = stream
    sizes = iter(chunks)
    while seen.end is None:
        step = decide(faults, dice, offset, len(waiting), ended=ended)
        if isinstance(step, Piece) and not (step.partial and not ended):
            seen.data += step.applied(bytes(waiting[: step.length]))
            seen.holds += [step.hold] * step.length
            if step.late:
                seen.late.append(offset)
            if step.causal:
                seen.walls.append(offset)
            del waiting[: step.length]
            offset += step.length
        elif isinstance(step, End):
            seen.end = (step.how, offset)
        elif rest:
            size = next(sizes)
            waiting += rest[:size]
            rest = rest[size:]
        elif not ended:
            ended = True
        else:
            assert step == Hold("stall")
            seen.end = ("stall", offset)
    return seen


def some_faults(draw: random.Random) -> dict[str, Any]:
    """A random set of faults whose offsets lie in and a little behind a stream of 300 bytes."""
    at = lambda: draw.randrange(340)  # noqa: E731
    possible: dict[str, Any] = {
        "delay": draw.random(),
        "jitter": draw.random(),
        "rate": draw.choice([10, 333, 5000.0]),
        "cut": draw.choice([1, 7, 100, (3, 1, 5)]),
        "merge": draw.choice([1, 10, 64, 1000]),
        "stall": at(),
        "truncate": at(),
        "corrupt": (at(), at(), at()),
        "half_close": at(),
        "reset": at(),
        "retransmit_delay": (at(), at()),
    }
    return {name: possible[name] for name in draw.sample(sorted(possible), draw.randint(1, 4))}


@pytest.mark.parametrize("seed", range(200))
def test_the_schedule_does_not_depend_on_the_chunks(seed: int) -> None:
    draw = random.Random(seed)
    settings = some_faults(draw)
    faults = TcpFaults().changed(**settings)
    stream = draw.randbytes(300)
    whole = carried(faults, stream, [300])
    for _ in range(10):
        chunks = [draw.randint(1, draw.choice([1, 5, 80])) for _ in stream]
        assert carried(faults, stream, chunks) == whole, settings


def test_cuts_lie_at_fixed_offsets_and_sizes_are_used_in_turn() -> None:
    faults = TcpFaults().changed(cut=(3, 1, 5))
    assert carried(faults, bytes(20), [20]).walls == [0, 3, 4, 9, 12, 13, 18]


def test_a_begun_piece_is_partial_until_its_rest_or_the_end_is_there() -> None:
    faults = TcpFaults().changed(cut=10)
    begun = decide(faults, DICE, 0, 4, ended=False)
    assert isinstance(begun, Piece)
    assert (begun.length, begun.partial) == (4, True)
    last = decide(faults, DICE, 0, 4, ended=True)
    assert isinstance(last, Piece)
    assert (last.length, last.partial) == (4, False)
    rest = decide(faults, DICE, 4, 20, ended=False)  # the wall stays where it was
    assert isinstance(rest, Piece)
    assert (rest.length, rest.partial) == (6, False)


def test_merged_bytes_wait_for_their_block_or_the_end() -> None:
    faults = TcpFaults().changed(merge=8)
    assert decide(faults, DICE, 0, 7, ended=False) == Hold("merge")
    assert decide(faults, DICE, 0, 7, ended=True) == Piece(7)
    assert decide(faults, DICE, 0, 30, ended=False) == Piece(8)
    assert decide(faults, DICE, 8, 7, ended=False) == Hold("merge")


def test_an_end_inside_a_block_releases_what_lies_before_it() -> None:
    faults = TcpFaults().changed(merge=8, reset=5)
    assert decide(faults, DICE, 0, 4, ended=False) == Hold("merge")
    assert decide(faults, DICE, 0, 5, ended=False) == Piece(5)
    assert decide(faults, DICE, 5, 0, ended=False) == End("reset")


def test_at_one_offset_reset_goes_before_truncate_before_half_close_before_stall() -> None:
    settings = {"reset": 4, "truncate": 4, "half_close": 4, "stall": 4}
    order = []
    while settings:
        step = decide(TcpFaults().changed(**settings), DICE, 4, 9, ended=False)
        order.append(step.how if isinstance(step, End) else step.why)  # type: ignore[union-attr]
        del settings[order[-1]]
    assert order == ["reset", "truncate", "half_close", "stall"]


def test_a_stall_holds_the_end_of_the_stream_too() -> None:
    faults = TcpFaults().changed(stall=3)
    assert decide(faults, DICE, 3, 0, ended=True) == Hold("stall")


def test_corruption_inverts_one_bit_of_each_byte_named_and_of_no_other() -> None:
    faults = TcpFaults().changed(corrupt=(0, 9))
    changed = carried(faults, bytes(12), [12]).data
    assert [at for at, byte in enumerate(changed) if byte] == [0, 9]
    assert all(changed[at].bit_count() == 1 for at in (0, 9))


def test_a_seed_decides_and_connections_and_directions_differ() -> None:
    faults = TcpFaults().changed(jitter=1.0)

    def holds(*dice: Any) -> list[float]:
        return carried(faults, bytes(640), [640], Dice(*dice)).holds

    assert holds(1, 1, "to_server") == holds(1, 1, "to_server")
    others = [(2, 1, "to_server"), (1, 2, "to_server"), (1, 1, "to_client"), ("1x", 1, "to_server")]
    assert all(holds(*other) != holds(1, 1, "to_server") for other in others)
    assert len(set(holds(1, 1, "to_server"))) == 10  # drawn anew every 64 bytes
    assert all(0 <= hold < 1 for hold in holds(1, 1, "to_server"))


def test_draws_are_spread_evenly() -> None:
    tenths = [int(DICE.fraction("lose", number) * 10) for number in range(10_000)]
    assert all(900 < tenths.count(tenth) < 1100 for tenth in range(10))
    bits = [DICE.bit(number) for number in range(8_000)]
    assert all(900 < bits.count(bit) < 1100 for bit in range(8))


def test_a_held_piece_holds_all_behind_it() -> None:
    departures = Departures()
    late = Piece(1, late=0.2)
    due = departures.due(late, 10.0)
    departures.left(due, due)
    assert due == pytest.approx(10.2)
    assert departures.due(Piece(1), 10.05) == pytest.approx(10.2)


def test_a_rate_spaces_the_pieces_by_their_length() -> None:
    faults = TcpFaults().changed(rate=100)
    departures, offset, times = Departures(), 0, []
    while offset < 10:
        step = decide(faults, DICE, offset, 10 - offset, ended=False)
        assert isinstance(step, Piece)
        due = departures.due(step, 0.0)
        departures.left(due, due)
        offset += step.length
        times.append((offset, round(due, 9)))
    assert times == [(2, 0.02), (4, 0.04), (6, 0.06), (8, 0.08), (10, 0.1)]


def test_a_receiver_that_was_slow_is_not_flooded_afterwards() -> None:
    departures = Departures()
    departures.left(1.0, 9.0)
    assert departures.due(Piece(1, pace=1.0), 2.0) == pytest.approx(9.9)


def test_datagrams_are_chosen_by_number_or_by_probability() -> None:
    chosen = UdpFaults().changed(lose=(1, 3))
    assert [fate(chosen, DICE, n, b"x").copies for n in range(5)] == [1, 0, 1, 0, 1]
    likely = UdpFaults().changed(lose=0.25)
    lost = sum(fate(likely, DICE, n, b"x").copies == 0 for n in range(4_000))
    assert 900 < lost < 1100
    everything = UdpFaults().changed(lose=1.0)
    assert all(fate(everything, DICE, n, b"x").copies == 0 for n in range(100))


def test_a_datagram_can_suffer_several_faults_at_once() -> None:
    faults = UdpFaults().changed(
        truncate=4, corrupt=(0,), duplicate=(0,), reorder=(0,), delay=0.5, jitter=0.1
    )
    its = fate(faults, DICE, 0, b"\0\0\0\0\0\0")
    assert len(its.data) == 4
    assert sum(byte.bit_count() for byte in its.data) == 1
    assert (its.copies, its.swapped) == (2, True)
    assert 0.5 <= its.hold < 0.6
    assert len(its.what) == 4
    assert fate(faults, DICE, 1, b"abc") == fate(faults, DICE, 1, b"abc")
