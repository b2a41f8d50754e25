"""Counts the retries, and beside them the calls on the way to the next one."""


class Budget:
    def __init__(self, calls, most):
        self.calls = calls
        self.most = most
        self.retries = most
        self.towards = 0

    def earn(self):
        if self.retries == self.most:
            return
        self.towards += 1
        if self.towards == self.calls:
            self.towards = 0
            self.retries += 1

    def spend(self):
        if not self.retries:
            return False
        self.retries -= 1
        return True
