"""Twins: local services with the surface of those public ones that examples are written for.

    with serve(twins.echo()) as server:                      # after httpbin.org
        httpx.get(f"http://127.0.0.1:{server.port}/get")
    with serve(twins.resources(), tls=context) as server:    # after jsonplaceholder.typicode.com
        httpx.get(f"https://127.0.0.1:{server.port}/posts/1", verify=trusting)

`BadDay` has services of another kind: those that a monitor watches, and what becomes of them.

So an example that anybody knows has a target without the internet, and without asking anything of a
stranger's machine. They are written anew, from what those services document; `echo` and `resources`
say which parts they have, and where they differ.
"""

from __future__ import annotations

from .badday import BadDay
from .echo import echo
from .resources import resources

__all__ = ["BadDay", "echo", "resources"]
