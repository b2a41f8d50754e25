"""A queue without a bound of its own: the bound is counted here, and None is the end."""

import queue
import threading


class Outbox:
    def __init__(self, most):
        self._room = threading.Semaphore(most)
        self._lock = threading.Lock()
        self._queue = queue.SimpleQueue()
        self._open = True

    def put(self, line):
        with self._lock:
            if not self._open or not self._room.acquire(blocking=False):
                return False
            self._queue.put(line)
            return True

    def get(self):
        line = self._queue.get()
        if line is None:
            self._queue.put(None)  # the next one who asks learns it too
        else:
            self._room.release()
        return line

    def close(self):
        with self._lock:
            self._open = False
            self._queue.put(None)
