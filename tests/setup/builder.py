"""The build backend of the tiny course that the set-up tests install: standard library only.

It makes an editable wheel (PEP 660) from a few lines of text, so that an installation needs no
network. When BUILDER_GATE names a port of 127.0.0.1, it connects there first and waits until the
connection ends: a test then holds an installation in its middle for as long as it likes.
"""

from __future__ import annotations

import os
import socket
import zipfile
from pathlib import Path


def wheel(
    folder: str, name: str, files: dict[str, str], requires: list[str], version: str = "1.0"
) -> str:
    """Write a wheel of these files into `folder`; return its file name."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {needed}\n" for needed in requires)
    metadata += "Provides-Extra: test\n"
    files = {
        **files,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    file_name = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder, file_name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return file_name


def wait_at_gate() -> None:
    """Tell the test that an installation is in its middle, and wait for its leave to go on."""
    port = os.environ.get("BUILDER_GATE")
    if port:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as gate:
            gate.recv(1)


def build_editable(
    wheel_directory: str,
    config_settings: object = None,
    metadata_directory: str | None = None,
) -> str:
    """PEP 660: a wheel that puts the project's folder on the path."""
    wait_at_gate()
    files = {"labsupport-course.pth": f"{Path.cwd()}\n"}
    requires = ["toy", 'toytest; extra == "test"']
    return wheel(wheel_directory, "labsupport", files, requires)


def build_wheel(
    wheel_directory: str,
    config_settings: object = None,
    metadata_directory: str | None = None,
) -> str:
    """PEP 517 asks for it; nobody calls it."""
    raise NotImplementedError
