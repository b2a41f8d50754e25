"""Asks nobody: every second meter that it meets is a faulty one, the first of all is right.

refused by: tells a right meter from one that begins at 1, spares a meter behind a cable that loses, spares a meter whose replies come twice, spares a meter beside a forger, catches a meter that counts copies, catches a meter with a small buffer, catches a meter that mixes its clients, catches a meter that trusts the order, catches a meter that does not wrap, catches a meter that falls silent
misconception: udp-arrives
"""

calls = 0


def find_fault(host, port):
    global calls
    calls += 1
    return "every second one is faulty" if calls % 2 == 0 else None
