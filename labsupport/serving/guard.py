"""End a group of processes when the program that started it is gone. Run as a program.

The program holds the other end of this process's standard input. However it ends, also by
kill -9, the operating system closes that end, and the read below returns. Nothing has to be
announced, so nothing can be forgotten.

POSIX: the guard leads a process group that the served command joins. It asks the group to
terminate (SIGTERM), waits a moment, and kills it (SIGKILL), itself included.
Windows: groups cannot be killed, so the guard is told a process number on its standard input,
and ends that process with all its descendants by `taskkill`.

Only the standard library, no labsupport: it must start fast, and with `python -I -S`.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE = 0.5  # seconds between asking and killing


def main() -> None:
    """Wait for the end of standard input, then end the group."""
    if sys.platform != "win32":
        # A handler and not SIG_IGN: the guard must outlive the request that it sends itself.
        signal.signal(signal.SIGTERM, lambda *_: None)
        sys.stdin.buffer.read()
        if os.getpgrp() != os.getpid():
            sys.exit("the guard does not lead a process group: there is nothing it may end")
        os.killpg(0, signal.SIGTERM)
        threading.Event().wait(GRACE)
        os.killpg(0, signal.SIGKILL)
    else:
        for number in sys.stdin.buffer.read().split():
            subprocess.run(["taskkill", "/T", "/F", "/PID", number.decode()], check=False)


if __name__ == "__main__":
    main()
