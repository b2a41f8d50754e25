"""Saves up without end.

refused by: every so many calls pay for one retry
misconception: retries-cost-nothing
"""


class Budget:
    def __init__(self, calls, most):
        self.calls = calls
        self.credit = most * calls

    def earn(self):
        self.credit += 1

    def spend(self):
        if self.credit < self.calls:
            return False
        self.credit -= self.calls
        return True
