"""A bad day does what its script says, on real sockets, and its seed alone writes the script."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from labsupport.twins import BadDay
from labsupport.twins.badday import FAULTS

SEEDS = range(30)


def round_of(day: BadDay, weather: str) -> tuple[int, str]:
    """The first round in which a service does that, and its name; 0 where none does."""
    for number in range(1, day.rounds + 1):
        for name, script in day.script.items():
            if script[number - 1] == weather:
                return number, name
    return 0, ""


def test_two_days_of_one_seed_are_the_same() -> None:
    assert BadDay(7).script == BadDay(7).script
    assert len({str(BadDay(seed).script) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_fault_has_a_service_that_is_well_before_and_after(seed: int) -> None:
    day = BadDay(seed)
    found = []
    for script in day.script.values():
        bad = [number for number, weather in enumerate(script) if weather in FAULTS]
        assert bad == list(range(bad[0], bad[-1] + 1))
        assert 0 < bad[0] < bad[-1] < day.rounds - 1
        found += list({script[number] for number in bad})
    assert sorted(found) == sorted(FAULTS)


def test_a_day_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="6 rounds at least"):
        BadDay(1, rounds=5)


@pytest.mark.parametrize("rounds", [6, 7, 50])
def test_a_day_may_have_other_lengths(rounds: int) -> None:
    for seed in SEEDS:
        assert {len(script) for script in BadDay(seed, rounds).script.values()} == {rounds}


async def ask(day: BadDay, name: str) -> httpx.Response:
    url = next(each["url"] for each in day.services if each["name"] == name)
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return await client.get(url)


def test_what_is_well_says_so_and_a_blip_is_one_request() -> None:
    async def watch() -> None:
        async with BadDay(12) as day:
            number, name = round_of(day, "blip")
            await day.begin(number)
            assert (await ask(day, name)).status_code == 503
            for _ in range(2):
                response = await ask(day, name)
                assert (response.status_code, response.json()) == (200, {"status": "ok"})
            assert day.asked == [(number, name)] * 3
            assert day.verdicts()[name] == "healthy"

    asyncio.run(watch())


def test_who_dies_refuses_and_comes_back_to_its_port() -> None:
    async def watch() -> None:
        async with BadDay(12) as day:
            number, name = round_of(day, "dies")
            before = day.services
            await day.begin(number - 1)
            assert (await ask(day, name)).status_code in (200, 503)
            await day.begin(number)
            await day.begin(number)  # once is enough
            with pytest.raises(httpx.ConnectError):
                await ask(day, name)
            assert day.verdicts()[name] == "refused"
            await day.begin(day.rounds)
            assert (await ask(day, name)).status_code in (200, 503)
            assert day.services == before

    asyncio.run(watch())


@pytest.mark.parametrize("seed", [2, 12, 23])
def test_who_lies_answers_200_and_is_not_ok(seed: int) -> None:
    async def watch() -> None:
        async with BadDay(seed) as day:
            number, name = round_of(day, "lies")
            await day.begin(number)
            response = await ask(day, name)
            assert response.status_code == 200
            assert response.text != '{"status": "ok"}'
            assert day.verdicts()[name] == "unhealthy"

    asyncio.run(watch())


def test_who_redirects_leads_to_itself() -> None:
    async def watch() -> None:
        async with BadDay(12) as day:
            number, name = round_of(day, "redirects")
            await day.begin(number)
            response = await ask(day, name)
            assert response.has_redirect_location
            assert response.url.join(response.headers["location"]) == response.url
            assert day.verdicts()[name] == "redirects"

    asyncio.run(watch())


def test_who_drips_sends_a_little_at_a_time_and_ends_with_the_day() -> None:
    async def watch() -> None:
        async with BadDay(12) as day:
            number, name = round_of(day, "drips")
            await day.begin(number)
            url = httpx.URL(next(each["url"] for each in day.services if each["name"] == name))
            reader, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(b"GET /health HTTP/1.1\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Content-Length: 1000" in head
            assert await reader.readexactly(2) == b'{"'
            assert day.verdicts()[name] == "slow"
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1000)
        writer.close()

    asyncio.run(watch())
