"""Answers that want out of where they are, and answers that leave something for those who come next."""

from __future__ import annotations

import pytest

from tests.hostile.arena import Arena
from tests.hostile.attack import Attack

CALLS = """
import platform
x86 = platform.machine() == "x86_64"
def refused(call, *arguments):
    ctypes.set_errno(0)
    return libc.syscall(ctypes.c_long(call), *arguments) == -1 and ctypes.get_errno() in (
        errno.EPERM, errno.ENOSYS)
"""

ESCAPES = [
    Attack(
        "makes the system calls that are refused",
        """
        from _host.jail import seccomp
        def f():
            calls = seccomp._ARCHITECTURES[platform.machine()][1]
            made = [name for name, number in calls.items() if not refused(number, -1, -1, -1, -1, -1)]
            return (WON, made) if made else None
        """,
        head=CALLS,
        levels=(2, 3, 4),
    ),
    Attack(
        "makes namespaces",
        """
        def f():
            for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000,
                         0x40000000, 0x80):
                if libc.unshare(flag) == 0: return WON
                pid = libc.syscall(ctypes.c_long(56 if x86 else 220), flag | 17, 0, 0, 0, 0)
                if pid == 0: os._exit(0)
                if pid > 0: return WON
            arguments = (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, 17, 0, 0, 0)
            pid = libc.syscall(ctypes.c_long(435), arguments, 64)
            if pid == 0: os._exit(0)
            if pid > 0: return WON
        """,
        head=CALLS,
        levels=(2, 3, 4),
    ),
    Attack(
        "joins namespaces",
        """
        def f():
            for path in glob.glob("/proc/[0-9]*/ns/*"):
                with contextlib.suppress(OSError):
                    if libc.setns(os.open(path, os.O_RDONLY), 0) == 0: return WON
        """,
        levels=(2, 3, 4),
    ),
    Attack(
        "makes the system calls of another architecture",
        r"""
        import mmap
        def f():
            if not x86: return None
            code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            code.write(b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3")  # getpid by int 0x80
            address = ctypes.addressof(ctypes.c_char.from_buffer(code))
            if ctypes.CFUNCTYPE(ctypes.c_int)(address)() == os.getpid(): return WON
        """,
        head=CALLS,
        levels=(2, 3, 4),
    ),
    Attack(
        "makes the system calls of x32",
        "def f(): return WON if libc.syscall(ctypes.c_long(0x40000027)) > 0 else None",
        head=CALLS,
        levels=(2, 3, 4),
    ),
    Attack(
        "opens sockets of odd families and raw ones",
        """
        def f():
            for family in set(range(1, 46)) - {1, 2, 10, 16}:
                for kind in (1, 2, 3, 5):
                    if won(socket.socket, family, kind): return WON, family
            for family in (2, 10):
                if won(socket.socket, family, socket.SOCK_RAW, 1): return WON
        """,
        levels=(2, 3, 4),
    ),
    Attack(
        "changes its network",
        """
        def f():
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
                link = struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0) + struct.pack("=HH4s", 8, 3, b"new")
                link += struct.pack("=HHHH6s2x", 16, 18, 12, 1, b"dummy")
                sock.send(struct.pack("=IHHII", 16 + len(link), 16, 0x605, 1, 0) + link)
                if struct.unpack_from("=i", sock.recv(4096), 16)[0] == 0: return WON
            import fcntl
            with socket.socket() as sock:
                if won(fcntl.ioctl, sock, 0x8914, struct.pack("16sh22x", b"lo", 0)): return WON
        """,
        levels=(2, 3, 4),
    ),
    Attack(
        "becomes somebody else",
        """
        def f():
            for change in (os.setuid, os.setgid, os.setfsuid if hasattr(os, "setfsuid") else os.setuid):
                for number in (0, 1, 33, 65534):
                    if number not in (os.getuid(), os.getgid()) and won(change, number): return WON
            if won(os.setgroups, [0]): return WON
            for bits in (struct.pack("6I", 0, 0, 1, 0, 0, 0), b"\\xff" * 24):
                if libc.capset(struct.pack("Ii", 0x20080522, 0), bits) == 0 and bits[:4] != b"\\0" * 4:
                    return WON
        """,
        levels=(2, 3, 4),
    ),
    Attack(
        "raises its limits",
        """
        def f():
            for number in range(16):
                soft, hard = resource.getrlimit(number)
                if hard == -1: continue
                with contextlib.suppress(OSError, ValueError):
                    resource.setrlimit(number, (hard + 1, hard + 1))
                    return WON, number
        """,
        levels=(2, 3, 4),
    ),
    Attack(
        "changes what is everybody's in proc and sys",
        """
        def f():
            for path in ("sys/kernel/core_pattern", "sys/kernel/hostname", "sys/kernel/pid_max",
                         "sys/vm/overcommit_memory", "sys/vm/drop_caches", "sys/fs/file-max",
                         "sys/net/ipv4/ip_local_port_range", "sys/net/core/somaxconn",
                         "sys/user/max_user_namespaces", "sysrq-trigger", "irq/0/smp_affinity",
                         "1/oom_score_adj", "self/oom_score_adj", "self/uid_map", "1/mem"):
                if won(os.open, "/proc/" + path, os.O_WRONLY): return WON, path
            for path in glob.glob("/sys/kernel/*") + glob.glob("/sys/fs/cgroup/*"):
                if os.path.isfile(path) and won(os.open, path, os.O_WRONLY): return WON, path
        """,
        levels=(2, 3, 4),
    ),
    Attack(
        "sets the clock",
        """
        def f():
            if won(time.clock_settime, time.CLOCK_REALTIME, time.time()): return WON
            import sys
            offset = ctypes.create_string_buffer(struct.pack("I", 1) + bytes(252))  # ADJ_OFFSET
            if libc.adjtimex(offset) >= 0: return WON
        """,
        levels=(2, 3, 4),
    ),
    Attack(
        "types into the user's terminal",
        """
        import fcntl
        def f():
            for path in ["/dev/tty", "/dev/console", *glob.glob("/dev/pts/[0-9]*")]:
                with contextlib.suppress(OSError):
                    if won(fcntl.ioctl, os.open(path, os.O_RDWR | os.O_NOCTTY), 0x5412, b"\\n"): return WON
        """,
        levels=(2, 3, 4),
    ),
    Attack(
        "filters the calls of its own threads and traces them",
        """
        def f():
            program = struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000)
            kept = ctypes.create_string_buffer(program)
            head = struct.pack("@HP", 1, ctypes.addressof(kept))
            libc.prctl(22, 2, head, 0, 0)
            if libc.ptrace(0, 0, 0, 0) == 0: return WON
            libc.prctl(59, 1, 0, 0, 0)
            return 41
        """,
        levels=(2, 3, 4),
    ),
    Attack(
        "writes into its interpreter and its libraries",
        """
        import json, site
        def f():
            for path in (sys.executable, "/proc/self/exe", json.__file__, "/bin/sh", "/etc/hosts"):
                if won(os.open, path, os.O_WRONLY): return WON, path
            for folder in (*site.getsitepackages(), os.path.dirname(json.__file__), "/usr/lib", "/etc"):
                if won(os.open, folder, os.O_TMPFILE | os.O_WRONLY): return WON, folder
        """,
    ),
    Attack(
        "mounts, moves its root and makes devices",
        """
        def f():
            for call in (lambda: libc.mount(b"none", b"/home", b"tmpfs", 0, None),
                         lambda: libc.mount(b"/", b"/home", None, 4096, None),
                         lambda: libc.mount(None, b"/", None, 32 | 4096, None),
                         lambda: libc.umount2(b"/proc", 2),
                         lambda: libc.chroot(b"."),
                         lambda: libc.syscall(155, b".", b".")):
                if call() == 0: return WON
            if won(os.mknod, "device", 0o060600, os.makedev(8, 0)): return WON
        """,
        levels=(2, 3, 4),
    ),
]

REMAINS = [
    Attack(
        "leaves files wherever it can",
        """
        def f():
            for folder in [*told["folders"], "/", "/etc", "/usr/lib", os.getcwd(), "/home", "/run"]:
                with contextlib.suppress(OSError): open(f"{folder}/{told['mark']}", "w").close()
        """,
    ),
    Attack(
        "leaves modules that others would import",
        """
        import site
        def f():
            for name in ("json", "labsupport", "sitecustomize", "checks"):
                open(name + ".py", "w").write("raise SystemExit")
            import builtins
            builtins.open = builtins.__import__ = None
            for name in list(sys.modules): sys.modules[name] = None
        """,
    ),
    Attack(
        "replaces its own folder",
        """
        def f():
            here = os.getcwd()
            os.rename(here, here + "-gone")
            os.symlink("/", here)
        """,
    ),
    Attack("removes its own folder", "def f(): os.rmdir(os.getcwd())"),
    Attack(
        "locks files that others use",
        """
        import fcntl, json
        def f():
            kept = [os.open(path, os.O_RDONLY) for path in (json.__file__, sys.executable)]
            for each in kept: fcntl.flock(each, fcntl.LOCK_EX | fcntl.LOCK_NB)
            time.sleep(9)
        """,
        deadline=0.5,
    ),
    Attack(
        "leaves a server behind, and one that takes the check's connections",
        """
        def f():
            if os.fork() == 0:
                own_session()
                if os.fork(): os._exit(0)
                kept = [socket.create_server(("127.0.0.1", 0)) for _ in range(20)]
                while True: time.sleep(1)
            os.wait()
            return 41
        """,
    ),
    Attack(
        "changes what its process hands on",
        """
        def f():
            os.umask(0o777)
            os.environ.clear()
            os.environ["PYTHONSTARTUP"] = os.environ["LD_PRELOAD"] = "/home/answer/x"
            os.nice(19)
            sys.path[:] = ["/nowhere"]
            sys.setswitchinterval(1000)
            host.module = host.objects = None
        """,
    ),
]

ATTACKS = ESCAPES + REMAINS


@pytest.mark.parametrize("attack", ESCAPES, ids=str)
def test_no_answer_gets_out(attack: Attack, arena: Arena) -> None:
    assert arena.faults(attack) == []


@pytest.mark.parametrize("attack", REMAINS, ids=str)
def test_no_answer_leaves_anything_behind(attack: Attack, arena: Arena) -> None:
    assert arena.faults(attack) == []
