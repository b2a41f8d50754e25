"""What a learner tried and voted, kept from one session to the next.

Everything lies in one SQLite file, ``history.sqlite``. Its folder is the one that is passed in, or
the one that the environment variable ``LABSUPPORT_STATE`` names, or ``.labsupport`` in the course
root, or nowhere. Deleting the file loses the tries (so hints start again, and what has passed is
known when it is checked again) and the votes; nothing else depends on it.

Each call opens the file, makes one short transaction and closes it again. So a kernel, a terminal
and a ``watch`` may use it at once: a writer waits up to ``BUSY`` seconds for the others. The
journal is SQLite's rollback journal and not its write-ahead log, because a home folder is often a
network folder, and there the write-ahead log does not work (https://www.sqlite.org/wal.html).

A lesson must go on without a history. A read-only folder, a full disk, a file that somebody else
has locked or that a newer course wrote is a ``HistoryWarning``, once for each process, and counts
as an empty history. A damaged file is renamed and reported, never overwritten.
"""

from __future__ import annotations

import os
import sqlite3
import warnings
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

__all__ = [
    "BUSY",
    "CONFIDENT",
    "Found",
    "History",
    "HistoryWarning",
    "Vote",
    "course_root",
    "lesson_of",
]

BUSY = 5.0
"""Seconds to wait for another process that is writing."""

CONFIDENT = 60
"""Percent. A wrong vote below it was a guess, and does not come back in a warm-up."""

_FILE = "history.sqlite"
_APPLICATION = 0x6C616268  # "labh": marks the file as ours (PRAGMA application_id)
_VERSION = 1
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS tries (
    slug TEXT NOT NULL, check_name TEXT NOT NULL, digest TEXT NOT NULL, verdict TEXT NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (slug, check_name, digest, verdict));
CREATE TABLE IF NOT EXISTS votes (
    number INTEGER PRIMARY KEY, question TEXT NOT NULL, choice TEXT NOT NULL, confidence INTEGER,
    outcome TEXT NOT NULL, belief TEXT NOT NULL, measured TEXT NOT NULL, at TEXT NOT NULL);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
COMMIT;
"""

_T = TypeVar("_T")

_said: set[tuple[str, str]] = set()


class HistoryWarning(UserWarning):
    """The history could not be read or written; the lesson goes on without it."""


class _NotOurs(Exception):
    """The file cannot be used; the argument says why."""


class _Damaged(Exception):
    """The file is no database, or not one of this course."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found when it first met an answer; ``at`` is in UTC, in the form of ISO 8601."""

    slug: str
    check: str
    digest: str
    passed: bool
    at: str


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote as it was settled: ``confidence`` in percent, None when the learner gave none."""

    question: str
    choice: str
    confidence: int | None
    outcome: str
    belief: str
    measured: str

    @property
    def wrong(self) -> bool:
        """Whether the run decided against this vote."""
        return self.choice != self.outcome


def course_root(start: str | os.PathLike[str] | None = None) -> Path | None:
    """The nearest folder, from ``start`` (the current folder) upwards, that has ``exercises/``."""
    here = Path(start if start is not None else Path.cwd()).resolve()
    return next((each for each in (here, *here.parents) if (each / "exercises").is_dir()), None)


def lesson_of(question: str) -> str:
    """The lesson that a question's slug begins with: "02a-reads" belongs to "02a"."""
    return question.partition("-")[0]


class History:
    """The tries and votes in ``folder`` (or where the module says); several may be open at once.

    No method raises because of the disk or the file: the failure is a ``HistoryWarning`` and the
    answer is that of an empty history.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder: Path | None = Path(folder).resolve() if folder is not None else _usual_folder()

    def __repr__(self) -> str:
        return f"History({str(self.folder)!r})" if self.folder else "History(None)"

    @property
    def path(self) -> Path | None:
        """The file, which may not exist yet; None when there is no place for a history."""
        return self.folder / _FILE if self.folder else None

    def judged(self, slug: str, digest: str, passed: Mapping[str, bool]) -> dict[str, int]:
        """Remember what the checks of one run found, all in one transaction.

        ``passed`` says of each check whether this answer passed it; the result, how many different
        answers failed it so far. ``digest`` stands for the answer's content: judging the same
        answer again counts once. A commit waits for the disk, so one is better than one a check.
        """

        def add(database: sqlite3.Connection) -> dict[str, int]:
            for check, good in passed.items():
                verdict = "passed" if good else "failed"
                _remember(database, slug, check, digest, verdict)
            return {check: _failed(database, slug, check) for check in passed}

        return self._write(add, dict.fromkeys(passed, 0))

    def tries(self, slug: str, check: str) -> int:
        """How many different answers failed this check so far."""

        def count(database: sqlite3.Connection) -> int:
            return _failed(database, slug, check)

        return self._read(count, 0)

    def findings(self) -> tuple[Found, ...] | None:
        """What all checks found so far, oldest first; None when that cannot be read now.

        An answer that both passed and failed a check, with different seeds, is in it twice.
        """

        def select(database: sqlite3.Connection) -> tuple[Found, ...]:
            rows = database.execute(
                "SELECT slug, check_name, digest, verdict = 'passed', at FROM tries"
                " ORDER BY at, rowid"
            )
            return tuple(
                Found(slug, check, digest, bool(good), at) for slug, check, digest, good, at in rows
            )

        return self._read(select, None) if self._exists() else ()

    def vote(
        self,
        question: str,
        choice: str,
        confidence: int | None,
        *,
        outcome: str,
        belief: str = "",
        measured: str = "",
    ) -> None:
        """Remember a settled vote; the same vote as the last one to this question adds nothing.

        ``confidence`` is in percent or None, ``belief`` the slug of the belief behind ``choice``,
        ``measured`` what the run showed.
        """

        def add(database: sqlite3.Connection) -> None:
            last = database.execute(
                "SELECT choice, confidence, outcome FROM votes WHERE question = ?"
                " ORDER BY number DESC LIMIT 1",
                (question,),
            ).fetchone()
            if last != (choice, confidence, outcome):
                database.execute(
                    "INSERT INTO votes (question, choice, confidence, outcome, belief, measured,"
                    " at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (question, choice, confidence, outcome, belief, measured, _moment()),
                )

        self._write(add, None)

    def votes(self, question: str | None = None) -> tuple[Vote, ...]:
        """The settled votes, oldest first; only those to ``question`` when it is given."""

        def select(database: sqlite3.Connection) -> tuple[Vote, ...]:
            rows = database.execute(
                "SELECT question, choice, confidence, outcome, belief, measured FROM votes"
                " WHERE ? IS NULL OR question = ? ORDER BY number",
                (question, question),
            )
            return tuple(Vote(*row) for row in rows)

        return self._read(select, ())

    def confident_mistakes(self, before_lesson: str) -> tuple[Vote, ...]:
        """The last wrong vote to each question of an earlier lesson, surest first.

        A vote with a confidence below ``CONFIDENT`` was a guess and is left out; a vote without a
        confidence is kept, after the others. Lessons are in the order of their names: 02a, 02b, 03.
        """
        latest = {
            vote.question: vote
            for vote in self.votes()
            if vote.wrong and lesson_of(vote.question) < before_lesson
        }
        kept = (
            each
            for each in latest.values()
            if each.confidence is None or each.confidence >= CONFIDENT
        )
        return tuple(sorted(kept, key=lambda each: (-(each.confidence or 0), each.question)))

    def _exists(self) -> bool:
        """Whether there is a file; False, too, where this user may not look."""
        return self.path is not None and os.path.exists(self.path)

    def _read(self, work: Callable[[sqlite3.Connection], _T], nothing: _T) -> _T:
        return self._tried(work, nothing, "BEGIN") if self._exists() else nothing

    def _write(self, work: Callable[[sqlite3.Connection], _T], nothing: _T) -> _T:
        if self.folder is None:
            return nothing
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._warn(f"the folder cannot be made: {error.strerror}")
            return nothing
        return self._tried(work, nothing, "BEGIN IMMEDIATE")

    def _tried(self, work: Callable[[sqlite3.Connection], _T], nothing: _T, begin: str) -> _T:
        """One transaction; after a damaged file was set aside, a second attempt on a new one."""
        path = self.path
        assert path is not None
        for attempt in (1, 2):
            try:
                with closing(_opened(path)) as database:
                    database.execute(begin)
                    result = work(database)
                    database.execute("COMMIT")
                    return result
            except _NotOurs as error:
                self._warn(str(error))
                break
            except (_Damaged, sqlite3.Error) as error:
                if attempt == 1 and _is_damage(error):
                    if not self._set_aside(path):
                        break
                else:
                    self._warn(f"SQLite says: {error}")
                    break
        return nothing

    def _set_aside(self, path: Path) -> bool:
        """Rename the damaged file, unless another process did so in the meantime.

        The lock is a transaction on a small database beside it: it works on every platform and ends
        with the process that holds it.
        """
        try:
            lock = sqlite3.connect(path.with_name("history.lock"), BUSY, isolation_level=None)
            with closing(lock):
                lock.execute("BEGIN EXCLUSIVE")
                if not path.exists() or _is_sound(path):
                    return True
                kept = _free_name(path)
                # The journal first: once the file has gone, another process begins a new one, and
                # a journal that lies there then is that one's.
                journal = path.with_name(path.name + "-journal")
                if journal.exists():
                    journal.rename(kept.with_name(kept.name + "-journal"))
                path.rename(kept)
        except (OSError, sqlite3.Error) as error:
            self._warn(f"it is damaged and cannot be renamed: {error}")
            return False
        warnings.warn(
            f"The history of tries and votes in {path} was damaged. It is kept as {kept.name}, and "
            "a new history begins: hints start again at the first one, and what has passed is "
            "known when it is checked again. Nothing else is lost.",
            HistoryWarning,
            stacklevel=2,
        )
        return True

    def _warn(self, reason: str) -> None:
        said = (str(self.folder), reason)
        if said not in _said:
            _said.add(said)
            warnings.warn(
                f"The history of tries and votes in {self.folder} cannot be used ({reason}). The "
                "course goes on without it: hints stay at the first one, and neither votes nor "
                "what has passed are remembered. To keep a history elsewhere, set LABSUPPORT_STATE "
                "to a folder that you can write to.",
                HistoryWarning,
                stacklevel=2,
            )


def _usual_folder() -> Path | None:
    named = os.environ.get("LABSUPPORT_STATE")
    if named:
        return Path(named).resolve()
    root = course_root()
    return root / ".labsupport" if root else None


def _opened(path: Path) -> sqlite3.Connection:
    """A connection to a file that has our tables; the caller closes it."""
    database = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
    try:
        version = _version(database)
        if version == 0:
            database.executescript(_SCHEMA)
        elif version > _VERSION:
            raise _NotOurs(
                f"a newer version of this course wrote it, in format {version}; this one knows "
                f"{_VERSION}"
            )
    except BaseException:
        database.close()
        raise
    return database


def _version(database: sqlite3.Connection) -> int:
    """The file's format, 0 for an empty file."""
    database.execute("BEGIN")  # one view of the file: another process may be making the tables
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    application: int = database.execute("PRAGMA application_id").fetchone()[0]
    tables: int = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    database.execute("COMMIT")
    if application != _APPLICATION and (tables or version or application):
        raise _Damaged("it is a database of something else")
    return version


def _is_damage(error: Exception) -> bool:
    if isinstance(error, _Damaged):
        return True
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _is_sound(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, timeout=BUSY)) as database:
            _version(database)
            return bool(database.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except (_Damaged, sqlite3.Error) as error:
        if _is_damage(error):
            return False
        raise


def _free_name(path: Path) -> Path:
    number = 1
    while (free := path.with_name(f"history.damaged-{number}.sqlite")).exists():
        number += 1
    return free


def _remember(
    database: sqlite3.Connection, slug: str, check: str, digest: str, verdict: str
) -> None:
    database.execute(
        "INSERT OR IGNORE INTO tries VALUES (?, ?, ?, ?, ?)",
        (slug, check, digest, verdict, _moment()),
    )


def _failed(database: sqlite3.Connection, slug: str, check: str) -> int:
    count: int = database.execute(
        "SELECT count(*) FROM tries WHERE slug = ? AND check_name = ? AND verdict = 'failed'",
        (slug, check),
    ).fetchone()[0]
    return count


def _moment() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
