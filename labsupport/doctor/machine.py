"""The network and the resources of this machine, beside what lessons and answers take."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from labsupport.doctor.finding import Finding
from labsupport.history import History

if sys.platform != "win32":
    import resource

__all__ = [
    "descriptors",
    "disk",
    "history",
    "ipv6",
    "loopback",
    "memory",
    "ports",
    "processors",
]

BESIDE = 500
"""Clients of lesson 04 whose server is in the kernel: two descriptors each, and some for the rest
(see `crowd`)."""

HELD = 10_000
"""Connections of lesson 05b; server and clients have a process, and a descriptor for each."""

_REST = 100  # descriptors of a process for all else


def loopback(root: Path) -> Finding:
    """Whether a connection over 127.0.0.1 comes about."""
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            socket.create_connection(listener.getsockname(), timeout=5.0),
        ):
            pass
    except OSError as error:
        means = f"No lesson and no check runs without it ({error.strerror or error})."
        advice = "Linux: ip link set lo up (ip-link(8)). Elsewhere, look for a firewall."
        return Finding("127.0.0.1 cannot be reached", means, advice, "missing")
    return Finding("127.0.0.1 answers", "Servers and clients of lessons meet there.")


def ipv6(root: Path) -> Finding:
    """Whether one over ::1 does."""
    if _allowed()["ipv6"]:
        return Finding("::1 answers", "Lessons 01a and 01b show it beside IPv4.")
    means = "Lessons 01a and 01b leave their parts with IPv6 out."
    advice = "Linux: sudo sysctl net.ipv6.conf.lo.disable_ipv6=0 (ip-sysctl.rst of the kernel)."
    return Finding("::1 cannot be reached", means, advice, "less")


def ports(root: Path) -> Finding:
    """How many ports the system gives to clients."""
    ports = _allowed()["dynamic_ports"]
    if ports is None:
        return Finding("not told by this system", "Lesson 05b says where they end.")
    first, last = ports
    count = last - first + 1
    found = f"{count:,} ({first} to {last})"
    if count >= HELD:
        return Finding(found, f"Lesson 05b takes {HELD:,} for one server.")
    means = f"Lesson 05b holds fewer than its {HELD:,} connections, and says so."
    advice = 'sudo sysctl net.ipv4.ip_local_port_range="32768 60999" (ip(7)).'
    return Finding(found, means, advice, "less")


def descriptors(root: Path) -> Finding:
    """How many descriptors a process may open, and raise itself to (getrlimit(2))."""
    if sys.platform == "win32":
        return Finding("no fixed limit", "Lessons 04 and 05b open thousands.")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"soft limit {_count(soft)}, hard limit {_count(hard)}"
    means, advice = [], []
    beside = 2 * BESIDE + _REST
    if _is_less(hard, beside):
        means.append(f"Lesson 04 has fewer than its {BESIDE} clients, and says so.")
    elif _is_less(soft, beside):
        means.append(f"Lesson 04 needs {beside:,}; JupyterLab raises its soft limit by itself.")
        advice.append(f"Elsewhere: ulimit -n {beside} before you start it.")
    if _is_less(hard, HELD + _REST):
        means.append(f"Lesson 05b holds fewer than its {HELD:,} connections, and says so.")
        advice.append(_raise_descriptors())
        return Finding(found, " ".join(means), " ".join(advice), "less")
    means.append(f"Lesson 05b raises its own to hold {HELD:,} connections.")
    return Finding(found, " ".join(means), " ".join(advice))


def _raise_descriptors() -> str:
    if sys.platform == "darwin":
        return "sudo launchctl limit maxfiles 16384 16384 (launchctl(1))."
    return (
        "In /etc/security/limits.conf the line `* hard nofile 16384`, then log in again "
        "(limits.conf(5)); of a service LimitNOFILE= (systemd.exec(5)); of a container "
        "--ulimit nofile=16384."
    )


def _count(limit: int) -> str:
    return "none" if limit == resource.RLIM_INFINITY else f"{limit:,}"


def _is_less(limit: int, needed: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < needed


def processors(root: Path) -> Finding:
    """How many processors this process may use."""
    from labsupport.grading.running import at_once

    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Finding(f"{here} may be used", f"labsupport grade judges {at_once()} answers at a time.")


def memory(root: Path) -> Finding:
    """How much memory is free, beside what one answer may use."""
    import psutil

    from labsupport.checking.hosts import Limits

    memory = psutil.virtual_memory()
    found = f"{_gigabytes(memory.available)} free of {_gigabytes(memory.total)}"
    most = Limits().memory
    if memory.available < most:
        means = f"An answer may use {_gigabytes(most)}: one that does makes the system slow."
        return Finding(found, means, "Close other programs.", "less")
    return Finding(found, f"An answer may use {_gigabytes(most)}.")


def disk(root: Path) -> Finding:
    """How much room there is for the course and for temporary files."""
    from labsupport.checking.hosts import Limits

    try:
        temporary = _temporary()
    except FileNotFoundError:
        means = "Neither answers nor kernels can run without one."
        advice = "Free some room, or name a folder of yours in TMPDIR."
        return Finding("no folder for temporary files takes any", means, advice, "missing")
    places = {folder: shutil.disk_usage(folder).free for folder in (str(root), temporary)}
    found = ", ".join(f"{_gigabytes(free)} free at {folder}" for folder, free in places.items())
    most = Limits().file_bytes
    if min(places.values()) < most:
        means = f"An answer may write {_gigabytes(most)}; notebooks and histories need room too."
        return Finding(found, means, "Free some, or name another folder in TMPDIR.", "less")
    return Finding(found, f"An answer may write {_gigabytes(most)}.")


def history(root: Path) -> Finding:
    """Whether the folder of the learner's history takes a database."""
    folder = History().folder or root / ".labsupport"
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=there) as trial:
            with closing(sqlite3.connect(Path(trial, "trial.sqlite"))) as database:
                database.execute("BEGIN IMMEDIATE")
                database.execute("CREATE TABLE trial (number)")
                database.commit()
    except (OSError, sqlite3.Error) as error:
        means = "Tries, hints and votes are not remembered; all else goes on."
        advice = "Name a folder of yours in LABSUPPORT_STATE."
        return Finding(f"{folder} cannot be written to ({error})", means, advice, "less")
    return Finding(f"{folder} can be written to", "Tries, hints and votes are remembered there.")


def _temporary() -> str:
    return tempfile.gettempdir()


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


def _allowed() -> dict[str, Any]:
    from labsupport import meters

    return meters.what_this_machine_allows()
