"""Bytes that wait in one direction, with the moments at which they came."""

from __future__ import annotations

from collections import deque

__all__ = ["Waiting"]


class Waiting:
    """Chunks of bytes with the moments at which they came; taken from the front in any sizes."""

    def __init__(self) -> None:
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._gone = 0  # bytes of the first chunk that were taken
        self.total = 0

    @property
    def head(self) -> int:
        """How many bytes of the first chunk wait."""
        return len(self._chunks[0][1]) - self._gone if self._chunks else 0

    def append(self, data: bytes, came: float) -> None:
        """Add a chunk at the end."""
        self._chunks.append((came, data))
        self.total += len(data)

    def came(self, length: int) -> float:
        """When the last of the first `length` bytes came."""
        seen = -self._gone
        for came, data in self._chunks:
            seen += len(data)
            if seen >= length:
                return came
        raise AssertionError("fewer bytes wait than were asked for")

    def take(self, length: int) -> bytes:
        """Remove and return the first `length` bytes."""
        parts = []
        self.total -= length
        while length:
            data = self._chunks[0][1]
            part = data[self._gone : self._gone + length]
            parts.append(part)
            length -= len(part)
            self._gone += len(part)
            if self._gone == len(data):
                self._chunks.popleft()
                self._gone = 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def clear(self) -> None:
        """Drop everything."""
        self._chunks.clear()
        self._gone = self.total = 0
