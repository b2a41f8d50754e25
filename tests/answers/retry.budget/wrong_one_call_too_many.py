"""Wants one call more than a retry costs.

refused by: every so many calls pay for one retry
misconception: retries-cost-nothing
"""


class Budget:
    def __init__(self, calls, most):
        self.calls, self.most = calls, most
        self.retries, self.seen = most, 0

    def earn(self):
        self.seen += 1
        if self.seen > self.calls:
            self.seen = 0
            self.retries = min(self.retries + 1, self.most)

    def spend(self):
        if self.retries == 0:
            return False
        self.retries -= 1
        return True
