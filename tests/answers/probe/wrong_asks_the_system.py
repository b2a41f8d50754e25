"""Looks into this system's table of sockets and connects to nothing.

refused by: a quiet listener is open, reaches IPv6 as well, comes once and says goodbye,
  closes what it opened
misconception: peer-does-not-notice
"""

import time
from pathlib import Path


def probe(host, port, deadline):
    if host not in ("127.0.0.1", "::1"):
        raise OSError("not this machine")
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, queues, *_ = line.split()
            if state == "0A" and int(local.partition(":")[2], 16) == port:
                if int(queues.partition(":")[2], 16) == 0:
                    return "open"
                time.sleep(deadline)
                return "silent"
    return "closed"
