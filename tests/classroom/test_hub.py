"""Two users on the real JupyterHub, where it is installed; trial.py is the same for a class."""

from __future__ import annotations

import asyncio

import pytest

from tests.classroom.hubs import missing, running_hub
from tests.classroom.trial import everybody, update

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]


def test_two_users_run_a_lesson_pass_greet_and_get_an_update() -> None:
    users = ["ada", "grace"]
    with running_hub(users) as hub:
        visits = asyncio.run(everybody(hub, users))
        assert [said for each in visits for said in each.failures] == []
        assert set(hub.servers()) == set(users)
        assert asyncio.run(update(hub, "ada")) == []
    assert hub.left == []
