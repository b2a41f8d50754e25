"""Make the course's environment, then open the course in it or test it.

    python3 labsupport/bootstrap.py lab [--no-browser]
    python3 labsupport/bootstrap.py test                    (what that is: tests/everything.py)
    python3 labsupport/bootstrap.py outputs [--pictures] [NOTEBOOK ...]

It runs under the system's Python before anything is installed: standard library only, and it must
parse on Python 3.8, which gets the message of what it needs instead of a SyntaxError.

The environment is the folder `.venv`. It is built whole or not at all:

- A file in it, the stamp, says "building" from the first moment and "ready" as the last act, with a
  key: a hash of what decides the contents (dependencies, pins, Python, place). A stamp with the
  same key is all that a second start looks at. Anything else is built again from nothing.
- While a new one is built, the former one waits as `.venv-before`; if the new one fails, it comes
  back. So a lost network or a full disk loses nothing, and older pins need no network.
- `test` adds its packages to an environment that is ready and touches nothing that is in it: `lab`
  works all the time. If adding did not come to its end, the next `test` builds a new environment.
- nbgrader lies apart, in a folder of `.venv` that no program searches unless it is told to:
  JupyterLab would load its extensions.
- A `.venv` without a stamp is somebody else's and is left alone.
- One process builds at a time; others wait at a lock, which the system frees when its holder dies.
  On POSIX pip inherits it: after `kill -9` of this process the next one waits for the orphaned pip.

`--here` makes and installs nothing: it runs in the environment of the Python that runs this, for
conda, Binder and containers, where environment.yml has installed everything.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import IO, Any, Iterable, Iterator, NoReturn, Sequence

__all__ = ["Environment", "Problem", "diagnose", "main", "too_old"]

OLDEST = (3, 11)
NEWEST_KNOWN = 14
APART = ("nbgrader",)
"""Extras that are put into a folder of .venv with their name, without what .venv has already."""

ROOM = 1_000_000_000
"""Bytes that an installation needs at most: measured 0.7 GB in .venv, and pip's temporary files."""


class Problem(Exception):
    """Something the user must put right; its text says what was wrong and what to do."""


# --- What can be wrong with this machine ----------------------------------------------------------


def too_old(version: Sequence[int], found: Sequence[str] = ()) -> str:
    """The message for a Python older than 3.11; `found` are newer ones that are here."""
    seen = ".".join(str(part) for part in version)
    said = f"The course needs Python 3.11 or newer, this is {seen} ({sys.executable}).\n"
    if os.name == "nt":
        said += r"Install one from https://www.python.org/downloads/ and name it:  py -3.11 "
        return said + r"labsupport\bootstrap.py lab"
    if found:
        return said + f"This machine has {found[0]}: name it.  make lab PYTHON={found[0]}"
    return said + (
        "Install one beside it, with your system's packages or from\n"
        "https://www.python.org/downloads/, and name it:  make lab PYTHON=python3.11"
    )


def newer_pythons() -> list[str]:
    """Commands on PATH that start a Python which is new enough, the newest first."""
    found = []
    for minor in range(NEWEST_KNOWN, OLDEST[1] - 1, -1):
        name = f"python3.{minor}"
        if shutil.which(name) is None:
            continue
        # A command may be there and start nothing: pyenv has one for each version it ever had.
        if subprocess.run([name, "--version"], capture_output=True, check=False).returncode == 0:
            found.append(name)
    return found


def missing_parts() -> list[str]:
    """Modules of the standard library that an installation needs and this Python lacks."""
    return [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]


def without_venv(missing: Sequence[str], *, debian: bool) -> str:
    """The message for a Python that its distributor split: no venv, or no pip to put in it."""
    named = " and ".join(missing)
    version = "{}.{}".format(*sys.version_info)
    if debian:
        advice = f"On Debian and Ubuntu:  sudo apt install python{version}-venv"
    else:
        advice = (
            "Install the package of your system that holds them (often python3-venv), or Python "
            "from\nhttps://www.python.org/downloads/"
        )
    return f"This Python ({sys.executable}) comes without {named}.\n{advice}\nThen run again."


SYMPTOMS = {
    r"No space left on device|Errno 28\b|quota exceeded|not enough space on the disk": (
        f"The disk is full.\nFree about {ROOM // 1_000_000} MB, also where temporary files go:\n"
        "the folder that TMPDIR names, /tmp without it; on Windows TEMP."
    ),
    r"CERTIFICATE_VERIFY_FAILED|SSLError|certificate verify failed": (
        "The package index was reached, but its certificate is not trusted here.\n"
        "Often a proxy is in between: ask for its certificate and name it in pip's configuration\n"
        "(pip config set global.cert FILE)."
    ),
    r"NewConnectionError|ConnectTimeout|[Rr]ead ?[Tt]imed ?out|ProxyError|getaddrinfo|not known|"
    r"Temporary failure in name|Connection refused|unreachable|Connection reset|Max retries": (
        "The package index cannot be reached.\n"
        "An installation needs a network; after it the course works offline. Connect, or name an\n"
        "index or a folder of wheels that can be reached in pip's configuration."
    ),
    r"No matching distribution|Could not find a version|ResolutionImpossible|different Python": (
        "pip found no file of a pinned version for this Python and system.\n"
        "The pins were made with Python 3.11: try that one. Look too whether this machine reaches\n"
        "the package index: pip does not always say when it does not."
    ),
    r"Permission denied|Errno 13\b|Access is denied|Read-only file|Errno 30\b|WinError 5\b": (
        "A file cannot be written.\n"
        "Close every JupyterLab and terminal that uses .venv, and make sure that the course's\n"
        "folder is yours to write."
    ),
}
"""What pip and the system say when an installation fails, and what that means for the user."""


def diagnose(text: str) -> str:
    """What a failed installation's output means for the user, and what to do about it."""
    for pattern, meaning in SYMPTOMS.items():
        if re.search(pattern, text):
            return meaning
    return "The lines above say why. If they do not help, show them to your instructor."


# --- The environment ------------------------------------------------------------------------------


def base_python() -> str:
    """The interpreter to make environments from, also when this one lives in an environment."""
    return getattr(sys, "_base_executable", None) or sys.executable


class Environment:
    """The folder .venv of the course in `root`, and what is known about it."""

    pins: Sequence[str] = ("-c", "constraints.txt")

    def __init__(self, root: Path, folder: Path | None = None) -> None:
        self.root = root
        self.folder = folder or root / ".venv"
        self.before = root / ".venv-before"
        self.stamp = self.folder / "labsupport-stamp.json"
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        self.scripts = self.folder / scripts
        self.python = self.scripts / ("python.exe" if sys.platform == "win32" else "python")
        self._lock: IO[str] | None = None

    def read(self, name: str) -> str:
        """The text of a file that belongs to the course; raises Problem if it is not there."""
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except OSError as error:
            raise Problem(
                f"The course's folder is not complete: {name} cannot be read ({error.strerror}).\n"
                "Get the course again, then run again."
            ) from error

    def declared(self) -> dict[str, Any]:
        """What pyproject.toml says."""
        import tomllib  # not in the Pythons that only get as far as the message

        return tomllib.loads(self.read("pyproject.toml"))

    def key(self) -> str:
        """A hash of all that decides what is installed: dependencies, pins, Python, place."""
        declared = self.declared()
        parts = [
            declared.get("build-system"),
            declared.get("project"),
            declared.get("tool", {}).get("setuptools"),
            self.read("constraints.txt"),
            list(sys.version_info[:2]),
            [sys.platform, platform.machine()],
            str(self.root),  # an environment that has been moved or copied does not work
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def read_stamp(self) -> dict[str, Any]:
        """What the stamp says; an empty dict if there is none or it is not readable."""
        try:
            said = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def write_stamp(self, state: str, extras: Iterable[str], *, adding: bool = False) -> None:
        """Replace the stamp in one step, so that a reader sees the old one or the new one."""
        said = {"state": state, "key": self.key(), "extras": sorted(extras), "adding": adding}
        beside = self.stamp.with_suffix(".new")
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(said, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.stamp)

    def is_ready(self, extras: Sequence[str] = ()) -> bool:
        """Whether this environment can be used as it is for what `extras` name."""
        said = self.read_stamp()
        return (
            said.get("state") == "ready"
            and said.get("key") == self.key()
            and set(extras) <= set(said.get("extras", []))
            and self.python.exists()  # False too when the Python it was made from is gone
        )

    def ensure(self, extras: Sequence[str] = ()) -> None:
        """Make the environment ready, doing as little as possible; raises Problem if it cannot."""
        if self.is_ready(extras):
            return
        with self.locked():
            self.tidy()
            if self.is_ready(extras):
                return
            if self.is_ready() and not self.read_stamp().get("adding"):
                self.add(extras)
            else:
                self.build(extras)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the right to build; wait, saying so, while another process has it."""
        try:
            file = open(self.root / ".venv-lock", "a+", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise Problem(
                f"The course's folder cannot be written to: {self.root} ({error.strerror}).\n"
                "Copy it to a folder of your own, then run again there."
            ) from error
        with file:
            take_lock(file)
            self._lock = file
            try:
                yield
            finally:
                self._lock = None

    def tidy(self) -> None:
        """Clear what a killed run left, and bring back what it had put aside."""
        for rubbish in self.root.glob(".venv-discarded-*"):
            shutil.rmtree(rubbish, ignore_errors=True)
        state = self.read_stamp().get("state")
        if state == "ready":
            if self.before.exists():
                self.discard(self.before)
            return
        if state is None and self.is_foreign():
            raise Problem(
                f"This command did not make {self.folder}, so it leaves it alone.\n"
                "Rename or delete it, then run again. Or use it as it is: install the course in\n"
                "it (pip install -c constraints.txt -e .[test]) and run with its own Python\n"
                f"{self.python} labsupport/bootstrap.py lab --here"
            )
        if state == "building":
            print("The last installation was interrupted. What it left is put away.")
        self.restore()

    def is_foreign(self) -> bool:
        """Whether .venv, which has no stamp, is more than the empty folder we begin with."""
        if self.folder.is_symlink() or self.folder.is_file():
            return True
        return self.folder.exists() and any(self.folder.iterdir())

    def discard(self, folder: Path) -> None:
        """Delete a folder; renamed first, so that a half deleted one is never taken for whole."""
        aside = self.root / f".venv-discarded-{os.getpid()}-{time.monotonic_ns()}"
        self.move(folder, aside)
        # What cannot be deleted now is deleted by the next run.
        shutil.rmtree(aside, ignore_errors=True)

    def move(self, source: Path, target: Path) -> None:
        """Rename a folder, or say that it is in use (Windows keeps folders of running programs)."""
        try:
            source.rename(target)
        except OSError as error:
            raise Problem(
                f"The folder {source} cannot be moved ({error.strerror}).\n"
                "Close every JupyterLab and terminal that uses it, then run again."
            ) from error

    def restore(self) -> None:
        """Put the former environment, if there was one, back in its place."""
        if os.path.lexists(self.folder):
            self.discard(self.folder)
        if self.before.exists():
            self.move(self.before, self.folder)

    def build(self, extras: Sequence[str]) -> None:
        """Make .venv from nothing with these extras; on failure leave all as it was."""
        missing = missing_parts()
        if missing:
            raise Problem(without_venv(missing, debian=shutil.which("apt-get") is not None))
        free = shutil.disk_usage(self.root).free
        if free < ROOM:
            raise Problem(
                f"The disk of {self.root} is almost full: {free // 1_000_000} MB are free, an "
                f"installation needs up to {ROOM // 1_000_000} MB.\nFree some, then run again."
            )
        if self.folder.exists():
            print("What .venv is made from has changed, or adding to it failed: making it anew.")
            self.move(self.folder, self.before)
        else:
            print("First time here: making the environment .venv. It takes a minute or two.")
        begun = time.monotonic()
        try:
            self.folder.mkdir()
            self.write_stamp("building", extras)
            self.call("making .venv", [base_python(), "-m", "venv", str(self.folder)])
            self.install(extras)
            self.call("preparing the first start", [str(self.python), *PREPARE])
            self.write_stamp("ready", extras)
        except BaseException:
            self.restore()
            raise
        if self.before.exists():
            self.discard(self.before)
        print(f"Installed in {time.monotonic() - begun:.0f} seconds.")

    def add(self, extras: Sequence[str]) -> None:
        """Install more extras into an environment that is ready; what is in it stays as it is."""
        print(f"Adding to .venv what this needs: {', '.join(extras)}.")
        there = self.read_stamp()["extras"]
        self.write_stamp("ready", there, adding=True)
        # By name, and not as `-e .[test]`, which would take the course out for a moment.
        beside = [extra for extra in extras if extra not in APART]
        self.pip("installing", [name for extra in beside for name in self.extra(extra)])
        self.put_apart(extras)
        self.write_stamp("ready", {*there, *extras})

    def extra(self, name: str) -> list[str]:
        """The packages that an extra of pyproject.toml lists."""
        listed: list[str] = self.declared()["project"]["optional-dependencies"][name]
        return listed

    def install(self, extras: Sequence[str]) -> None:
        """Install the course, editable, with its pins; what builds it is pinned as well."""
        builders = self.declared()["build-system"]["requires"]
        if builders:
            self.pip("installing what builds the course", builders)
        beside = [extra for extra in extras if extra not in APART]
        listed = f".[{','.join(beside)}]" if beside else "."
        self.pip("installing the course", ["--no-build-isolation", "-e", listed])
        self.put_apart(extras)

    def put_apart(self, extras: Sequence[str]) -> None:
        """Install those of the extras that lie apart; what they need besides must be in .venv."""
        for extra in extras:
            if extra in APART:
                place = ["--no-deps", "--target", str(self.folder / extra)]
                self.pip(f"installing {extra} apart", [*place, *self.extra(extra)])

    def pip(self, doing: str, wanted: Sequence[str]) -> None:
        """Install with the pins, then let pip look whether all fits together.

        Nothing is compiled ahead: that is half of pip's work, and most modules are never imported.
        """
        pip = [str(self.python), "-m", "pip"]
        options = ["--no-input", "--no-compile", "--progress-bar=off", *self.pins]
        self.call(doing, [*pip, "install", *options, *wanted])
        self.call("checking that all fits together", [*pip, "check"])

    def variables(self) -> dict[str, str]:
        """The process environment for programs in .venv: they see .venv and nothing beside it."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")
        }
        paths = os.pathsep.join([str(self.scripts), os.environ.get("PATH", os.defpath)])
        # pip's own configuration counts, except that a --user install cannot go into .venv.
        return {**inherited, "PATH": paths, "VIRTUAL_ENV": str(self.folder), "PIP_USER": "0"}

    def call(self, doing: str, command: Sequence[str]) -> None:
        """Run a part of the installation, showing what it is at; its last lines if it fails."""
        print(f"  {doing}", flush=True)
        lines: deque[str] = deque(maxlen=400)
        posix = sys.platform != "win32"
        with subprocess.Popen(
            command,
            cwd=self.root,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            # If this process is killed, the lock is held until this part of its work has ended.
            pass_fds=(self._lock.fileno(),) if posix and self._lock is not None else (),
            start_new_session=posix,
        ) as process:
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    lines.append(line.rstrip())
                    show_progress(line)
            except BaseException:
                # Nothing may go on writing into a folder that is about to be put away.
                end_group(process)
                raise
            show_progress("")
        if process.returncode:
            said = "\n".join(lines)
            shown = "\n".join(f"    {line[:200]}" for line in list(lines)[-12:])
            raise Problem(
                f"{shown}\n\nStopped at: {doing}. {diagnose(said)}\n"
                "Nothing was lost: the same command starts it again."
            )


def end_group(process: subprocess.Popen[str]) -> None:
    """Kill a part of the installation and what it has started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


PREPARE = ("-m", "labsupport.lab", "--prepare")


def take_lock(file: IO[str]) -> None:
    """Lock an open file for as long as it is open; wait, after saying so, if it is taken."""
    waiting = "Another installation is at work in this folder. Waiting for it (Ctrl-C gives up)."
    if sys.platform == "win32":
        import msvcrt

        taken = False
        while not taken:
            try:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK if waiting else msvcrt.LK_LOCK, 1)
                taken = True
            except OSError:  # it is taken; LK_LOCK has waited 10 seconds before it says so
                print(waiting, end="\n" if waiting else "", flush=True)
                waiting = ""
    else:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(waiting, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
                raise
            print("This folder's file system has no locks: run one installation at a time here.")


def show_progress(line: str) -> None:
    """On a terminal, show in one line which package pip is at; an empty line clears it."""
    if not sys.stdout.isatty():
        return
    seen = re.match(r"\s*(Collecting|Downloading|Building|Installing collected)\b[ :]*(.*)", line)
    if seen or not line:
        text = f"    {seen[1]} {seen[2]}" if seen else ""
        print("\r" + text[:78].ljust(78) + ("" if seen else "\r"), end="", flush=True)


# --- What runs in it ------------------------------------------------------------------------------


def replace_process(command: Sequence[str], variables: dict[str, str]) -> NoReturn:
    """Become this program: signals and Ctrl-C then reach it and nobody else."""
    sys.stdout.flush()
    if sys.platform == "win32":
        # There, exec starts another process and ends this one, which loses the console.
        with subprocess.Popen(command, env=variables) as process:
            while True:
                with contextlib.suppress(KeyboardInterrupt):  # it is for the program to end at it
                    raise SystemExit(process.wait())
    os.execve(command[0], list(command), variables)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; what `outputs` does not know goes on to the program it starts."""
    parser = argparse.ArgumentParser(
        prog="bootstrap.py", description="Make the course's environment in .venv, then use it."
    )
    commands = parser.add_subparsers(dest="command", metavar="lab|test|outputs")
    commands.required = True
    lab = commands.add_parser("lab", help="open the course in JupyterLab")
    lab.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    test = commands.add_parser("test", help="test the course on this machine")
    test.add_argument("--all", action="store_true", help="with the slow tests, as CI does")
    outputs = commands.add_parser("outputs", help="run the notebooks again, keep changed outputs")
    for command in (lab, test, outputs):
        command.add_argument(
            "--here", action="store_true", help="use this Python's own packages, install nothing"
        )
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "outputs":
        parser.error(f"unknown: {' '.join(rest)}")
    options.rest = rest
    return options


def run(root: Path, options: argparse.Namespace) -> NoReturn:
    """Make the environment ready and do what the command line asks."""
    environment = Environment(root)
    if options.here:
        python, variables = sys.executable, dict(os.environ)
        if importlib.util.find_spec("jupyterlab") is None:
            raise Problem(
                f"--here was asked for, but this Python ({python}) has no JupyterLab.\n"
                "Activate the environment of environment.yml, or leave out --here."
            )
    else:
        environment.ensure(() if options.command == "lab" else ("test", *APART))
        python, variables = str(environment.python), environment.variables()
    if options.command == "lab":
        program = ["labsupport.lab", *(["--no-browser"] if options.no_browser else [])]
    elif options.command == "test":
        program = ["tests.everything", *(["--all"] if options.all else [])]
    else:
        program = ["tests.notebooks.outputs", *options.rest]
    os.chdir(root)
    replace_process([python, "-m", *program], variables)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns 1 after a problem, 130 after Ctrl-C, else what it started returns."""
    if sys.version_info < OLDEST:
        print(too_old(sys.version_info[:3], newer_pythons()), file=sys.stderr)
        return 1
    options = parse(arguments)
    try:
        run(Path(__file__).resolve().parent.parent, options)
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\n{error}\n{diagnose(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Nothing was lost: the same command goes on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
