"""Honest answers beside hostile ones: other threads of one caller, each with a judge of its own."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from labsupport.checking import Answer, check
from tests.checking.course import Course
from tests.hostile import test_escaping, test_exhausting, test_killing, test_reading
from tests.hostile.arena import Arena
from tests.hostile.attack import Attack

TROUBLE = 3
"""Attacks at a time."""

NAMES = {
    "becomes a daemon",
    "fills its disk",
    "fills the memory that processes share",
    "forks in every process until it is refused",
    "keeps memory in many processes",
    "leaves files wherever it can",
    "leaves modules that others would import",
    "looks for what others share",
    "looks into other processes",
    "opens descriptors without end",
    "prints without end",
    "sends SIGKILL to whoever is around it",
    "sends descriptors to itself without end",
}

# It says who it is, so that another's result would be seen, and has what no other may see or touch.
HONEST = """
import os, socket, threading
me = {number}
def f():
    with open("mine", "w") as file: file.write("{loot}")
    with socket.create_server(("127.0.0.1", 20001)) as listener:
        client = socket.create_connection(("127.0.0.1", 20001))
        server, _ = listener.accept()
        with client, server:
            for _ in range(200):
                client.sendall(b"%d" % me)
                if server.recv(100) != b"%d" % me: return "somebody else"
    return me if os.listdir() == ["mine"] else os.listdir()
"""


@pytest.mark.slow
def test_honest_answers_pass_beside_hostile_ones(arena: Arena, tmp_path: Path) -> None:
    if arena.level < 3:
        pytest.skip("promised where answers are sealed off from each other")
    attacks = [
        attack
        for module in (test_escaping, test_exhausting, test_killing, test_reading)
        for attack in module.ATTACKS
        if attack.name in NAMES and arena.level in attack.levels
    ]
    assert len(attacks) > len(NAMES) - 3
    done: list[str] = []
    over = threading.Event()

    def trouble(part: int, mine: list[Attack]) -> None:
        course = Course(tmp_path / f"hostile-{part}")
        empty = course.source
        for attack in mine:
            course.write(empty)
            course.add("works", attack.check, deadline=attack.deadline)
            report = check(Answer("demo", attack.source(arena.told())), course.folder)
            done.append(f"{attack}: {'passed' if report.passed else 'did not pass'}")
            found.extend(f"{attack} read {what}" for what in arena.leaked(report))

    found: list[str] = []
    threads = [
        threading.Thread(target=trouble, args=(part, attacks[part::TROUBLE]))
        for part in range(TROUBLE)
    ]
    for thread in threads:
        thread.start()
    threading.Thread(target=lambda: ([each.join() for each in threads], over.set())).start()

    course = Course(tmp_path / "honest")
    empty = course.source
    judged = 0
    while not over.is_set() or judged < 10:
        judged += 1
        course.write(empty)
        course.add("works", f'assert_equal(await answer.call("f"), {judged}, "f")', deadline=20.0)
        source = HONEST.format(number=judged, loot=arena.loot["another answer"])
        report = check(Answer("demo", source), course.folder)
        if not report.passed:
            found.append(f"honest answer {judged} does not pass: {report}")
    assert len(done) == len(attacks)
    assert [each for each in done if each.endswith(": passed")] == []
    assert found == []
