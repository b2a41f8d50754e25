"""A folder in which an answer could write is removed, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labsupport.checking.folders import removed

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs dir_fd, and the right to make links")


def test_a_folder_goes_however_deep_and_closed(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "file").write_text("x")
    closed = folder / "closed"
    (closed / "inside").mkdir(parents=True)
    closed.chmod(0)
    here = os.open(folder, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("deep", dir_fd=here)
        there = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(here)
    removed(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed_wherever_it_lies(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "inside").symlink_to(kept)
    (tmp_path / "scratch-1").symlink_to(kept)
    removed(folder)
    link = tmp_path / "link"
    link.symlink_to(kept)
    removed(link)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept", "scratch-1"]
    assert (kept / "file").read_text() == "x"
