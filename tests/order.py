"""Begin with the files that take longest: `-p tests.order`.

What takes long and begins late is waited for alone. pytest runs files by folder, however they are
named on its command line, and pytest-xdist hands them out in that order.
"""

from __future__ import annotations

import pytest

# Those that take 40 s or more with five at once on two processors; the longest first.
LONGEST = (
    "tests/promises/test_verdicts_04.py",
    "tests/promises/test_verdicts_03.py",
    "tests/hostile/test_killing.py",
    "tests/browser/test_lab.py",
    "tests/promises/test_verdicts_03_ferry.py",
    "tests/promises/test_verdicts_05a.py",
    "tests/hostile/test_exhausting.py",
    "notebooks/04_threads_and_processes.ipynb",
    "tests/checking/test_processes.py",
    "tests/promises/test_verdicts_02c.py",
    "tests/magics/test_magics.py",
    "tests/cli/test_watch.py",
    "solutions/ferry.ipynb",
    "tests/notebooks/test_plugin.py",
    "tests/promises/test_verdicts_01a.py",
    "tests/promises/test_verdicts_05b_room2.py",
    "notebooks/03_udp_datagrams.ipynb",
    "notebooks/05b_asyncio.ipynb",
    "solutions/break_threads.ipynb",
    "tests/setup/test_environment.py",
    "tests/checking/test_strain.py",
)


# Most of their time is waiting, for which the short tests behind them leave no processor idle.
WAITING = ("exercises/", "solutions/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files, and leave what is in each as it is."""
    items.sort(key=lambda item: _place(item.nodeid.partition("::")[0]))


def _place(path: str) -> int:
    if path in LONGEST:
        return LONGEST.index(path)
    return len(LONGEST) + (not path.startswith(WAITING))
