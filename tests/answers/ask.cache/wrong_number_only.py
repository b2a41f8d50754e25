"""Knows an answer by its number, whoever asks.

refused by: knows an answer by client and id
misconception: retry-is-harmless
"""


class Cache:
    def __init__(self, room):
        self.room = room
        self.answers = {}

    def get(self, client, number):
        return self.answers.get(number)

    def put(self, client, number, answer):
        self.answers[number] = answer
        if len(self.answers) > self.room:
            del self.answers[next(iter(self.answers))]
