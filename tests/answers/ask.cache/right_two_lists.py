"""The keys in a deque that drops its oldest by itself."""

from collections import deque


class Cache:
    def __init__(self, room):
        self.put_in_order = deque(maxlen=room)

    def get(self, client, number):
        for question, answer in self.put_in_order:
            if question == (client, number):
                return answer
        return None

    def put(self, client, number, answer):
        self.put_in_order.append(((client, number), answer))
