"""Checks of the exercise `fileserver`: the files of one folder, and none else, for many clients.

The files lie in the answer's own folder: `public` is served, what lies beside it is not. Whether
one client holds up another is seen with one that has stopped reading, behind more bytes than the
buffers on the way take.
"""

import array
import os
import sys

from labsupport.checking import (
    Exercise,
    assert_bytes,
    assert_equal,
    assert_that,
)
from labsupport.checking.asserts import apart, having

exercise = Exercise(
    "fileserver",
    title="fileserver: the files of one folder, and none else",
    lesson="04",
    minutes=30,
    kind="core",
    entry="serve(host, port, stop, folder)",
)

inside = Exercise(
    "fileserver.inside",
    title="fileserver, the step: inside or not",
    lesson="04",
    minutes=3,
    kind="core",
    entry="inside(folder, path)",
)

FOLDER = "public"
LARGE = 64 << 20  # bytes: more than the buffers between two sockets take
MEDIUM = 16 << 20  # bytes: more, too, and soon read
HUGE = 4 << 30  # bytes: more than an answer may have in memory
PATIENT = 5.0  # seconds that a client waits for another one's file at most
SILENT = 40  # clients that connect and say nothing: more than a pool's threads

# Hints for what more than one check finds apart from its subject.
ONE_AFTER_THE_OTHER = (
    "One client keeps your program waiting. Who waits with it?",
    "Each client needs a thread of its own, and no lock is held while it reads or sends.",
)
WHERE_IT_LEADS = (
    "This name leads to a file inside. What does your program compare with what?",
    "A link is as good as the place where it leads, and the folder can be given as a link itself.",
    "Compare os.path.realpath of the file's path with os.path.realpath of the folder.",
)


# ---- the step ----


@inside.check(
    "compares whole names",
    points=1,
    misconception="dotdot-is-the-only-way-out",
    hints=[
        "Which path came out wrong, and where does it differ from the folder's?",
        "A folder's path ends where a name ends. What has to stand behind it?",
        "os.path.commonpath([folder, path]) is the deepest folder that both are in.",
    ],
)
async def compares_whole_names(answer, draw, variant):
    name, other = draw.word(), draw.word()
    parts = {
        f"srv/{name}/{other}": True,
        f"srv/{name}/{other}/{name}.txt": True,
        f"srv/{name}/notes..txt": True,
        f"srv/{name}-secret/{other}": False,
        f"srv/{name}{other}": False,
        f"srv/{other}.txt": False,
        f"backup/srv/{name}/{other}": False,
        f"{other}/{name}/{other}": False,
    }
    folder = _absolute(f"srv/{name}")
    for part, wanted in parts.items():
        path = _absolute(part)
        assert_equal(
            await answer.call("inside", folder, path),
            wanted,
            said="inside is what lies in the folder, at any depth, and nothing beside it",
            did=f"called inside({folder!r}, {path!r})",
        )


def _absolute(path):
    return os.path.abspath(os.path.join(os.sep, *path.split("/")))


# ---- the build ----


def served(answer, folder=FOLDER):
    """serve, in the answer's process, for a folder of its home."""
    return answer.serving("serve", f"{answer.home}/{folder}")


def letters(draw, n):
    """n bytes, all of them letters and digits: other byte values have a check of their own."""
    return draw.bytes(n // 2 + 1).hex().encode()[:n]


async def ask(conn, name):
    """Send the request for a name, given as str or as bytes."""
    await conn.send(b"GET " + (name if isinstance(name, bytes) else name.encode()) + b"\n")


async def gets(conn, content, said, did=""):
    """Read a reply, which has to be this content."""
    with having(did):
        head = await conn.recv_line(said=said, timeout=PATIENT)
        assert_bytes(head, f"OK {len(content)}\n".encode(), said)
        body = await conn.recv_exactly(len(content), said=said, timeout=PATIENT)
        assert_bytes(body, content, said)


async def refused(conn, said, did):
    """Read a reply, which has to be a refusal."""
    with having(did):
        head = await conn.recv_line(said=said)
        assert_that(head.startswith(b"ERR "), said, "ERR, a reason and a line feed", head)


async def stopped_in(peer, name, size, said):
    """A client that asked for a file, has read the beginning of it, and reads no more."""
    conn = await peer.connect(receive_buffer=64 * 1024)
    await ask(conn, name)
    head = await conn.recv_line(said=said)
    assert_bytes(head, f"OK {size}\n".encode(), said=said, did=f"asked for {name}")
    return conn, await conn.recv_exactly(64 * 1024, said=said)


@exercise.check(
    "sends any bytes under any name",
    points=1,
    deadline=15.0,
    misconception="bytes-are-text",
    hints=[
        "Compare what came with the file: its size first, then byte by byte.",
        "A file is bytes, and its size counts bytes. Text has other line ends, and fewer letters.",
        "open(path, 'rb'), and os.fstat(file.fileno()).st_size.",
    ],
)
async def sends_any_bytes_under_any_name(answer, draw, variant):
    mixed = bytes(range(256)) + b"\r\nOK 3\nabc" + draw.bytes(200_000)
    files = {
        "empty": b"",
        "reports/2026/März 1.txt": letters(draw, 300),
        "two  spaces.txt": letters(draw, 10),
        "notes..txt": letters(draw, 20),
        "100%25.txt": letters(draw, 30),
    }
    if os.name != "nt":  # where such names are not permitted
        files[" blanks at both ends.txt "] = letters(draw, 40)
        files["/".join(draw.word().ljust(220, "x") for _ in range(4))] = letters(draw, 50)
    answer.put(f"{FOLDER}/mixed.bin", mixed)
    answer.put(f"{FOLDER}/large.bin", b"", size=MEDIUM)
    for name, content in files.items():
        answer.put(f"{FOLDER}/{name}", content)
    async with served(answer) as peer:
        peer.assert_own_address()
        conn = await peer.connect()
        await ask(conn, "mixed.bin")
        said = "the size of the file comes, and then all of its bytes"
        await gets(conn, mixed, said, did="asked for 'mixed.bin'")
        files["late.txt"] = letters(draw, 60)
        answer.put(f"{FOLDER}/late.txt", files["late.txt"])
        for name, content in files.items():
            await ask(conn, name)
            with apart(
                "Compare the name that was asked for with the one that your program looks up.",
                "A name is what stands between GET and ⏎, whatever letters it has. Whether there "
                "is such a file is known when it is asked for.",
                "name = line[4:] without its last byte, decoded, and nothing more.",
            ):
                await gets(conn, content, said, did=f"asked for {name!r}")
        conn.half_close()
        with apart(
            "The client has ended its direction. What does your program do with the connection?",
            "Leave the client's function, and close the connection on every way out of it.",
        ):
            said = "behind the last file comes the end of the stream"
            did = "ended its requests"
            assert_bytes(await conn.recv_until_eof(said=said), b"", said=said, did=did)
        said = "who ends its direction early gets all that it asked for, and then the end"
        hasty, start = await stopped_in(peer, "large.bin", MEDIUM, said)
        await ask(hasty, "notes..txt")
        hasty.half_close()  # it reads the first file only now, so this request and the end wait
        with (
            having("asked for two files, ended its direction, and then read"),
            apart(
                "A request and the end of the stream are there. Which do you look for first?",
                "Answer the requests that you have; recv returns b'' behind the last byte.",
            ),
        ):
            await hasty.recv_exactly(MEDIUM - len(start), said=said, timeout=2 * PATIENT)
            await gets(hasty, files["notes..txt"], said)
            assert_bytes(await hasty.recv_until_eof(said=said), b"", said=said)


@exercise.check(
    "goes on after what it refuses",
    points=2,
    deadline=15.0,
    misconception="one-client-one-exception",
    hints=[
        "Which request got no ERR? Which exception did it raise in your program?",
        "A name can be no UTF-8, empty, or have a NUL: decode and open raise more than OSError.",
        "except (OSError, ValueError): UnicodeDecodeError is a ValueError. Then the next request.",
    ],
)
async def goes_on_after_what_it_refuses(answer, draw, variant):
    name, content = f"{draw.word()}.txt", letters(draw, 40)
    answer.put(f"{FOLDER}/{name}", content)
    answer.put(f"{FOLDER}/reports/{name}", content)
    answer.put(f"{FOLDER}/caf\ufffd.txt", b"what errors='replace' makes of a name that is no UTF-8")
    if sys.platform == "linux":  # others permit no such name
        answer.put(f"{FOLDER}/caf\udce9.txt", b"a file whose name is no UTF-8")
    good = f"GET {name}\n".encode()
    requests = {
        "a file that is not there": b"GET nothing.txt\n",
        "a folder": b"GET reports\n",
        "an empty name": b"GET \n",
        "a name that is no UTF-8": b"GET caf\xe9.txt\n",
        "a name with a NUL": b"GET " + name.encode() + b"\0.txt\n",
        "a name that is too long": b"GET " + b"x" * 300 + b"\n",
        "a file's parent that is a file": f"GET {name}/{name}\n".encode(),
        "no request": b"HELO " + name.encode() + b"\n",
        "an empty line": b"\n",
    }
    async with served(answer) as peer:
        conn = await peer.connect()
        for what, request in requests.items():
            await conn.send(request + good)
            said = "what cannot be served is refused with one line"
            did = f"asked for {what}, and with the same send for {name}"
            await refused(conn, said, did)
            with apart(
                "ERR has been sent. What does your program do with the next request?",
                "A refusal ends neither the connection nor its thread: go on with the loop.",
            ):
                said = "the connection goes on after a refusal"
                await gets(conn, content, said, did)
        await conn.send(good[:7])
        other = await peer.connect()
        await conn.send(good[7:] + good[:2])
        with apart(
            "What does your program keep of a request whose line feed has not come?",
            "Collect what comes, and take out what ends in a line feed.",
        ):
            said = "a request can come in pieces"
            await gets(conn, content, said, did="sent a request in two pieces")
        await ask(other, name)
        with apart(*ONE_AFTER_THE_OTHER):
            said = "each connection is served by itself, and has requests of its own"
            did = "let one client stop in the middle of a request; another one asked"
            await gets(other, content, said, did)


@exercise.check(
    "stays inside of its folder",
    points=3,
    deadline=15.0,
    misconception="dotdot-is-the-only-way-out",
    hints=[
        "Which name led out? Join it to the folder and look at the path that comes out.",
        "Look at where a path leads, not at its letters: os.path.realpath says it.",
        "realpath of folder and name joined, then your inside from the step; else ERR.",
    ],
)
async def stays_inside_of_its_folder(answer, draw, variant):
    secret = f"{draw.word()}.txt"
    answer.put(f"{FOLDER}/reports/note.txt", letters(draw, 30))
    answer.put(secret, b"the secret beside the folder")
    answer.put(f"{FOLDER}-secret/{secret}", b"the secret of the folder with the longer name")
    names = [
        f"../{secret}",
        f"reports/../../{secret}",
        f"{answer.home}/{secret}",
        f"../{FOLDER}-secret/{secret}",
        f"....//{secret}",
        f"..././{secret}",
        f"%2e%2e/{secret}",
        f"..%2f{secret}",
        f"./.././{secret}",
        "..",
        "/",
    ]
    async with served(answer) as peer:
        for name in names:
            conn = await peer.connect()
            await ask(conn, name)
            await refused(
                conn,
                said="a name that leads out of the folder is refused",
                did=f"asked for {name!r}",
            )
            conn.close()


@exercise.check(
    "follows no link out of it",
    points=2,
    deadline=15.0,
    misconception="dotdot-is-the-only-way-out",
    hints=[
        "No .. is in that name. Where does it lead nevertheless?",
        "os.path.normpath looks at letters only. os.path.realpath follows links too.",
        "Resolve both, os.path.realpath(folder) and the file's path, before you compare them.",
    ],
)
async def follows_no_link_out_of_it(answer, draw, variant):
    content = letters(draw, 30)
    answer.put(f"{FOLDER}/reports/note.txt", content)
    answer.put("secret.txt", b"the secret beside the folder")
    if os.name == "nt":  # it lets few users make links, so nothing can be said of them there
        return
    answer.link(f"{FOLDER}/out.txt", "../secret.txt")
    answer.link(f"{FOLDER}/up", "..")
    answer.link(f"{FOLDER}/latest.txt", "reports/note.txt")
    answer.link(f"{FOLDER}/newest", "reports")
    answer.link("site", FOLDER)
    answer.put(f"{FOLDER}-secret/secret.txt", b"the secret of the folder with the longer name")
    answer.link(f"{FOLDER}/beside.txt", f"../{FOLDER}-secret/secret.txt")
    answer.link(f"{FOLDER}/reports/deep.txt", "../../secret.txt")
    answer.link(f"{FOLDER}/second.txt", "out.txt")
    outside = ("out.txt", "up/secret.txt", "beside.txt", "reports/deep.txt", "second.txt")
    for folder in (FOLDER, "site"):
        async with served(answer, folder) as peer:
            conn = await peer.connect()
            for name in ("reports/note.txt", "latest.txt", "newest/note.txt"):
                await ask(conn, name)
                said = "what is inside is served, also where a link leads to it"
                with apart(*WHERE_IT_LEADS):
                    await gets(conn, content, said, did=f"served {folder}, and asked for {name}")
            for name in outside:
                conn.close()
                conn = await peer.connect()
                await ask(conn, name)
                said = "a link that leads out of the folder is not followed"
                await refused(conn, said, did=f"served {folder}, and asked for the link {name}")


@exercise.check(
    "a slow reader holds up nobody",
    points=2,
    deadline=20.0,
    misconception="send-is-instant",
    hints=[
        "One client asked for a large file and reads no more. Where does its thread stand?",
        "sendall waits for that client. Who else waits: for this thread, or for a lock it holds?",
        "A thread for each client, and no lock while you send.",
    ],
)
async def a_slow_reader_holds_up_nobody(answer, draw, variant):
    content = letters(draw, 1000)
    answer.put(f"{FOLDER}/large.bin", b"", size=LARGE)
    answer.put(f"{FOLDER}/small.txt", content)
    async with served(answer) as peer:
        with having(f"let {SILENT} clients connect and say nothing; another one asked"):
            said = "a file comes, though other clients say nothing"
            for _ in range(SILENT):
                await peer.connect(said=said)
            conn = await peer.connect(said=said)
            await ask(conn, "small.txt")
            with apart(*ONE_AFTER_THE_OTHER):
                await gets(conn, content, said)
        with having("let a client stop in the middle of a large file; another one asked"):
            for _ in range(draw.integer(2, 4)):
                said = "a file comes, though another client has stopped reading"
                await stopped_in(peer, "large.bin", LARGE, said)
                conn = await peer.connect()
                await ask(conn, "small.txt")
                await gets(conn, content, said)


@exercise.check(
    "two downloads of one file",
    points=2,
    deadline=30.0,
    misconception="the-gil-makes-it-safe",
    hints=[
        "One download stood still, the other went on. What do both use?",
        "An open file has one place where it reads, and a buffer one content.",
        "Open the file and read it in the function that sends it: each thread has its own.",
    ],
)
async def two_downloads_of_one_file(answer, draw, variant):
    first = draw.integer(1, 1000)
    content = array.array("I", range(first, first + (20 << 18))).tobytes()  # no piece comes twice
    answer.put(f"{FOLDER}/large.bin", content)
    size = len(content)
    async with served(answer) as peer:
        said = "each of two downloads of one file gets all of it"
        with having("stopped in one download, let another one of the file end, and read on"):
            slow, beginning = await stopped_in(peer, "large.bin", size, said)
            with apart(*ONE_AFTER_THE_OTHER):
                quick, quickly = await stopped_in(peer, "large.bin", size, said)
            for conn, start in ((quick, quickly), (slow, beginning)):
                rest = await conn.recv_exactly(size - len(start), said=said, timeout=2 * PATIENT)
                assert_that(
                    start + rest == content,
                    said=said,
                    expected="the bytes of the file",
                    got="other bytes",
                )


@exercise.check(
    "a file that is larger than memory",
    points=2,
    deadline=10.0,
    hints=[
        "The file has 4 GB. How much of it is in your program's memory at a time?",
        "The size is known without reading: os.fstat(file.fileno()).st_size.",
        "while piece := file.read(65536): connection.sendall(piece)",
    ],
)
async def a_file_that_is_larger_than_memory(answer, draw, variant):
    beginning = letters(draw, 1000)
    answer.put(f"{FOLDER}/huge.bin", beginning, size=HUGE)
    async with served(answer) as peer:
        said = "a file is sent in pieces, however large it is"
        _, start = await stopped_in(peer, "huge.bin", HUGE, said)
        wanted = beginning.ljust(len(start), b"\0")
        assert_bytes(start, wanted, said=said, did="asked for a file of 4 GB, and read 64 KB of it")


@exercise.check(
    "stops in the middle of a download",
    points=2,
    deadline=15.0,
    misconception="daemon-threads-clean-up",
    hints=[
        "stop is set. Which of your threads still run, and where do they stand?",
        "One waits in sendall, one in recv. shutdown of their connections wakes both.",
        "Remember thread and connection of each client; at the end shutdown, then join.",
    ],
)
async def stops_in_the_middle_of_a_download(answer, draw, variant):
    answer.put(f"{FOLDER}/large.bin", b"", size=LARGE)
    answer.put(f"{FOLDER}/small.txt", b"small")
    async with served(answer) as peer:
        with apart(*ONE_AFTER_THE_OTHER):
            said = "a client that reads gets its file, while another one stands still"
            await stopped_in(peer, "large.bin", LARGE, said)
            silent = await peer.connect()
            await ask(silent, "small.txt")
            await gets(silent, b"small", said)
        await peer.stop()
