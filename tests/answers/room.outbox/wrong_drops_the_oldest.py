"""Drops the oldest line when it is full.

refused by: put says when it is full
misconception: the-queue-absorbs-it
"""

import threading
from collections import deque


class Outbox:
    def __init__(self, most):
        self.most = most
        self.lines = deque()
        self.closed = False
        self.changed = threading.Condition()

    def put(self, line):
        with self.changed:
            if self.closed:
                return False
            if len(self.lines) >= self.most:
                self.lines.popleft()
            self.lines.append(line)
            self.changed.notify()
            return True

    def get(self):
        with self.changed:
            self.changed.wait_for(lambda: self.lines or self.closed)
            return self.lines.popleft() if self.lines else None

    def close(self):
        with self.changed:
            self.closed = True
            self.changed.notify_all()
