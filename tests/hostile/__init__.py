"""A catalogue of hostile answers, and what must hold whatever they do.

The trust model:

1.  Trusted: the caller's user, this package, the checks, the interpreter and the kernel.
2.  Not trusted: the answer, hence its process, its children, and each byte that comes from them:
    messages, output, files, connections, exit codes. The host around it is its own to patch.
3.  A verdict is made by the judge from what it saw itself. What the answer says of itself (its
    result, its exception, where it waits) can only make its own verdict worse.
4.  Safe at levels 3 and 4: the user's files, environment, processes and network; the checks, the
    solutions, other answers; and the judge, which bounds the time and memory that it spends.
5.  At level 2 the network, /dev/shm and the room on the disk are the user's own. At level 1
    everything is: an answer may do whatever its user may, and a superuser's answer anything.
6.  Always: a wrong answer does not pass, each run ends, no process is left, and the next answer is
    judged as if nothing had been before (but where level 1 lets an answer kill its judge).
7.  "Inconclusive" is no pass. An answer can make the machine too busy to be judged, for three tries.
8.  Resources are bounded by what is read from outside: processor time is only bounded by deadlines,
    and a fork bomb slows the machine down until it is seen, within a tenth of a second. Not read, and
    bounded by the number of descriptors alone: what waits in sockets that the kernel lists no more
    (TCP's after a reset, UDP's without an address), and what UDP was told to keep back.
9.  Not defended: holes in the kernel, side channels, and what a learner does with their own notebook.
10. An answer that is not wrong passes, however it came to be right.

Each attack is an entry in one of the files here, with its answer; `arena` says what is to be stolen
and what survival is. Below stands what is not survived: the list is exact, in both directions.
"""

from __future__ import annotations

import os
import sysconfig

__all__ = ["not_survived"]

SHARED = {
    "asks a server of this machine",
    "asks the user's own service by a path",
    "fills the memory that processes share",
    "leaves files wherever it can",
    "makes files without end",
    "writes files of any size into its disk",
}
"""At levels 1 and 2."""

UNPROTECTED = {
    "asks for a file's handle, with which one opens it anywhere",
    "asks the user's own service by a name",
    "goes up above the root",
    "has the check read a file of the same content",
    "imports the checks",
    "keeps memory in files without a name",
    "looks into other processes",
    "reads files of the user",
    "reads the environment",
    "reads the kernel's messages and keys",
    "sends SIGINT to whoever is around it",
    "sends SIGKILL to whoever is around it",
}
"""At level 1."""

SUPERUSER = {
    "reads the memory of the judge",
    "reads the memory of the judge by system calls",
    "reads the passwords of the system",
}
"""At level 1, for the superuser."""

OWN_PACKAGES = {"writes into its interpreter and its libraries"}
"""At level 1, where the user may write into the packages."""


def not_survived(level: int) -> set[str]:
    """The names of the attacks that succeed at this level, for this user."""
    if level > 2:
        return set()
    if level == 2:
        return SHARED
    found = SHARED | UNPROTECTED
    if os.geteuid() == 0:
        found |= SUPERUSER
    if os.access(sysconfig.get_path("purelib"), os.W_OK):
        found |= OWN_PACKAGES
    return found
