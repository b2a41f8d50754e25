"""Begin with the files that take longest: `-p tests.order`.

What takes long and begins late is waited for alone. pytest runs files by folder, however they are
named on its command line, and pytest-xdist hands them out in that order.
"""

from __future__ import annotations

import pytest

# Each takes more than a twentieth of the whole run; the longest first.
LONGEST = (
    "tests/browser/test_lab.py",
    "tests/hostile/test_killing.py",
    "tests/hostile/test_exhausting.py",
    "tests/promises/test_verdicts_04.py",
    "tests/promises/test_verdicts_03.py",
    "notebooks/05b_asyncio.ipynb",
    "tests/cli/test_watch.py",
    "tests/setup/test_environment.py",
    "notebooks/04_threads_and_processes.ipynb",
    "tests/promises/test_verdicts_05a.py",
    "tests/magics/test_magics.py",
    "tests/checking/test_processes.py",
    "tests/promises/test_verdicts_06a_parser.py",
    "solutions/ferry.ipynb",
    "notebooks/07_tornado_concurrency.ipynb",
    "notebooks/09_failing_well.ipynb",
    "tests/promises/test_verdicts_03_ferry.py",
    "tests/promises/test_fork.py",
    "tests/promises/test_verdicts_09_monitor.py",
    "tests/promises/test_verdicts_08_checker.py",
    "tests/notebooks/test_fork.py",
    "solutions/break_client.ipynb",
    "notebooks/03_udp_datagrams.ipynb",
    "tests/pictures/test_picture.py",
    "tests/promises/test_verdicts_07_report.py",
    "notebooks/06b_tornado.ipynb",
    "tests/notebooks/test_plugin.py",
    "tests/promises/test_verdicts_07_upload.py",
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
