"""Answers that want to know what is not for them: files, checks, solutions, memory, other answers."""

from __future__ import annotations

import pytest

from tests.hostile.arena import Arena
from tests.hostile.attack import Attack

GIVES_A_FILE = """
await answer.call("f")
assert_bytes(answer.read("data", 1000) or b"", b"data", "data is in the file")
"""

SCAN = """
def scan(pid):
    with contextlib.suppress(OSError):
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        with open(f"/proc/{pid}/maps") as maps:
            for line in maps:
                begin, end = (int(each, 16) for each in line.split()[0].split("-"))
                with contextlib.suppress(OSError, OverflowError):
                    seize(os.pread(memory, min(end - begin, 2**26), begin))
"""

ATTACKS = [
    Attack("reads files of the user", "def f(): [read(path) for path in told['files']]"),
    Attack(
        "reads all files that it finds",
        """
        def f():
            for top, folders, names in os.walk("/"):
                folders[:] = [each for each in folders if each not in ("usr", "proc", "sys", "lib")]
                for name in names:
                    with contextlib.suppress(OSError):
                        path = os.path.join(top, name)
                        if os.stat(path).st_size < 10**5 and os.path.isfile(path): read(path)
        """,
        levels=(3, 4),
        deadline=20.0,
    ),
    Attack(
        "reads the environment",
        """
        def f():
            seize(repr(os.environ).encode())
            for path in glob.glob("/proc/*/environ"): read(path)
        """,
    ),
    Attack(
        "looks at all objects, modules and frames of its process",
        """
        def f():
            found = [repr(each)[:9999] for each in gc.get_objects()]
            found += [repr(vars(each)) for each in sys.modules.values()]
            found += [repr(frame.f_locals) for frame in sys._current_frames().values()]
            seize("".join(found).encode("utf-8", "replace"))
            if any("checking" in name for name in sys.modules): return WON
        """,
        deadline=5.0,
    ),
    Attack(
        "imports the checks",
        "def f(): import labsupport.checking; return WON",
    ),
    Attack("reads its own memory", "def f(): scan('self')", head=SCAN, deadline=10.0),
    Attack(
        "reads the memory of the judge",
        "def f(): [scan(pid) for pid in family()]",
        head=SCAN,
        deadline=20.0,
    ),
    Attack(
        "reads the memory of the judge by system calls",
        """
        def f():
            buffer = ctypes.create_string_buffer(16)
            for pid in family():  # the keeper's memory is laid out like this one
                local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 16)
                remote = (ctypes.c_size_t * 2)(id(os), 16)
                if libc.process_vm_readv(pid, local, 1, remote, 1, 0) >= 0: return WON
        """,
    ),
    Attack(
        "looks into other processes",
        """
        def f():
            mine = str(os.getpid())
            for part in ("environ", "mem", "fd/0", "root/etc/passwd", "cwd/.", "ns/user"):
                for path in glob.glob("/proc/[0-9]*/" + part):
                    if path.split("/")[2] != mine and won(os.open, path, os.O_RDONLY): return WON
        """,
    ),
    Attack(
        "looks at what it was given",
        """
        def f():
            for number in range(4, 4096):
                if won(os.fstat, number): return WON
            for number in range(4):
                with contextlib.suppress(OSError):
                    again = os.open(f"/proc/self/fd/{number}", os.O_RDONLY | os.O_NONBLOCK)
                    seize(os.read(again, 2**16))
        """,
    ),
    Attack(
        "goes up above the root",
        """
        def f():
            os.chdir("/")
            for _ in range(20): os.chdir("..")
            for path in told["files"]: read(path[1:])
        """,
    ),
    Attack(
        "reads the passwords of the system",
        """
        def f():
            for path in ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/root/.bashrc"):
                if won(os.open, path, os.O_RDONLY): return WON
        """,
    ),
    Attack(
        "reads devices",
        """
        def f():
            for path in ("/dev/mem", "/dev/port", "/proc/kcore", *glob.glob("/dev/[vsn][dv]*")):
                if won(os.open, path, os.O_RDONLY): return WON
            os.mknod("disk", 0o060600, os.stat("/").st_dev)
            os.open("disk", os.O_RDONLY)
            return WON
        """,
        levels=(2, 3, 4),
    ),
    Attack(
        "reads the kernel's messages and keys",
        """
        def f():
            buffer = ctypes.create_string_buffer(4096)
            if libc.klogctl(3, buffer, 4096) > 0: return WON
            if libc.syscall(250 if os.uname().machine == "x86_64" else 219, 0, -3, 1) > 0: return WON
        """,
    ),
    Attack(
        "asks for a file's handle, with which one opens it anywhere",
        """
        def f():
            handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
            mount = ctypes.c_int()
            if libc.name_to_handle_at(-100, b"/usr", handle, ctypes.byref(mount), 0) == 0: return WON
        """,
    ),
    *(
        Attack(
            f"has the check read {what}",
            f"path = told['files'][0]\ndef f():\n with contextlib.suppress(OSError): {make}\n",
            check=GIVES_A_FILE,
            verdicts=("failed",),
        )
        for what, make in {
            "a link to a file": "os.symlink(path, 'data')",
            "a file of the same content": "os.link(path, 'data')",
            "a link to itself": "os.symlink('data', 'data')",
            "its own environment": "os.symlink('/proc/self/environ', 'data')",
            "through a link to its descriptors": "os.symlink('/proc/self/fd/0', 'data')",
            "a pipe that nobody writes to": "os.mkfifo('data')",
            "a folder": "os.mkdir('data')",
            "a socket": "socket.socket(socket.AF_UNIX).bind('data')",
            "a device": "os.mknod('data', 0o020644, os.makedev(1, 5))",
            "a file without end": "open('data', 'wb').truncate(2**27)",
            "a file that nobody may read": "os.chmod(os.open('data', os.O_CREAT | os.O_WRONLY), 0)",
        }.items()
    ),
    *(
        Attack(
            f"stands in the way of a file of the check: {what}",
            f"{make}\ndef f(): seize(b'')\n",
            check="""
            answer.put("data", b"data")
            await answer.call("f")
            assert_equal(answer.read("data", 10), b"no", "data is in the file")
            """,
            # A full disk stays full, and the watch over the answer may look before the check does.
            verdicts=("failed", "killed") if what == "a full disk" else ("failed",),
        )
        for what, make in {
            "a link": "os.symlink(told['folders'][0] + '/written', 'data')",
            "a pipe": "os.mkfifo('data')",
            "a folder": "os.mkdir('data')",
            "a full disk": "file = open('full', 'wb', 0)\n"
            "with contextlib.suppress(OSError):\n for _ in range(1500): file.write(bytes(2**16))",
        }.items()
    ),
    *(
        Attack(
            f"stands in the way of a folder of the check: {what}",
            f"{make}\ndef f(): seize(b'')\n",
            check="""
            answer.put("public/deep/written", b"data")
            await answer.call("f")
            """,
            verdicts=("failed",),
        )
        for what, make in {
            "a link": "os.symlink(told['folders'][0], 'public')",
            "a link below": "os.mkdir('public')\nos.symlink(told['folders'][0], 'public/deep')",
            "a file": "open('public', 'w').close()",
        }.items()
    ),
    Attack(
        "asks a server of this machine",
        """
        def f():
            with socket.create_connection(("127.0.0.1", told["port"]), 1) as sock:
                seize(sock.recv(100))
        """,
    ),
    Attack(
        "asks the user's own service by a path",
        """
        def f():
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(told["sockets"][0])
                seize(sock.recv(100))
        """,
    ),
    Attack(
        "asks the user's own service by a name",
        """
        def f():
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(told["sockets"][1])
                seize(sock.recv(100))
        """,
    ),
    Attack(
        "looks for what others share",
        """
        def f():
            for folder in told["folders"]:
                for path in glob.glob(folder + "/*") + glob.glob(folder + "/labsupport-*/*/*"):
                    with contextlib.suppress(OSError):
                        if os.path.isfile(path) and os.stat(path).st_size < 10**5: read(path)
            for file in ("/proc/sysvipc/shm", "/proc/keys", "/proc/net/unix"): read(file)
        """,
        deadline=5.0,
    ),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_no_answer_reads_a_secret(attack: Attack, arena: Arena) -> None:
    assert arena.faults(attack) == []
