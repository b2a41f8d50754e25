"""What a class handed in last, and every verdict, in one SQLite file.

A verdict is stored by its key (versions) and stays when answers change, so that an answer that is
handed in once more, or by somebody else, is not judged again. Deleting the file loses nothing but
the time to judge anew, and the secret from which the seeds of this class are made: with another
one, checks draw other data.

Each verdict is committed by itself, with the file synchronised: an end of the process or of the
machine loses those that were not told yet (https://www.sqlite.org/atomiccommit.html). One run uses
a store at a time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from labsupport.checking import Answer, InputError, Report
from labsupport.checking.earlier import with_earlier
from labsupport.grading.files import Refused
from labsupport.grading.handed import Handed, Stamp

__all__ = ["Entry", "Pending", "Store"]

_APPLICATION, _VERSION = 0x4C53_4744, 1  # "LSGD"
_SCHEMA = """
CREATE TABLE handed (
    student TEXT NOT NULL,
    slug TEXT NOT NULL,
    path TEXT NOT NULL,
    moment TEXT,
    source TEXT,
    elsewhere TEXT,
    problem TEXT NOT NULL,
    key TEXT,
    PRIMARY KEY (student, slug)
) WITHOUT ROWID;
CREATE INDEX handed_key ON handed (key);
CREATE TABLE verdicts (
    key TEXT PRIMARY KEY,
    report TEXT NOT NULL,
    conclusive INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE secret (hex TEXT NOT NULL);
"""

_AMONG = "handed.key IS NOT NULL AND (?1 IS NULL OR slug IN (SELECT value FROM json_each(?1)))"

KeyOf = Callable[[str, Answer, int], str]


@dataclass(frozen=True, slots=True)
class Pending:
    """An answer that has no verdict yet. students: who handed it in, all with one key."""

    key: str
    answer: Answer
    seed: int
    students: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a student handed in for a slug, and what came of it.

    report: None where it was not judged; `problem` says why, if the answer is the reason.
    """

    student: str
    slug: str
    path: str
    when: datetime | None
    problem: str
    report: Report | None


class Store:
    """An open store; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises InputError when it cannot be used."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=2.0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise InputError(self._explained(error)) from error
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("BEGIN EXCLUSIVE")
            self._prepare()
            self._database.execute("COMMIT")
            row = self._database.execute("SELECT hex FROM secret").fetchone()
        except sqlite3.Error as error:
            self._database.close()
            raise InputError(self._explained(error)) from error
        self._secret = bytes.fromhex(row[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._database.close()

    def _prepare(self) -> None:
        application = self._pragma("application_id")
        if (
            application == 0
            and not self._database.execute("SELECT 1 FROM sqlite_master").fetchone()
        ):
            for statement in _SCHEMA.split(";"):
                self._database.execute(statement)
            self._database.execute("INSERT INTO secret VALUES (?)", (secrets.token_hex(32),))
            self._database.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._database.execute(f"PRAGMA user_version = {_VERSION}")
        elif application != _APPLICATION:
            raise sqlite3.DatabaseError("it is a database of something else")
        elif self._pragma("user_version") != _VERSION:
            raise sqlite3.DatabaseError("another version of this course made it")

    def _pragma(self, name: str) -> int:
        value: int = self._database.execute(f"PRAGMA {name}").fetchone()[0]
        return value

    def _explained(self, error: Exception) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_BUSY:
            return f"{self.path} is in use: another `labsupport grade` runs. Wait for its end."
        if code == sqlite3.SQLITE_FULL:
            return (
                f"{self.path} cannot grow: the disk is full. Make room and run it again; what is "
                "stored stays."
            )
        return (
            f"{self.path} cannot be used: {error}. Give another folder with --into; the verdicts "
            "that this one holds are then judged anew."
        )

    # ---- what was handed in ----

    def collect(self, handed: Iterable[Handed | Stamp | Refused], key_of: KeyOf) -> list[Refused]:
        """Put what is handed in now in the place of what was; what could not be read of it.

        key_of: the key of a student's answer, with the seed of its checks. All or nothing of it is
        stored.
        """
        refused: list[Refused] = []
        stamps: list[Stamp] = []
        with self._transaction():
            self._database.execute("DELETE FROM handed")
            for each in handed:
                if isinstance(each, Refused):
                    refused.append(each)
                elif isinstance(each, Stamp):
                    stamps.append(each)
                else:
                    self._put(each)
            for stamp in stamps:  # it may come before the files that it is for
                self._stamp(stamp)
            for student, slug in self._all("SELECT student, slug FROM handed WHERE problem = ''"):
                self._key(student, slug, key_of)
        return refused

    def _put(self, handed: Handed) -> None:
        answer = handed.answer
        source = answer.source if answer else None
        there = self._database.execute(
            "SELECT path, source FROM handed WHERE student = ? AND slug = ?",
            (handed.student, handed.slug),
        ).fetchone()
        if there is None:
            row = (
                handed.student,
                handed.slug,
                handed.path,
                handed.when.isoformat() if handed.when else None,
                source,
                json.dumps(sorted(answer.elsewhere)) if answer else None,
                handed.problem,
            )
            self._database.execute("INSERT INTO handed VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", row)
        elif there[1] is None or there[1] != source:
            problem = f"Two files answer it: {there[0]} and {handed.path}. Keep one of them."
            self._refuse(handed.student, handed.slug, problem)

    def _refuse(self, student: str, slug: str, problem: str) -> None:
        self._database.execute(
            "UPDATE handed SET problem = ? WHERE student = ? AND slug = ?", (problem, student, slug)
        )

    def _stamp(self, stamp: Stamp) -> None:
        self._database.execute(
            "UPDATE handed SET moment = ? WHERE substr(path, 1, ?) = ?",
            (stamp.when.isoformat(), len(stamp.folder) + 1, f"{stamp.folder}/"),
        )

    def _key(self, student: str, slug: str, key_of: KeyOf) -> None:
        try:
            answer = self._answer(student, slug)
        except InputError as error:
            self._refuse(student, slug, str(error))
            return
        self._database.execute(
            "UPDATE handed SET key = ? WHERE student = ? AND slug = ?",
            (key_of(student, answer, self.seed_of(answer)), student, slug),
        )

    def _answer(self, student: str, slug: str) -> Answer:
        """An answer with those that it imports, which are the student's own."""
        return with_earlier(self._own(student, slug), lambda other: self._own(student, other))

    def _own(self, student: str, slug: str) -> Answer:
        rows = self._all(
            "SELECT source, elsewhere, problem FROM handed WHERE student = ? AND slug = ?",
            student,
            slug,
        )
        if not rows:
            raise InputError("That was not handed in.")
        ((source, elsewhere, problem),) = rows
        if source is None:
            raise InputError(problem)
        answer = Answer(slug, source)
        used = frozenset(name for name in json.loads(elsewhere) if name in source)
        return replace(answer, elsewhere=used)

    def seed_of(self, answer: Answer) -> int:
        """The seed for the checks of an answer: of this class and this content, six digits."""
        text = f"{answer.slug}\0{answer.digest}".encode()
        digest = hmac.digest(self._secret, text, hashlib.sha256)
        return int.from_bytes(digest[:8], "big") % 1_000_000

    # ---- verdicts ----

    def pending(self, slugs: Iterable[str] | None = None) -> Iterator[Pending]:
        """The answers without a verdict, or with an inconclusive one; each once, by slug.

        slugs: of them only these.
        """
        rows = self._all(
            "SELECT key, slug, min(student) FROM handed"
            f" WHERE {_AMONG} AND key NOT IN (SELECT key FROM verdicts WHERE conclusive)"
            " GROUP BY key ORDER BY slug, key",
            _listed(slugs),
        )
        for key, slug, student in rows:
            answer = self._answer(student, slug)
            students = [
                each for (each,) in self._all("SELECT student FROM handed WHERE key = ?", key)
            ]
            yield Pending(key, answer, self.seed_of(answer), tuple(dict.fromkeys(students)))

    def add(self, key: str, report: Report) -> None:
        """Store a verdict. Raises InputError when it cannot be stored, on a full disk say."""
        row = (key, json.dumps(report.to_dict()), not report.inconclusive)
        with self._transaction():
            self._database.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", row)

    def count(self, slugs: Iterable[str] | None = None) -> tuple[int, int]:
        """How many different answers to these slugs there are, and how many have a verdict."""
        ((different, judged),) = self._all(
            "SELECT count(DISTINCT handed.key), count(DISTINCT verdicts.key) FROM handed"
            f" LEFT JOIN verdicts ON handed.key = verdicts.key AND conclusive WHERE {_AMONG}",
            _listed(slugs),
        )
        return different, judged

    def slugs(self) -> set[str]:
        """What was handed in by anybody."""
        return {slug for (slug,) in self._all("SELECT DISTINCT slug FROM handed")}

    def students(self) -> list[str]:
        """Who handed anything in, sorted."""
        return [each for (each,) in self._all("SELECT DISTINCT student FROM handed ORDER BY 1")]

    def entries(self, student: str) -> Iterator[Entry]:
        """All of a student."""
        rows = self._all(
            "SELECT slug, path, moment, problem, report FROM handed"
            " LEFT JOIN verdicts ON handed.key = verdicts.key WHERE student = ? ORDER BY slug",
            student,
        )
        for slug, path, moment, problem, report in rows:
            when = datetime.fromisoformat(moment) if moment else None
            found = Report.from_dict(json.loads(report)) if report else None
            yield Entry(student, slug, path, when, problem, found)

    # ---- the file ----

    def _all(self, statement: str, *values: object) -> list[Any]:
        """The rows. Raises InputError when the file cannot be read, being damaged for example."""
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise InputError(self._explained(error)) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commits at its end, and rolls back when anything was raised; SQLite's errors are told."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            yield
            self._database.execute("COMMIT")
        except BaseException as error:
            if self._database.in_transaction:  # a full disk may have ended it
                self._database.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise InputError(self._explained(error)) from error
            raise


def _listed(slugs: Iterable[str] | None) -> str | None:
    return None if slugs is None else json.dumps(list(slugs))
