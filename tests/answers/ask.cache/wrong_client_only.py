"""Remembers one answer for each client.

refused by: knows an answer by client and id, forgets the oldest
misconception: retry-is-harmless
"""


class Cache:
    def __init__(self, room):
        self.room = room
        self.answers = {}

    def get(self, client, number):
        return self.answers.get(client)

    def put(self, client, number, answer):
        self.answers[client] = answer
        if len(self.answers) > self.room:
            del self.answers[next(iter(self.answers))]
