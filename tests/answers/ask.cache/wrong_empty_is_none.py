"""Takes an empty answer for none.

refused by: knows an answer by client and id
misconception: retry-is-harmless
"""


class Cache:
    def __init__(self, room):
        self.room = room
        self.answers = {}

    def get(self, client, number):
        return self.answers.get((client, number)) or None

    def put(self, client, number, answer):
        self.answers[client, number] = answer
        if len(self.answers) > self.room:
            del self.answers[next(iter(self.answers))]
