"""Forgets everything when it is full.

refused by: forgets the oldest
misconception: udp-once
"""


class Cache:
    def __init__(self, room):
        self.room = room
        self.answers = {}

    def get(self, client, number):
        return self.answers.get((client, number))

    def put(self, client, number, answer):
        if len(self.answers) >= self.room:
            self.answers.clear()
        self.answers[client, number] = answer
