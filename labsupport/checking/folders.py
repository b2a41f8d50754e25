"""The end of a folder in which an answer could write."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["removed"]


def removed(folder: Path) -> None:
    """Remove a folder of an answer, however deep and whatever its permissions.

    Folders inside are moved up before they are emptied, into a place beside it that is nobody
    else's: neither the depth of a recursion nor the length of a path limits how deep they lie. What
    an answer made undeletable stays. Raises OSError when there is no room for that place.
    """
    place = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    pending: list[Path] = []
    moved = 0

    def take(path: str | Path) -> None:
        nonlocal moved
        moved += 1
        os.chmod(path, 0o700)
        os.rename(path, place / str(moved))
        pending.append(place / str(moved))

    with contextlib.suppress(OSError):
        os.unlink(folder) if folder.is_symlink() else take(folder)
    while pending:
        current = pending.pop()
        with contextlib.suppress(OSError), os.scandir(current) as entries:
            for entry in list(entries):
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        take(entry.path)
                    else:
                        os.unlink(entry.path)
        with contextlib.suppress(OSError):
            os.rmdir(current)
    with contextlib.suppress(OSError):
        os.rmdir(place)
