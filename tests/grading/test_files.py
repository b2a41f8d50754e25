"""Reading folders and archives: what is read, what is refused by name, and that nothing is left."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import stat
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labsupport.checking import InputError
from labsupport.grading import files
from labsupport.grading.files import File, Refused, files_in

A = b"a = 1\n"
Make = Callable[[dict[str, bytes]], Path]


def as_folder(tmp_path: Path, contents: dict[str, bytes]) -> Path:
    place = tmp_path / "class"
    for name, data in contents.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def as_zip(tmp_path: Path, contents: dict[str, bytes]) -> Path:
    place = tmp_path / "class.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return place


def tarred(contents: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def as_tar(tmp_path: Path, contents: dict[str, bytes]) -> Path:
    place = tmp_path / "class.tar"
    place.write_bytes(tarred(contents))
    return place


def as_tgz(tmp_path: Path, contents: dict[str, bytes]) -> Path:
    place = tmp_path / "class.tar.gz"
    place.write_bytes(gzip.compress(tarred(contents)))
    return place


@pytest.fixture(params=[as_folder, as_zip, as_tar, as_tgz], ids=lambda made: made.__name__)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    return lambda contents: request.param(tmp_path, contents)


def read(place: Path) -> dict[str, bytes]:
    return {str(each.path): each.data for each in files_in(place) if isinstance(each, File)}


def refusals(place: Path) -> dict[str, str]:
    return {each.path: each.why for each in files_in(place) if isinstance(each, Refused)}


def test_notebooks_and_python_files_are_read_and_others_passed_over(make: Make) -> None:
    place = make({"ann/a.py": A, "ann/b.ipynb": b"{}", "bob/x.pdf": b"%", "bob/c/d.py": b""})
    assert read(place) == {"ann/a.py": A, "ann/b.ipynb": b"{}", "bob/c/d.py": b""}
    assert refusals(place) == {}


def test_what_tools_make_is_passed_over(make: Make) -> None:
    place = make(
        {
            "ann/a.py": A,
            "ann/.ipynb_checkpoints/a.py": A,
            "__MACOSX/ann/._a.py": A,
            "ann/__pycache__/a.py": A,
            "ann/course/labsupport/twins/echo.py": A,
            "ann/venv/lib/python3.11/site-packages/click/core.py": A,
        }
    )
    assert list(read(place)) == ["ann/a.py"]


def test_what_is_larger_than_an_answer_is_refused_and_the_rest_read(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST", 1024)
    place = make({"ann/a.py": b"#" * 1025, "bob/a.py": b"#" * 1024})
    assert list(read(place)) == ["bob/a.py"]
    assert list(refusals(place)) == ["ann/a.py"]


def test_an_archive_in_an_archive_is_read_and_no_deeper(make: Make, tmp_path: Path) -> None:
    inner = as_zip(tmp_path, {"a.py": A, "more.tar": tarred({"b.py": A})}).read_bytes()
    place = make({"ann/work.zip": inner, "bob/work.tgz": gzip.compress(tarred({"c/a.py": A}))})
    assert read(place) == {"ann/work.zip/a.py": A, "bob/work.tgz/c/a.py": A}
    assert list(refusals(place)) == ["ann/work.zip/more.tar"]


def test_endings_may_be_in_capitals(make: Make, tmp_path: Path) -> None:
    inner = as_zip(tmp_path, {"A.PY": A}).read_bytes()
    place = make({"ann/WORK.ZIP": inner, "bob/A.IPYNB": b"{}"})
    assert read(place) == {"ann/WORK.zip/A.py": A, "bob/A.ipynb": b"{}"}


def test_an_archive_of_another_kind_is_refused_by_name(make: Make) -> None:
    place = make({"ann/work.rar": b"Rar!", "bob/work.7z": b"7z", "max/a.py": A})
    assert list(read(place)) == ["max/a.py"]
    said = refusals(place)
    assert list(said) == ["ann/work.rar", "bob/work.7z"]
    assert all("none of .zip, .tar" in why for why in said.values())


def test_nbgraders_folder_stays_in_the_paths(tmp_path: Path) -> None:
    place = as_folder(tmp_path, {"ann/a1/a.py": A}).rename(tmp_path / "submitted")
    assert list(read(place)) == ["submitted/ann/a1/a.py"]
    assert list(read(as_zip(tmp_path, {"submitted/ann/a1/a.py": A}))) == ["submitted/ann/a1/a.py"]


def test_a_damaged_archive_of_one_student_costs_nobody_else(make: Make) -> None:
    place = make({"ann/work.zip": b"PK\3\4 and no more", "bob/a.py": A})
    assert list(read(place)) == ["bob/a.py"]
    assert list(refusals(place)) == ["ann/work.zip"]


@pytest.mark.parametrize("make", [as_zip, as_tar, as_tgz])
def test_the_folder_around_all_students_is_taken_off(
    make: Callable[[Path, dict[str, bytes]], Path], tmp_path: Path
) -> None:
    place = make(tmp_path, {"class/ann/a.py": A, "class/bob/a.py": A})
    assert list(read(place)) == ["ann/a.py", "bob/a.py"]


@pytest.mark.parametrize("make", [as_zip, as_tar, as_tgz])
@pytest.mark.parametrize("name", ["../a.py", "ann/../../a.py", "/tmp/a.py", "C:/a.py", "ann\\a.py"])
def test_a_path_that_leads_outside_is_refused_by_name(
    make: Callable[[Path, dict[str, bytes]], Path], name: str, tmp_path: Path
) -> None:
    place = make(tmp_path, {name: A, "bob/a.py": A})
    assert list(read(place)) == ["bob/a.py"]
    assert list(refusals(place)) == [name]


@pytest.mark.parametrize("make", [as_zip, as_tar])
def test_what_is_there_twice_counts_once(
    make: Callable[[Path, dict[str, bytes]], Path], tmp_path: Path
) -> None:
    place = make(tmp_path, {"ann/a.py": A})
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("ann/a.py", b"other")
    else:
        with tarfile.open(place, "a") as archive:
            archive.addfile(tarfile.TarInfo("ann/a.py"))
    assert read(place) == {"ann/a.py": A}
    assert "more than once" in refusals(place)["ann/a.py"]


def test_links_and_devices_in_archives_are_refused(tmp_path: Path) -> None:
    place = as_tar(tmp_path, {"bob/a.py": A})
    with tarfile.open(place, "a") as archive:
        for name, kind in [("s.py", tarfile.SYMTYPE), ("h.py", tarfile.LNKTYPE)]:
            info = tarfile.TarInfo(f"ann/{name}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("ann/d.py")
        info.type = tarfile.CHRTYPE
        archive.addfile(info)
    assert refusals(place) == {
        "ann/s.py": "is a link",
        "ann/h.py": "is a link",
        "ann/d.py": "is not a plain file",
    }
    zipped = as_zip(tmp_path, {"bob/a.py": A})
    with zipfile.ZipFile(zipped, "a") as archive:
        info2 = zipfile.ZipInfo("ann/s.py")
        info2.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info2, "/etc/passwd")
    assert refusals(zipped) == {"ann/s.py": "is a link"}
    assert list(read(zipped)) == ["bob/a.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX files")
def test_links_and_pipes_in_folders_are_refused(tmp_path: Path) -> None:
    place = as_folder(tmp_path, {"bob/a.py": A})
    (place / "ann").mkdir()
    (place / "ann" / "s.py").symlink_to("/etc/passwd")
    (place / "eve").symlink_to(place / "bob")
    os.mkfifo(place / "ann" / "p.py")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(place / "ann" / "u.py"))
        assert refusals(place) == {
            "ann/p.py": "is not a plain file",
            "ann/s.py": "is a link",
            "ann/u.py": "is not a plain file",
            "eve": "is a link",
        }
        assert list(read(place)) == ["bob/a.py"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_names_that_are_no_text_are_made_readable(tmp_path: Path) -> None:
    place = as_folder(tmp_path, {})
    os.makedirs(os.fsencode(tmp_path) + b"/class/\xff")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/class/\xff/a.py")).write_bytes(A)
    assert list(read(place)) == ["\ufffd/a.py"]
    with tarfile.open(tmp_path / "class.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("\udcff/a.py"))
    assert list(read(tmp_path / "class.tar")) == ["\ufffd/a.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs such names")
def test_a_name_does_not_end_a_line_or_steer_a_terminal(tmp_path: Path) -> None:
    place = as_folder(tmp_path, {"ann\n\x1b[2J/a.py": A})
    assert list(read(place)) == ["ann\ufffd\ufffd[2J/a.py"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs closed folders")
def test_a_folder_that_is_closed_costs_nobody_else(tmp_path: Path) -> None:
    place = as_folder(tmp_path, {"ann/a.py": A, "bob/a.py": A})
    (place / "ann").chmod(0)
    try:
        assert list(read(place)) == ["bob/a.py"]
        assert refusals(place)["ann"].startswith("cannot be read")
    finally:
        (place / "ann").chmod(0o700)


def test_a_zip_bomb_is_read_no_further_than_a_file_may_be_long(tmp_path: Path) -> None:
    place = tmp_path / "class.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ann/a.py", bytes(2 * files.MOST))
        archive.writestr("bob/a.py", A)
    lying = bytearray(place.read_bytes())
    size = (2 * files.MOST).to_bytes(4, "little")
    assert lying.count(size) == 2  # beside the file, and in the directory at the end
    place.write_bytes(lying.replace(size, (10).to_bytes(4, "little")))
    assert list(read(place)) == ["bob/a.py"]
    assert list(refusals(place)) == ["ann/a.py"]


def test_a_tar_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MOST_READ", 1024 * 1024)
    place = tmp_path / "class.tar.gz"
    place.write_bytes(gzip.compress(tarred({"ann/x.bin": bytes(2 * 1024 * 1024)})))
    with pytest.raises(InputError, match=r"class\.tar\.gz cannot be read as an archive"):
        list(files_in(place))


@pytest.mark.parametrize("make", [as_zip, as_tgz])
def test_a_students_archive_holds_no_more_than_a_student_writes(
    make: Callable[[Path, dict[str, bytes]], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "_MOST_INSIDE", 1024 * 1024)
    inner = make(tmp_path, {f"{number}/a.py": bytes(400_000) for number in range(5)})
    name = f"ann/{inner.name}"
    place = as_folder(tmp_path, {name: inner.read_bytes(), "bob/a.py": A})
    assert "bob/a.py" in read(place)
    assert "it holds more than 1 MiB" in refusals(place)[name]


def test_too_many_files_of_one_student_cost_nobody_else(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_MOST_OF_ONE", 3)
    many = {f"ann/{number}.py": A for number in range(5)}
    place = make(many | {"bob/a.py": A, "max/a.py": A})
    assert list(read(place)) == ["ann/0.py", "ann/1.py", "ann/2.py", "bob/a.py", "max/a.py"]
    assert list(refusals(place)) == ["ann/3.py"]
    assert "a student has at most 3 files" in refusals(place)["ann/3.py"]


def test_too_many_bytes_of_one_student_cost_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_MOST_INSIDE", 1000)
    place = as_folder(
        tmp_path, {f"submitted/ann/a1/{number}.py": bytes(400) for number in range(4)}
    )
    place = (place / "submitted").rename(tmp_path / "submitted")
    (place / "bob").mkdir()
    (place / "bob" / "a.py").write_bytes(A)
    assert list(read(place))[-1] == "submitted/bob/a.py"
    assert list(refusals(place)) == ["submitted/ann/a1/2.py"]


def test_a_member_without_a_name_costs_nobody_else(tmp_path: Path) -> None:
    inner = bytearray(as_zip(tmp_path, {"x": A, "a.py": A}).read_bytes())
    for sign, offset, name in ((b"PK\3\4", 26, 30), (b"PK\1\2", 28, 46)):
        at = inner.index(sign)
        assert inner[at + name : at + name + 1] == b"x"
        inner[at + offset] = 0  # the length of the name; what was the name is of the rest
        if sign == b"PK\1\2":
            del inner[at + name]
            end = inner.index(b"PK\5\6")
            size = int.from_bytes(inner[end + 12 : end + 16], "little") - 1
            inner[end + 12 : end + 16] = size.to_bytes(4, "little")
    place = as_folder(tmp_path, {"ann/work.zip": bytes(inner), "bob/a.py": A})
    assert read(place) == {"ann/work.zip/a.py": A, "bob/a.py": A}
    assert refusals(place) == {"ann/work.zip": "has no name"}
    (tmp_path / "alone.zip").write_bytes(inner)
    assert list(read(tmp_path / "alone.zip")) == ["a.py"]


@pytest.mark.parametrize("seconds", ["1e20", "inf", "-1e20", "nan"])
def test_a_time_that_is_none_is_not_known(seconds: str, tmp_path: Path) -> None:
    place = tmp_path / "class.tar"
    with tarfile.open(place, "w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("ann/a.py")
        info.pax_headers = {"mtime": seconds}
        archive.addfile(info)
    (file,) = files_in(place)
    assert isinstance(file, File)
    assert file.when is None


def test_an_offset_that_no_file_has_is_damage(tmp_path: Path) -> None:
    inner = bytearray(as_zip(tmp_path, {"a.py": A}).read_bytes())
    at = inner.index(b"PK\1\2")
    far = struct.pack("<HHQ", 1, 8, 2**64 - 1)  # APPNOTE 4.5.3: where the header of a.py is
    inner[at + 30 : at + 32] = struct.pack("<H", len(far))
    inner[at + 42 : at + 46] = b"\xff" * 4
    end = inner.index(b"PK\5\6")
    inner[end + 12 : end + 16] = struct.pack("<I", end + len(far) - at)
    inner[end:end] = far
    place = as_folder(tmp_path, {"ann/work.zip": bytes(inner), "bob/a.py": A})
    assert read(place) == {"bob/a.py": A}
    assert len(refusals(place)) == 1


def test_a_header_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 3 * 1024 * 1024
    place = tmp_path / "class.tar"
    place.write_bytes(info.tobuf(tarfile.USTAR_FORMAT) + bytes(4 * 1024 * 1024))
    with pytest.raises(InputError, match="a header is too large"):
        list(files_in(place))


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress, gzip.compress])
def test_a_compressed_archive_is_known_by_its_first_bytes(
    compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    place = tmp_path / "class.tar"
    place.write_bytes(compress(tarred({"ann/a.py": A})))
    assert read(place) == {"ann/a.py": A}


@pytest.mark.parametrize("name", ["class.zip", "class.tar", "class.tar.gz"])
@pytest.mark.parametrize("data", [b"", b"nonsense" * 200, b"\x1f\x8b nonsense", b"PK\5\6"])
def test_what_is_no_archive_is_told(name: str, data: bytes, tmp_path: Path) -> None:
    place = tmp_path / name
    place.write_bytes(data)
    with pytest.raises(InputError, match=f"^{name} cannot be read as an archive"):
        list(files_in(place))


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    place = as_zip(tmp_path, {"ann/a.py": A})
    data = bytearray(place.read_bytes())
    for sign, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        data[data.index(sign) + offset] |= 1
    place.write_bytes(data)
    assert refusals(place) == {"ann/a.py": "is encrypted"}


def test_what_is_neither_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no"):
        list(files_in(tmp_path / "nothing"))
    (tmp_path / "a.rar").write_bytes(b"")
    with pytest.raises(InputError, match="neither a folder nor an archive"):
        list(files_in(tmp_path / "a.rar"))


def test_times_come_with_the_files(tmp_path: Path) -> None:
    place = as_folder(tmp_path, {"ann/a.py": A})
    os.utime(place / "ann" / "a.py", (1_700_000_000, 1_700_000_000))
    (file,) = files_in(place)
    assert isinstance(file, File)
    assert file.when == datetime.fromtimestamp(1_700_000_000, UTC)
    zipped = tmp_path / "class.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr(zipfile.ZipInfo("ann/a.py", (2026, 10, 1, 12, 30, 0)), A)
    (file,) = files_in(zipped)
    assert isinstance(file, File)
    assert file.when == datetime(2026, 10, 1, 12, 30).astimezone()


def test_times_in_a_students_own_archive_do_not_count(tmp_path: Path) -> None:
    inner = tmp_path / "work.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.py", (1999, 1, 1, 0, 0, 0)), A)
    place = as_folder(tmp_path, {"ann/work.zip": inner.read_bytes()})
    os.utime(place / "ann" / "work.zip", (1_700_000_000, 1_700_000_000))
    (file,) = files_in(place)
    assert isinstance(file, File)
    assert file.when == datetime.fromtimestamp(1_700_000_000, UTC)
