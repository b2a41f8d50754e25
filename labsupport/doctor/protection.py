"""How far the engine confines answers here, why not further, and how to raise it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from labsupport.checking import Answer, EngineError, InputError, check
from labsupport.checking.engine import shut_down
from labsupport.checking.exercise import exercise_folders
from labsupport.doctor.finding import AGAIN, Finding

__all__ = ["more", "protection"]

_SEALED = 3

_SWITCHES = (
    (
        "user.max_user_namespaces", "0",
        "sudo sysctl user.max_user_namespaces=15000", "namespaces(7)",
    ),
    (
        "kernel.unprivileged_userns_clone", "0",
        "sudo sysctl kernel.unprivileged_userns_clone=1",
        "Debian's kernels alone have it; release notes of Debian 11, 5.1",
    ),
    (
        "kernel.apparmor_restrict_unprivileged_userns", "1",
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        "https://ubuntu.com/blog/ubuntu-23-10-restricted-unprivileged-user-namespaces",
    ),
)  # fmt: skip
"""Settings that forbid user namespaces: name, the value that does, how to permit them, source."""


def protection(root: Path) -> Finding:
    """The level at which the engine judges an answer here, as its report says it."""
    try:
        slug, folder = next(iter(exercise_folders(root).items()))
        level = check(Answer.from_cell("pass", slug), folder).level
    except StopIteration:
        return Finding("not tried", "There is no exercise here.", AGAIN, "missing")
    except (EngineError, InputError) as error:
        means = f"No answer can be checked. {error}"
        return Finding("none", means, "Put right what it names, then run again.", "missing")
    finally:
        shut_down()
    number, missing = level["number"], level["missing"]
    found = f"level {number}, {level['name']}"
    means = level["said"].replace("your answer", "an answer", 1)
    means = f"{means[:1].upper()}{means[1:]}."
    if missing:
        means += f" Not to be had: {'; '.join(missing)}."
    if number >= _SEALED:
        return Finding(found, means)
    means += " Check only answers whose author you trust."
    return Finding(found, means, more(missing), "less")


def more(refused: Iterable[str], proc: Path = Path("/proc")) -> str:
    """How a higher level is to be had, by what the engine was refused, in its own words.

    proc: where the settings are that may refuse it.
    """
    if sys.platform != "linux":
        return (
            "Only Linux has more: run the course in a virtual machine with it, on Windows in WSL 2 "
            "(https://learn.microsoft.com/windows/wsl/install)."
        )
    names = {each.partition(" ")[0] for each in refused}
    advice = []
    if (asked := os.environ.get("LABSUPPORT_LEVEL")) in ("1", "2"):
        advice.append(f"LABSUPPORT_LEVEL={asked} asks for no more: unset it.")
    if "userns" in names:
        advice.append(_permit_namespaces(proc))
    if "fenced" in names:
        advice.append(
            "For level 2: a kernel from 5.13 on, built with Landlock and started with it in the "
            "list lsm= (landlock(7)); in a container, a seccomp filter that permits it."
        )
    return " ".join(advice)


def _permit_namespaces(proc: Path) -> str:
    """What forbids user namespaces here and how the administrator permits them."""
    for name, forbids, command, source in _SWITCHES:
        try:
            value = (proc / "sys" / name.replace(".", "/")).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            continue
        if value == forbids:
            return (
                f"For level 3: {name} = {value} forbids user namespaces. Permit them: {command}; "
                f"to keep it, a line in /etc/sysctl.d (sysctl.d(5)). Source: {source}."
            )
    if re.search(r"^Seccomp:\s*2$", (proc / "self/status").read_text(encoding="ascii"), re.M):
        return (
            "For level 3: a seccomp filter is on this process, as containers have one, and may "
            "forbid user namespaces. With Docker, which then confines the container less: "
            "--security-opt seccomp=unconfined --security-opt systempaths=unconfined "
            "(https://docs.docker.com/engine/security/seccomp/)."
        )
    return (
        "For level 3: users must be permitted to make user namespaces; user_namespaces(7) and "
        "unshare(2) name what can refuse it."
    )
