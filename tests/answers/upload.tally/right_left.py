"""Counts down what is left."""

from hashlib import sha256


class Tally:
    def __init__(self, largest):
        self.size, self.left = 0, largest
        self._hash = sha256(b"")

    def add(self, piece):
        self.size += len(piece)
        self.left -= len(piece)
        self._hash.update(piece)
        return self.left >= 0

    def sha256(self):
        return self._hash.copy().hexdigest()
