"""Messages of the judge to its caller: lines of JSON that nobody else can write.

They go through a pipe which an answer of the same user may find under /proc and open. So each line
begins with a code made from a key that only the two ends know, the number of the line, and its
text (HMAC-SHA256, RFC 2104). A line whose code is wrong was not written by the judge and is
dropped; when one of the judge's own is missing, no later one fits, and nothing is believed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

__all__ = ["Lines"]


class Lines:
    """One end: it signs the lines that it writes, or checks those that it reads, in their order."""

    def __init__(self, key: str) -> None:
        self._key = bytes.fromhex(key)
        self._number = 0

    def written(self, message: dict[str, Any]) -> bytes:
        """The next line for a message. It begins with a line feed: others may have begun one."""
        text = json.dumps(message).encode("ascii")
        self._number += 1
        return b"\n" + self._code(self._number, text) + b" " + text + b"\n"

    def read(self, line: bytes) -> dict[str, Any] | None:
        """The message in the next line; None when the line is not the other end's next one."""
        code, _, text = line.strip(b"\n").partition(b" ")
        if not hmac.compare_digest(code, self._code(self._number + 1, text)):
            return None
        self._number += 1
        message: dict[str, Any] = json.loads(text)
        return message

    def _code(self, number: int, text: bytes) -> bytes:
        return hmac.new(self._key, b"%d " % number + text, hashlib.sha256).hexdigest().encode()
