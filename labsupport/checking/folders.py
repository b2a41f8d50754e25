"""The end of a folder in which an answer could write."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

__all__ = ["removed"]


def removed(folder: Path) -> None:
    """Remove a folder of an answer, however deep and whatever its permissions.

    Folders inside are moved up into it before they are emptied: neither the depth of a recursion
    nor the length of a path limits how deep they lie, no room is needed, and nobody else can put
    anything in their way. What an answer made undeletable stays.
    """
    if folder.is_symlink():
        with contextlib.suppress(OSError):
            os.unlink(folder)
        return
    pending = [folder]
    new = secrets.token_hex(8)  # no name that an answer has used
    moved = 0
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
    while pending:
        current = pending.pop()
        with contextlib.suppress(OSError), os.scandir(current) as entries:
            for entry in list(entries):
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        moved += 1
                        os.chmod(entry.path, 0o700)
                        os.rename(entry.path, folder / f"{new}-{moved}")
                        pending.append(folder / f"{new}-{moved}")
                    else:
                        os.unlink(entry.path)
        if current != folder:
            with contextlib.suppress(OSError):
                os.rmdir(current)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
