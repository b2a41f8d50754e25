"""Begins empty.

refused by: every so many calls pay for one retry
misconception: retries-cost-nothing
"""


class Budget:
    def __init__(self, calls, most):
        self.calls, self.full = calls, most * calls
        self.credit = 0

    def earn(self):
        self.credit = min(self.credit + 1, self.full)

    def spend(self):
        if self.credit < self.calls:
            return False
        self.credit -= self.calls
        return True
