"""A picture: a figure, the finding it shows, the same in words, and the data that was drawn.

In a notebook a picture shows itself as PNG, and below it the words ("What the picture shows"),
because JupyterLab gives a PNG output no alternative text. The words are free of ports and times, so
that two runs can be compared by them; the pixels are not compared.
"""

from __future__ import annotations

import io
import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from labsupport.pictures.style import sentence

__all__ = ["Picture"]


@dataclass(frozen=True, eq=False)
class Picture:
    """``finding`` is the title, ``alt`` says in words what is seen, ``data`` holds what was drawn.

    Raises ValueError when the finding or the alternative text is empty.
    """

    figure: Figure
    finding: str
    alt: str
    data: Mapping[str, Any]

    def __post_init__(self) -> None:
        sentence(self.finding)
        if not self.alt.strip():
            raise ValueError("a picture needs alternative text: what it shows, in words")

    def __repr__(self) -> str:
        return self.alt

    def png(self) -> bytes:
        """The picture as a PNG file with the title and the alternative text inside of it.

        128 colours are enough for flat areas and their soft edges, and make the file a third as
        large as full colour does; a notebook carries its pictures for ever.
        """
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        paper = Image.fromarray(pixels).convert("RGB")
        words = PngInfo()
        for name, text in (("Title", self.finding), ("Description", self.alt)):
            words.add_itxt(name, text)
        file = io.BytesIO()
        paper.quantize(128, dither=Image.Dither.NONE).save(
            file, "png", optimize=True, pnginfo=words, dpi=(self.figure.dpi, self.figure.dpi)
        )
        return file.getvalue()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the PNG to ``path`` and return it. Raises ValueError for another kind of file."""
        path = Path(path)
        if path.suffix.lower() != ".png":
            raise ValueError(f"a picture is saved as .png; the name given is {path.name!r}")
        path.write_bytes(self.png())
        return path

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(  # type: ignore[no-untyped-call]
            {"image/png": b64encode(self.png()).decode("ascii"), "text/plain": self.alt},
            metadata={"image/png": {"alt": self.alt}},
            raw=True,
        )
        words = (
            f"<details><summary>What the picture shows</summary><p>{escape(self.alt)}</p></details>"
        )
        display({"text/html": words}, raw=True)  # type: ignore[no-untyped-call]
