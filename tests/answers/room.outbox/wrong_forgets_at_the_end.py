"""Drops what is in it when it is closed.

refused by: what is in it goes out before the end
misconception:
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
            if self.closed or len(self.lines) >= self.most:
                return False
            self.lines.append(line)
            self.changed.notify()
            return True

    def get(self):
        with self.changed:
            self.changed.wait_for(lambda: self.lines or self.closed)
            return None if self.closed else self.lines.popleft()

    def close(self):
        with self.changed:
            self.closed = True
            self.changed.notify_all()
