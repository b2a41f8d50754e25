"""`labsupport doctor`: what this machine permits, what the course lacks here, how to raise it.

Each look is a function that returns one `Finding`. It tries, where trying is possible: loopback by
a connection, the history's folder by a database in it, protection by an answer that the engine
judges. Settings are only read to say why something was refused.

The doctor is for machines on which something is missing. So whatever is not in the standard library
is imported when it is needed, and a package that is not there is a finding. Where not even the
command starts, since click is missing:

    python -m labsupport.doctor
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from labsupport.checking import InputError
from labsupport.doctor import machine, packages, programs, protection
from labsupport.doctor.finding import AGAIN, INSTALL, Finding

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["INSTRUCTORS", "LOOKS", "doctor", "findings"]

LOOKS: dict[str, Callable[[Path], Finding]] = {
    "Python": packages.python,
    "Packages": packages.packages,
    "Their versions": packages.versions,
    "Kernel of notebooks": packages.kernel,
    "Protection of answers": protection.protection,
    "Loopback": machine.loopback,
    "IPv6": machine.ipv6,
    "Ports for clients": machine.ports,
    "Descriptors of a process": machine.descriptors,
    "Processors": machine.processors,
    "Memory": machine.memory,
    "Disk": machine.disk,
    "Learner's history": machine.history,
    "curl": partial(programs.program, "curl", "Lessons 06a and 06b show what it sends."),
    "make": partial(programs.program, "make", "`make lab` and `make test` are two commands of it."),
    "git": partial(programs.program, "git", "`.ci/run` makes a fresh clone with it."),
    "Chromium": programs.chromium,
}

INSTRUCTORS = frozenset({"git", "Chromium"})
"""What only the instructor's course makes use of."""


def doctor(root: Path) -> int:
    """Look at everything, print it, and return the exit status: 1 when the course cannot run."""
    show, conclude = _plainly, print
    try:
        from labsupport.progress import say, screen
    except ImportError:  # rich or click; a finding says so
        pass
    else:
        console = screen()
        conclude = partial(say, console)
        if console.is_terminal:
            show = partial(_drawn, console)
    states = []
    for what, finding in findings(root):
        show(what, finding)
        states.append(finding.state)
    if lacking := states.count("missing"):
        conclude(f"The course does not run here: put right what is missing ({lacking}).")
        return 1
    less = states.count("less")
    conclude(f"The course runs here{f', with less in {less}' if less else ''}.")
    return 0


def findings(root: Path) -> Iterator[tuple[str, Finding]]:
    """What there is to look at, and what was found, for the course at `root`."""
    whole = (root / ".ci").is_dir()
    for what, look in LOOKS.items():
        if what in INSTRUCTORS and not whole:
            continue
        try:
            finding = look(root)
        except ImportError as error:
            means = "The course needs what cannot be imported."
            finding = Finding(f"not looked at ({error})", means, INSTALL, "missing")
        except InputError as error:
            finding = Finding("not looked at", str(error), AGAIN, "missing")
        yield what, finding


def _plainly(what: str, finding: Finding) -> None:
    words = [f"{finding.state:7}  {what}: {finding.found}.", finding.means, finding.advice]
    print(" ".join(filter(None, words)), flush=True)


def _drawn(console: Console, what: str, finding: Finding) -> None:
    from rich.table import Table
    from rich.text import Text

    colour = {"ok": "green", "less": "yellow", "missing": "bold red"}[finding.state]
    text = Text(finding.found)
    text.append(f"\n{finding.means}", style="dim")
    if finding.advice:
        text.append(f"\n{finding.advice}", style=colour)
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=7)
    row.add_column(width=24)
    row.add_column(overflow="fold")
    row.add_row(Text(finding.state, style=colour), Text(what, style="bold"), text)
    console.print(row)
