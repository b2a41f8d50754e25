"""Forgets the answer that was least recently used instead of the one that was put first.

refused by: forgets the oldest
misconception: udp-once
"""


class Cache:
    def __init__(self, room):
        self.room = room
        self.answers = {}

    def get(self, client, number):
        if (client, number) not in self.answers:
            return None
        self.answers[client, number] = self.answers.pop((client, number))
        return self.answers[client, number]

    def put(self, client, number, answer):
        self.answers[client, number] = answer
        if len(self.answers) > self.room:
            del self.answers[next(iter(self.answers))]
