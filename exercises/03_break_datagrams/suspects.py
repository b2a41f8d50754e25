"""Meters over UDP, right ones and wrong ones, for the exercise `break_datagrams`.

The protocol: a request is an id of two bytes and a payload of 0 to 1000 bytes; the reply is the id
and the client's total in four bytes. A copy, the same id from the same client among its last 100
requests, adds nothing and gets the same reply. Each function takes a bound UDP socket and serves
until that is closed. A wrong one has one fault, which its first line names; in everything else it
keeps to the protocol, and answers what `plain` answers.
"""

import socket
import struct
from collections import defaultdict, deque

REMEMBERED = 100  # requests of each client
LARGEST = 2048  # bytes of a read
HALF = 2**15  # ids: of two different ones the newer is less than half a circle ahead (RFC 1982)

_REPLY = struct.Struct("!HI")


class _Account:
    """What one client has sent: its total, the replies to its last requests by id."""

    def __init__(self, total=0):
        self.total = total
        self.replies = {}
        self.newest = None

    def reply(self, number, payload):
        """The reply to a request; the same one to a copy."""
        if number not in self.replies:
            return self.add(number, payload)
        return self.replies[number]

    def add(self, number, payload):
        """Count a request, remember its reply and return it."""
        self.total += len(payload)
        self.replies[number] = _REPLY.pack(number, self.total)
        if len(self.replies) > REMEMBERED:
            del self.replies[next(iter(self.replies))]
        return self.replies[number]


def _requests(sock, largest=LARGEST):
    """The requests that come: client, id and payload. What is shorter than an id is no request."""
    while True:
        try:
            data, client = sock.recvfrom(largest)
        except ConnectionResetError:  # Windows: a reply went to a client that has gone
            continue
        if len(data) >= 2:
            yield client, int.from_bytes(data[:2], "big"), data[2:]


# ---- right meters ----


def plain(sock):
    """Keep an account for each client."""
    accounts = defaultdict(_Account)
    for client, number, payload in _requests(sock):
        sock.sendto(accounts[client].reply(number, payload), client)


def by_list(sock):
    """Keep the last requests of each client in a list, and read no more than one can have."""
    totals = {}
    last = {}
    while True:
        try:
            data, client = sock.recvfrom(1002)
        except ConnectionResetError:  # Windows: a reply went to a client that has gone
            continue
        known = last.setdefault(client, deque(maxlen=REMEMBERED))
        reply = next((reply for head, reply in known if head == data[:2]), None)
        if reply is None:
            totals[client] = totals.get(client, 0) + len(data) - 2
            reply = data[:2] + totals[client].to_bytes(4, "big")
            known.append((data[:2], reply))
        sock.sendto(reply, client)


def beside_a_forger(sock):
    """Keep to the protocol, while somebody else sends its clients another reply, and sooner."""
    accounts = defaultdict(_Account)
    with socket.socket(sock.family, socket.SOCK_DGRAM) as forger:
        for client, number, payload in _requests(sock):
            reply = accounts[client].reply(number, payload)
            forger.sendto(_REPLY.pack(number, accounts[client].total + 1), client)
            sock.sendto(reply, client)


# ---- wrong meters ----


def tells_the_size(sock):
    """Reply the size of the request in the place of the total."""
    for client, number, payload in _requests(sock):
        sock.sendto(_REPLY.pack(number, len(payload)), client)


def begins_at_one(sock):
    """Count the bytes of each client from 1."""
    accounts = defaultdict(lambda: _Account(total=1))
    for client, number, payload in _requests(sock):
        sock.sendto(accounts[client].reply(number, payload), client)


def counts_copies(sock):
    """Remember no request, so that a copy is counted again."""
    accounts = defaultdict(_Account)
    for client, number, payload in _requests(sock):
        sock.sendto(accounts[client].add(number, payload), client)


def small_buffer(sock):
    """Read 512 bytes of each datagram."""
    accounts = defaultdict(_Account)
    for client, number, payload in _requests(sock, largest=512):
        sock.sendto(accounts[client].reply(number, payload), client)


def one_memory(sock):
    """Know a copy by its id alone, whoever sent it."""
    accounts = defaultdict(_Account)
    replies = {}
    for client, number, payload in _requests(sock):
        if number not in replies:
            replies[number] = accounts[client].reply(number, payload)
            if len(replies) > REMEMBERED:
                del replies[next(iter(replies))]
        sock.sendto(replies[number], client)


def _serve_unless_old(sock, is_old):
    """Take a request for a copy, too, when its id is old beside the newest one."""
    accounts = defaultdict(_Account)
    for client, number, payload in _requests(sock):
        account = accounts[client]
        if account.newest is not None and is_old(number, account.newest):
            reply = account.replies.get(number, _REPLY.pack(number, account.total))
        else:
            reply = account.reply(number, payload)
            account.newest = number
        sock.sendto(reply, client)


def trusts_order(sock):
    """Take a request that was overtaken for a copy."""
    _serve_unless_old(sock, lambda number, newest: (number - newest) % (2 * HALF) > HALF)


def never_wraps(sock):
    """Take 0 behind 65535 for an id of long ago."""
    _serve_unless_old(sock, lambda number, newest: number < newest - REMEMBERED)


def falls_silent(sock):
    """Take a request without a payload for the end, and answer nobody after it."""
    accounts = defaultdict(_Account)
    ended = False
    for client, number, payload in _requests(sock):
        ended = ended or not payload
        if not ended:
            sock.sendto(accounts[client].reply(number, payload), client)
