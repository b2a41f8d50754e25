"""Refuses the last byte that is permitted.

refused by: the first byte too many is refused
misconception: content-length-can-be-trusted
"""

import hashlib


class Tally:
    """How much has come, and its hash."""

    def __init__(self, largest):
        self.largest = largest
        self.size = 0
        self.hash = hashlib.sha256()

    def add(self, piece):
        self.size += len(piece)
        self.hash.update(piece)
        return self.size < self.largest

    def sha256(self):
        return self.hash.hexdigest()
