"""`import labsupport` is cheap, and its names are there when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import labsupport


def test_the_import_loads_nothing_heavy() -> None:
    program = "import sys, labsupport; print(*sys.modules)"
    seen = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    loaded = {name.partition(".")[0] for name in seen.stdout.split()}
    assert not loaded & {"matplotlib", "asyncio", "ssl", "tornado", "psutil", "IPython", "numpy"}


@pytest.mark.parametrize("name", labsupport.__all__)
def test_every_public_name_can_be_used(name: str) -> None:
    assert getattr(labsupport, name) is not None
    assert name in dir(labsupport)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_this"):
        labsupport.nothing_like_this  # noqa: B018
