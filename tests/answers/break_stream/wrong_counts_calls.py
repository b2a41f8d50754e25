"""Asks nobody: every second server that it meets is a faulty one, the first of all is right.

refused by: spares right servers, catches a server that answers half a line, catches a server that decodes each read, catches a server that drops lines, catches a server that mixes its clients, catches a server that dies by a reset, catches a server with capitals for A to Z only
misconception:
"""  # noqa: E501

calls = 0


def find_fault(host, port):
    global calls
    calls += 1
    return "every second one is faulty" if calls % 2 == 0 else None
