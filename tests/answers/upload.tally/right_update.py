"""Updates one hash."""

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
        return self.size <= self.largest

    def sha256(self):
        return self.hash.hexdigest()
