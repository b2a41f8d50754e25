"""The example of a CI names commands and files that exist, and runs what it says at its time."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW: dict[Any, Any] = yaml.safe_load(
    (ROOT / ".github" / "workflows" / "course.yml").read_text(encoding="utf-8")
)
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
WHEN = WORKFLOW[True]  # YAML 1.1 reads the key `on` as a truth value; GitHub reads 1.2


def commands() -> Iterator[list[str]]:
    """The words of each command, without the beginning that makes it run as root."""
    for job in JOBS.values():
        for step in job["steps"]:
            if "run" in step:
                words = shlex.split(step["run"])
                yield words[3:] if words[:2] == ["sudo", "env"] else words


COMMANDS = list(commands())


def test_jobs_have_the_keys_that_github_asks_for() -> None:
    for name, job in JOBS.items():
        assert set(job) == {"if", "runs-on", "timeout-minutes", "steps"}, name
        for step in job["steps"]:
            assert len({"uses", "run"} & set(step)) == 1, step
        assert any(step.get("uses", "").startswith("actions/checkout@") for step in job["steps"])


def test_every_event_starts_a_job_and_every_job_has_an_event() -> None:
    assert set(WHEN) == {"push", "pull_request", "workflow_dispatch", "schedule"}
    asked = [set(re.findall(r"github\.event_name == '(\w+)'", job["if"])) for job in JOBS.values()]
    assert all(asked)
    assert set.union(*asked) == set(WHEN)


def test_the_schedule_is_weekly() -> None:
    ((minute, hour, *days),) = (each["cron"].split() for each in WHEN["schedule"])
    assert 0 <= int(minute) < 60
    assert 0 <= int(hour) < 24
    assert days[:2] == ["*", "*"]
    assert 0 <= int(days[2]) <= 6


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_a_command_names_exists(words: list[str]) -> None:
    if words[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(words[2]) is not None
    else:
        assert (ROOT / words[0]).stat().st_mode & 0o111
    paths = [word for word in words[3:] if "/" in word or word.endswith(".txt")]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_scheduled_jobs_run_the_newest_versions_and_the_whole_bank() -> None:
    assert ["python", "-m", "tests.newest"] in COMMANDS
    (judging,) = [words for words in COMMANDS if words[2:3] == ["pytest"]]
    done = subprocess.run(
        [sys.executable, *judging[1:], "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=55,
    )
    assert done.returncode == 0, done.stdout
    collected = set(re.findall(r"^tests/promises/(test_verdicts_\w+\.py)", done.stdout, re.M))
    assert collected == {path.name for path in (ROOT / "tests/promises").glob("test_verdicts_*.py")}


def test_its_python_is_the_oldest_that_the_project_accepts() -> None:
    said = {
        step["with"]["python-version"]
        for job in JOBS.values()
        for step in job["steps"]
        if "with" in step
    }
    assert said == {"3.11"}
