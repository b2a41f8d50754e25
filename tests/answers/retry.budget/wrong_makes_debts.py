"""Takes one out also when it refuses.

refused by: every so many calls pay for one retry
misconception: retries-cost-nothing
"""


class Budget:
    def __init__(self, calls, most):
        self.calls = calls
        self.full = self.credit = most * calls

    def earn(self):
        self.credit = min(self.credit + 1, self.full)

    def spend(self):
        self.credit -= self.calls
        return self.credit >= 0
