"""Sends 512 bytes of an answer at most.

refused by: serve: a repeated question is handled once
misconception: retry-is-harmless
"""

import secrets
import socket
import time


class Asker:
    def __init__(self, host, port, wait=0.1, tries=5):
        self.address, self.wait, self.tries = (host, port), wait, tries
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def ask(self, question, deadline):
        ends = time.monotonic() + deadline
        number = secrets.token_bytes(4)
        wait = self.wait
        for left in reversed(range(self.tries)):
            self.sock.sendto(b"Q" + number + question, self.address)
            until = min(ends, time.monotonic() + wait) if left else ends
            answer = self.reply(number, until)
            if answer is not None:
                return answer
            if until == ends:
                break
            wait *= 2
        raise TimeoutError(f"no reply within {deadline} s")

    def reply(self, number, until):
        while (left := until - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                data, source = self.sock.recvfrom(65535)
            except TimeoutError:
                break
            except ConnectionError:  # an earlier datagram found no socket
                continue
            if source == self.address and data[:5] == b"R" + number:
                return data[5:]
        return None

    def close(self):
        self.sock.close()


class Cache:
    def __init__(self, room):
        self.room = room
        self.answers = {}

    def get(self, client, number):
        return self.answers.get((client, number))

    def put(self, client, number, answer):
        self.answers[client, number] = answer
        if len(self.answers) > self.room:
            del self.answers[next(iter(self.answers))]


def serve(host, port, stop, handle, room=100):
    cache = Cache(room)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        sock.settimeout(0.1)
        while not stop.is_set():
            try:
                data, client = sock.recvfrom(65535)
            except TimeoutError:
                continue
            except ConnectionError:  # Windows: the client of an earlier reply is gone
                continue
            if len(data) < 5 or data[:1] != b"Q":
                continue
            number = data[1:5]
            answer = cache.get(client, number)
            if answer is None:
                answer = handle(data[5:])
                cache.put(client, number, answer)
            sock.sendto(b"R" + number + answer[:512], client)
