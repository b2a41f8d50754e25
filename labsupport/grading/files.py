"""The files that a class handed in, read where they lie: in a folder, or in a zip or tar archive.

Nothing is extracted to disk. What could lead outside (a link, an absolute path, a parent), what is
no plain file, what is there twice and what is larger than an answer can be is refused by name, and
the others are read all the same. An archive may hold one archive more for each student, as a
learning platform exports them; what lies deeper is refused.

Formats: PKWARE APPNOTE 6.3.10 for zip; pax in POSIX.1-2017 for tar.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from labsupport.checking.errors import InputError

__all__ = ["ARCHIVES", "MOST", "SUBMITTED", "File", "Refused", "files_in", "readable"]

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
SUBMITTED = "submitted"
"""Where nbgrader collects what students hand in, below its course folder."""

MOST = 32 * 1024 * 1024
"""Bytes of one file: a notebook holds its pictures."""

_MOST_FILES = 200_000
_MOST_READ = 64 * 1024 * 1024 * 1024  # bytes of an archive, uncompressed
_MOST_OF_ONE = 5_000  # files of a student
_MOST_INSIDE = 256 * 1024 * 1024  # bytes of them
_APPENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_MOST_APPENDED = 1024 * 1024
_UNREAD = (".7z", ".rar")  # archives that nothing in Python's library opens
_READ = (".ipynb", ".py", "timestamp.txt", *ARCHIVES, *_UNREAD)
_NO_NAME = re.compile("[\x01-\x1f\x7f\ud800-\udfff]")
# Folders that no learner made, like those with a dot: programs in them are named as slugs are.
_TOOLS = ("__MACOSX", "__pycache__", "labsupport", "site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class File:
    """A file. path: below the folder or the archive; its ending is in small letters. when: it was
    changed last, if that is known; what a zip archive tells has no time zone and is taken for this
    machine's time. What is in a student's own archive is as old as that: the times in it are the
    student's to set."""

    path: PurePosixPath
    data: bytes
    when: datetime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """What was not read. why: ends the sentence that begins with the path."""

    path: str
    why: str


class _Refusal(Exception):
    """Ends the reading of one file; says why."""


def files_in(place: Path) -> Iterator[File | Refused]:
    """The notebooks, Python files and time stamps below a folder or in an archive.

    Folders come in the order of their names, archives in their own. What an archive wraps into one
    folder more is unwrapped; nbgrader's folder `submitted` stays in the paths. Raises InputError
    where `place` is neither, or is an archive that cannot be read.
    """
    if place.is_dir():
        found = _in_folder(place, PurePosixPath(SUBMITTED if place.name == SUBMITTED else ""))
    elif place.is_file() and _ends(place.name, ARCHIVES):
        found = _unwrapped(place)
    elif place.exists():
        raise InputError(
            f"{place} is neither a folder nor an archive ({', '.join(ARCHIVES)}). Give the folder "
            "that has one folder for each student, or the archive that a learning platform exports."
        )
    else:
        raise InputError(f"There is no {place}. Give the folder or the archive with the answers.")
    seen: set[PurePosixPath] = set()
    shares: defaultdict[str, _Share] = defaultdict(_Share)
    for each in _without_tools(found):
        above = [part for part in PurePosixPath(each.path).parts[:2] if part != SUBMITTED]
        share = shares["".join(above[:1])]
        if share.ended:
            continue
        if len(seen) >= _MOST_FILES:
            raise InputError(f"{place} has more than {_MOST_FILES:,} files. Give a smaller one.")
        if isinstance(each, Refused):
            yield each
        elif each.path in seen:
            yield Refused(str(each.path), "is in the archive more than once; the first one counts")
        else:
            seen.add(each.path)
            yield from share.taken(_opened(each))


class _Share:
    """What is read of one student: a bounded number of files, of so many bytes together."""

    def __init__(self) -> None:
        self.ended = False
        self._files, self._left = 0, _MOST_INSIDE

    def taken(self, found: Iterator[File | Refused]) -> Iterator[File | Refused]:
        """The files, as long as there is room."""
        for each in found:
            self._files += 1
            self._left -= len(each.data) if isinstance(each, File) else 0
            if self._files > _MOST_OF_ONE or self._left < 0:
                self.ended = True
                most = f"{_MOST_OF_ONE:,} files and {_MOST_INSIDE // 1024**2} MiB together"
                yield Refused(str(each.path), f"and what follows: a student has at most {most}")
                return
            yield each


def _unwrapped(place: Path) -> Iterator[File | Refused]:
    """The files of an archive, without the folder that holds the folders of all students."""

    def read() -> Iterator[File | Refused]:
        try:
            file = place.open("rb")
        except OSError as error:
            raise InputError(f"{place} cannot be read: {error.strerror}.") from error
        return _in_archive(file, place.name, PurePosixPath(), _MOST_READ)

    paths = [each.path for each in _without_tools(read()) if isinstance(each, File)]
    roots = {path.parts[0] for path in paths} - {SUBMITTED}
    wrapped = len(roots) == 1 and all(len(path.parts) > 2 for path in paths)
    for each in read():
        if wrapped and isinstance(each, File) and len(each.path.parts) > 2:
            yield replace(each, path=PurePosixPath(*each.path.parts[1:]))
        else:
            yield each


def _without_tools(found: Iterator[File | Refused]) -> Iterator[File | Refused]:
    for each in found:
        names = PurePosixPath(each.path).parts
        if not any(name in _TOOLS or (name[0] == "." and name != "..") for name in names):
            yield each


def _opened(file: File) -> Iterator[File | Refused]:
    """The file, or what is in it where it is an archive itself."""
    if _ends(file.path.name, _UNREAD):
        yield Refused(str(file.path), f"is an archive, but none of {', '.join(ARCHIVES)}")
        return
    if not _ends(file.path.name, ARCHIVES):
        yield file
        return
    inside = _in_archive(io.BytesIO(file.data), str(file.path), file.path, _MOST_INSIDE)
    try:
        for each in _without_tools(inside):
            if isinstance(each, Refused):
                yield each
            elif _ends(each.path.name, (*ARCHIVES, *_UNREAD)):
                yield Refused(str(each.path), "is an archive in an archive of a student")
            else:
                yield replace(each, when=file.when)
    except InputError as error:
        yield Refused(str(file.path), str(error).removeprefix(f"{file.path} ").rstrip("."))


def _in_folder(place: Path, base: PurePosixPath) -> Iterator[File | Refused]:
    """The files below a folder, whose paths are put below `base`."""
    closed: list[OSError] = []
    for folder, folders, names in os.walk(place, onerror=closed.append):
        folders.sort()
        for name in sorted([*folders, *names]):
            path = Path(folder, name)
            below = _written(base / readable(path.relative_to(place).as_posix()))
            try:
                found = path.lstat()
                if stat.S_ISDIR(found.st_mode):
                    continue
                if not _ends(name, _READ) and not stat.S_ISLNK(found.st_mode):
                    continue
                _plain(found.st_mode, found.st_size)
                with path.open("rb") as file:
                    data = _bounded(file)
            except _Refusal as refusal:
                yield Refused(str(below), str(refusal))
            except OSError as error:
                yield Refused(str(below), f"cannot be read: {error.strerror}")
            else:
                yield File(below, data, _moment(found.st_mtime))
    for each in closed:
        if Path(each.filename) == place:
            raise InputError(f"{place} cannot be read: {each.strerror}.") from each
        below = base / readable(Path(each.filename).relative_to(place).as_posix())
        yield Refused(str(below), f"cannot be read: {each.strerror}")


def _in_archive(
    file: IO[bytes], name: str, base: PurePosixPath, most: int
) -> Iterator[File | Refused]:
    """The files of an archive, whose paths are put below `base`. It closes the file.

    most: bytes that it may hold, uncompressed.
    """
    try:
        with file:
            yield from (_in_zip if _ends(name, (".zip",)) else _in_tar)(file, base, most)
    except _DAMAGE as error:
        kind = type(error).__name__
        raise InputError(f"{name} cannot be read as an archive ({kind}: {error}).") from error


_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zipfile.zlib.error,  # type: ignore[attr-defined]
)


def _in_zip(file: IO[bytes], base: PurePosixPath, most: int) -> Iterator[File | Refused]:
    left = most
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.filename.endswith("/"):  # a folder
                continue
            try:
                below = _below(info.filename, base)
                mode = info.external_attr >> 16
                if not _ends(below.name, _READ) and not stat.S_ISLNK(mode):
                    continue
                _plain(mode, info.file_size)
                if info.flag_bits & 1:
                    raise _Refusal("is encrypted")
                with archive.open(info) as inside:
                    data = _bounded(inside)
            except _Refusal as refusal:
                yield Refused(readable(str(base / info.filename)), str(refusal))
            except _DAMAGE as error:
                yield Refused(readable(str(base / info.filename)), f"is damaged ({error})")
            else:
                left -= len(data)
                if left < 0:
                    raise ValueError(_too_much(most))
                yield File(below, data, _local(info.date_time))


def _local(date_time: tuple[int, int, int, int, int, int]) -> datetime | None:
    try:
        return datetime(*date_time).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def _moment(seconds: float) -> datetime | None:
    """What a number of seconds since 1970 means; None where it is no time that Python knows."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _in_tar(file: IO[bytes], base: PurePosixPath, most: int) -> Iterator[File | Refused]:
    with (
        _uncompressed(file, most) as plain,
        tarfile.open(fileobj=plain, mode="r|", tarinfo=_Member) as archive,
    ):
        for info in archive:
            if info.isdir():
                continue
            try:
                below = _below(info.name, base)
                if info.issym() or info.islnk():
                    raise _Refusal("is a link")
                if not _ends(below.name, _READ):
                    continue
                _plain(0 if info.isreg() else stat.S_IFCHR, info.size)
                inside = archive.extractfile(info)
                assert inside is not None  # it is a plain file
                with inside:
                    data = _bounded(inside)
            except _Refusal as refusal:
                yield Refused(readable(str(base / info.name)), str(refusal))
            else:
                yield File(below, data, _moment(info.mtime))


@contextmanager
def _uncompressed(file: IO[bytes], most: int) -> Iterator[Any]:
    """The stream of a tar archive, whichever way it is compressed, of at most so many bytes."""
    begin = file.read(6)
    file.seek(0)
    with ExitStack() as stack:
        plain: Any = file
        for sign, opened in (
            (b"\x1f\x8b", lambda: gzip.GzipFile(fileobj=file)),
            (b"BZh", lambda: bz2.BZ2File(file)),
            (b"\xfd7zXZ", lambda: lzma.LZMAFile(file)),  # noqa: SIM115 (the stack closes it)
        ):
            if begin.startswith(sign):
                plain = stack.enter_context(opened())
        yield _Bounded(plain, most)


class _Bounded:
    """A stream that ends with an error when more is read of it than any class hands in."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file = file
        self._left = self._most = most

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer at the end."""
        self._left -= size
        if self._left < 0:
            raise ValueError(_too_much(self._most))
        return self._file.read(size)


class _Member(tarfile.TarInfo):
    """A header whose appendix, which is read in one piece, is no larger than a name needs."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type in _APPENDED and found.size > _MOST_APPENDED:
            raise tarfile.ReadError("a header is too large")
        return found


def readable(name: str) -> str:
    """A name that any file, database and line takes: bytes that are no UTF-8 are replaced, and so
    are characters that would end a line or steer a terminal."""
    return _NO_NAME.sub("\N{REPLACEMENT CHARACTER}", name)


def _ends(name: str, endings: tuple[str, ...]) -> bool:
    """Whether a name ends with one of these, in small letters or capitals."""
    return name.lower().endswith(endings)


def _written(path: PurePosixPath) -> PurePosixPath:
    """The path with its ending in small letters."""
    return path.with_suffix(path.suffix.lower()) if path.suffix else path


def _below(name: str, base: PurePosixPath) -> PurePosixPath:
    """The path of an archive's member. Raises _Refusal where it leads outside."""
    name = readable(name)
    if not name:
        raise _Refusal("has no name")
    if "\0" in name or "\\" in name:
        raise _Refusal("has a name that is no path on every system")
    path = PurePosixPath(name)
    if path.is_absolute() or name[1:2] == ":":
        raise _Refusal("has an absolute path")
    if ".." in path.parts:
        raise _Refusal("leads into a parent folder")
    return _written(base / path)


def _plain(mode: int, size: int) -> None:
    """Nothing for a plain file of a usual size. Raises _Refusal for any other.

    mode: its type as in stat(2), 0 where an archive does not tell.
    """
    if stat.S_ISLNK(mode):
        raise _Refusal("is a link")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise _Refusal("is not a plain file")
    if size > MOST:
        raise _Refusal(_too_large())


def _bounded(file: IO[bytes]) -> bytes:
    """All of a file: what an archive said about its size may be wrong. Raises _Refusal."""
    data = file.read(MOST + 1)
    if len(data) > MOST:
        raise _Refusal(_too_large())
    return data


def _too_much(most: int) -> str:
    return f"it holds more than {most // 1024**2:,} MiB"


def _too_large() -> str:
    return f"is larger than {MOST // 1024**2} MiB"
