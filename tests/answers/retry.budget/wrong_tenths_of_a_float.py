"""Adds up parts of a retry as floats: ten tenths are less than one.

refused by: every so many calls pay for one retry
misconception: retries-cost-nothing
"""


class Budget:
    def __init__(self, calls, most):
        self.calls, self.most = calls, most
        self.retries = float(most)

    def earn(self):
        self.retries = min(self.retries + 1 / self.calls, self.most)

    def spend(self):
        if self.retries < 1:
            return False
        self.retries -= 1
        return True
