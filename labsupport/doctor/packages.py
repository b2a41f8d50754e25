"""Python, the packages of the course against their pins, and what notebooks run on."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from labsupport.doctor.finding import INSTALL, Finding, project, text_of

__all__ = ["kernel", "packages", "python", "versions"]


def python(root: Path) -> Finding:
    """Whether this Python is new enough."""
    found = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    asked = str(project(root)["requires-python"])
    oldest = [int(part) for part in re.findall(r"\d+", asked)]
    if list(sys.version_info[:2]) < oldest:
        advice = "Make the environment with a newer one: make lab PYTHON=python3.12"
        return Finding(found, f"The course asks for {asked}.", advice, "missing")
    return Finding(found, f"The course asks for {asked}.")


def packages(root: Path) -> Finding:
    """Whether all packages are installed that the course needs."""
    listed: list[str] = project(root)["dependencies"]
    if absent := sorted(_absent(listed)):
        means = "The course needs them, or what it needs does."
        return Finding(f"missing: {', '.join(absent)}", means, INSTALL, "missing")
    return Finding(f"all {len(listed)} that it lists", "With what these need in turn.")


def _absent(wanted: Iterable[str]) -> set[str]:
    """What these packages need, directly or through others, and is not installed."""
    from packaging.requirements import Requirement

    waiting = [(Requirement(text), "") for text in wanted]
    seen = set()
    absent = set()
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        for each in ("", *requirement.extras):
            if (requirement.name, each) in seen:
                continue
            seen.add((requirement.name, each))
            try:
                further = distribution(requirement.name).requires or []
            except PackageNotFoundError:
                absent.add(requirement.name)
                continue
            waiting += [(Requirement(text), each) for text in further]
    return absent


def versions(root: Path) -> Finding:
    """Whether the versions of packages are those of constraints.txt."""
    different = []
    for line in text_of(root, "constraints.txt").splitlines():
        name, pinned, wanted = line.partition("==")
        if pinned and not line.startswith("#") and (has := _version(name)) not in (None, wanted):
            different.append(f"{name} {has} (pinned {wanted})")
    if different:
        means = "The course is tested with the pinned versions; with others it may show or do less."
        return Finding(", ".join(different), means, INSTALL, "less")
    return Finding("as pinned in constraints.txt", "The course is tested with these.")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def kernel(root: Path) -> Finding:
    """Which Python runs notebooks that ask for the kernel python3."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        program = str(KernelSpecManager().get_kernel_spec("python3").argv[0])
    except NoSuchKernel:
        return Finding("none named python3", "Notebooks cannot run.", INSTALL, "missing")
    # Jupyter puts its own Python in the place of these names (KernelManager.format_kernel_cmd).
    own = {"python", f"python{sys.version_info[0]}", "python{}.{}".format(*sys.version_info)}
    if program in own or _same_file(program, sys.executable):
        return Finding("python3, with this Python", "Lessons run in this environment.")
    means = "`make lab` runs lessons in this environment; another Jupyter runs them with that one."
    advice = "Start with make lab. Or remove the other: jupyter kernelspec remove python3"
    return Finding(f"python3, with {program}", means, advice, "less")


def _same_file(program: str, other: str) -> bool:
    """Whether both are one; an environment's Python is often a link to another's, and not it."""
    here, there = (Path(each).parent.resolve() / Path(each).name for each in (program, other))
    return here == there or (here.parent == there.parent and here.resolve() == there.resolve())
