"""Sets the flag and wakes nobody.

refused by: close wakes who waits
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
            return self.lines.popleft() if self.lines else None

    def close(self):
        with self.changed:
            self.closed = True
