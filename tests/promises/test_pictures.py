"""A picture can be read without seeing it: alternative text, and the same text below the picture.

JupyterLab gives a PNG output no alt attribute, so a `<details>` block has to follow in the cell.
"""

from __future__ import annotations

import base64
import re
from html import escape
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.notebooks.files import ROOT, node
from tests.promises import course
from tests.promises.course import code_cell, example

LARGEST = 150_000  # bytes of one PNG
MARKDOWN_IMAGE = re.compile(r"!\[([^\]]*)\]\(")
HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_a_picture_comes_with_its_text(path: Path) -> None:
    assert silent_outputs(course.notebook(path)) == []


def silent_outputs(notebook: NotebookNode) -> list[str]:
    """Picture outputs without alternative text, without the block that shows it, or too large."""
    faults = []
    for cell in course.code(notebook):
        shown = "".join(
            output.data["text/html"]
            for output in cell.outputs
            if "text/html" in output.get("data", {})
        )
        for output in cell.outputs:
            for kind, content in output.get("data", {}).items():
                if not kind.startswith("image/"):
                    continue
                alt = output.get("metadata", {}).get(kind, {}).get("alt", "")
                if not alt.strip():
                    faults.append(f"cell {cell.id!r}: a picture without alternative text")
                elif "<details>" not in shown or escape(alt) not in shown:
                    faults.append(
                        f"cell {cell.id!r}: no <details> below shows the alternative text"
                    )
                if kind == "image/png" and len(base64.b64decode(content)) > LARGEST:
                    faults.append(f"cell {cell.id!r}: the picture is larger than {LARGEST:,} bytes")
    return faults


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_a_picture_in_the_text_has_alternative_text(path: Path) -> None:
    silent = [
        f"cell {cell.id!r}: {image}"
        for cell in course.prose(course.notebook(path))
        for image in silent_images(cell.source)
    ]
    assert silent == []


def test_the_readme_s_pictures_have_alternative_text() -> None:
    assert silent_images((ROOT / "README.md").read_text(encoding="utf-8")) == []


def silent_images(text: str) -> list[str]:
    """Images of Markdown and HTML that say nothing to those who cannot see them."""
    text = course.without_code(text)
    silent = [found.group() for found in MARKDOWN_IMAGE.finditer(text) if not found[1].strip()]
    return silent + [
        tag for tag in HTML_IMAGE.findall(text) if not re.search(r"\balt=([\"'])\s*\S.*?\1", tag)
    ]


def picture(alt: str, size: int = 30) -> NotebookNode:
    png = base64.b64encode(bytes(size)).decode()
    return node(
        {
            "output_type": "display_data",
            "data": {"image/png": png, "text/plain": alt},
            "metadata": {"image/png": {"alt": alt}} if alt else {},
        }
    )


def words(text: str) -> NotebookNode:
    data = {"text/html": text}
    return node({"output_type": "display_data", "data": data, "metadata": {}})


def test_a_silent_picture_is_found() -> None:
    details = words("<details><summary>What it shows</summary><p>Two &lt; ten</p></details>")
    good = [picture("Two < ten"), details]
    assert silent_outputs(example(code_cell("x", outputs=good))) == []
    for outputs in ([picture(""), details], [picture("Two < ten")], [picture("Else"), details]):
        assert silent_outputs(example(code_cell("x", outputs=outputs)))
    large = [picture("Two < ten", LARGEST + 1), details]
    assert "larger" in "".join(silent_outputs(example(code_cell("x", outputs=large))))


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("![](a.png)", 1),
        ("![ ](a.png)", 1),
        ("![A ladder](a.png)", 0),
        ('<img src="a.png">', 1),
        ('<img src="a.png" alt="">', 1),
        ('<img src="a.png" alt="A ladder">', 0),
        ("`![](a.png)`", 0),
    ],
)
def test_a_silent_image_in_text_is_found(text: str, faults: int) -> None:
    assert len(silent_images(text)) == faults
