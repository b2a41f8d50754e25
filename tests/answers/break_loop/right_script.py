"""Two scenes with plain sockets, and an exception for what is wrong."""

import contextlib
import select
import socket
import struct
import threading

CHUNK = 100_000


def numbers(first):
    return b"".join(b"%07d\n" % each for each in range(first, first + CHUNK // 8))


class Fault(Exception):
    """What is wrong with the server."""


def connected(address, stack):
    return stack.enter_context(socket.create_connection(address, timeout=3))


def ask(sock, text):
    sock.sendall(text)
    got = b""
    while len(got) < len(text):
        if not select.select([sock], [], [], 2.0)[0]:
            raise Fault(f"no echo of {text!r} within 2 s")
        piece = sock.recv(len(text))
        if not piece:
            raise Fault("the server has closed a connection")
        got += piece
    if got != text:
        raise Fault(f"the echo of {text!r} is {got!r}")


def one_bad_neighbour(address):
    with contextlib.ExitStack() as stack:
        first, second, _ = (connected(address, stack) for _ in range(3))
        ask(first, b"good day")
        bad = connected(address, stack)
        bad.sendall(b"x" * 100)
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        bad.close()
        ask(second, b"still there")


def one_that_reads_late(address):
    with contextlib.ExitStack() as stack:
        late, other = connected(address, stack), connected(address, stack)
        late.setblocking(False)
        late.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)  # little waits on this side
        taken, line = [], 0
        while select.select([], [late], [], 0.5)[1]:
            if sum(map(len, taken)) > 24_000_000:
                raise Fault("the server has no bound")
            text = numbers(line)
            taken.append(text[: late.send(text)])
            line += CHUNK // 8
        ask(other, b"and what about me")
        late.settimeout(3)
        late.shutdown(socket.SHUT_WR)
        reader = threading.Thread(target=reads, args=(late, pieces := []))
        reader.start()
        reader.join()
        if b"".join(pieces) != b"".join(taken):
            raise Fault("not the same bytes came back")


def reads(sock, pieces):
    with contextlib.suppress(OSError):
        while piece := sock.recv(1 << 20):
            pieces.append(piece)


def find_fault(host, port):
    try:
        one_bad_neighbour((host, port))
        one_that_reads_late((host, port))
    except (Fault, OSError) as fault:
        return str(fault) or repr(fault)
