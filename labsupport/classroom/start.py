"""What the hub starts for a user, in place of `jupyterhub-singleuser`.

    python -P -m labsupport.classroom.start COURSE [--processes N] [OPTION ...]

It has the user's rights and nothing more. It brings the user's copy of the course up to date
(copying), sets what limits a process can set for itself, and becomes the user's server, to which
the options go. The copy is the folder that the hub names in JUPYTERHUB_ROOT_DIR, and learners'
tries and votes lie in it. When the copy cannot be updated, on a full disk for example, the server
starts with what is there: somebody has to make room.

`-P`: a file `random.py` in a home folder shall not come before Python's own module.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from labsupport.checking import InputError
from labsupport.classroom.copying import bring
from labsupport.lab import course_options, prefer_own_kernel

__all__ = ["bound_processes", "command", "main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Become the user's server; it ends with a message if there is nothing to serve."""
    course, *options = sys.argv[1:] if arguments is None else arguments
    if options[:1] == ["--processes"]:
        bound_processes(int(options[1]))
        options = options[2:]
    copy = Path(os.environ["JUPYTERHUB_ROOT_DIR"]).expanduser()
    try:
        print(f"{copy}: {bring(Path(course), copy)}", file=sys.stderr, flush=True)
    except InputError as error:
        if not copy.is_dir():
            sys.exit(str(error))
        print(error, file=sys.stderr, flush=True)
    _set_environment(copy)
    os.execv(sys.executable, [*command(copy), *options])


def command(copy: Path) -> list[str]:
    """The command line of the server for a copy of the course."""
    server = [sys.executable, "-P", "-m", "jupyterhub.singleuser", *course_options(copy)]
    # Through ports, kernels of a whole class collide: Jupyter picks free ones some time before the
    # kernel binds them. And every user of the machine can connect to a port.
    server.append("--KernelManager.transport=ipc")
    if os.geteuid() == 0:
        server.append("--ServerApp.allow_root=True")
    return server


def bound_processes(most: int) -> None:
    """Let this user have so many processes and threads at once, all servers and kernels together.

    Linux counts them by user id, and exempts root (getrlimit(2), RLIMIT_NPROC). It holds only
    where every user of the class has a system account of their own.
    """
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (bound, bound))


def _set_environment(copy: Path) -> None:
    """For the server and all that it starts: terminals find `labsupport` beside this Python."""
    prefer_own_kernel()
    try:
        os.environ["JUPYTER_RUNTIME_DIR"] = str(_runtime(copy))
    except OSError as error:  # kernels will say so as well; what there is can still be opened
        print(f"There is no place for the sockets of kernels: {error}", file=sys.stderr, flush=True)
    os.environ["LABSUPPORT_STATE"] = str(copy / ".labsupport")
    beside = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])


def _runtime(copy: Path) -> Path:
    """A folder of this user's alone for the sockets of kernels: the same one at each start.

    Not in the home folder: the path of a socket has 107 bytes at most (unix(7)), and there may be
    no sockets on a network's file system.
    """
    digest = hashlib.sha256(os.fsencode(copy)).hexdigest()[:8]
    folder = Path(tempfile.gettempdir(), f"jupyter-{os.geteuid()}-{digest}")
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or found.st_mode & 0o077:
            return Path(tempfile.mkdtemp(prefix="jupyter-"))
    return folder


if __name__ == "__main__":
    main()
