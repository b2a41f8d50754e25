"""Links inside the course lead somewhere, in JupyterLab and wherever the files are read.

A heading's anchor in a notebook is its text with `-` for each space, in its own case: JupyterLab
(and GitHub's view of a notebook) knows no other. In a Markdown file it is GitHub's lower-case form.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.notebooks.files import ROOT, as_text, read
from tests.promises import course
from tests.promises.course import code_cell, example, text_cell

LINK = re.compile(r"(?<!!)\[(?:[^\]\[]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
IMAGE = re.compile(r"!\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HTML_LINK = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)=[\"']([^\"']+)[\"']", re.IGNORECASE)
OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
VAGUE = re.compile(r"\[(?:here|this|link|click here)\]\(", re.IGNORECASE)


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_the_links_of_a_notebook_resolve(path: Path) -> None:
    text = "\n\n".join(cell.source for cell in course.prose(course.notebook(path)))
    assert broken_links(text, path) == []


@pytest.mark.parametrize("path", course.texts(), ids=course.short)
def test_the_links_of_a_text_resolve(path: Path) -> None:
    assert broken_links(path.read_text(encoding="utf-8"), path) == []


def broken_links(text: str, path: Path) -> list[str]:
    """Links of a notebook's prose or a Markdown file that lead nowhere, each with the reason."""
    plain = course.without_code(text)
    faults = [f"{found.group()}: say where the link leads" for found in VAGUE.finditer(plain)]
    for target in [*LINK.findall(plain), *IMAGE.findall(plain), *HTML_LINK.findall(plain)]:
        if target.startswith("http://"):
            faults.append(f"{target}: use https")
        elif not OUTSIDE.match(target):
            faults += broken(html.unescape(target), path, plain)
        elif not target.startswith(("https://", "mailto:")):
            faults.append(f"{target}: neither https nor a file of the course")
    return faults


def broken(target: str, path: Path, text: str) -> list[str]:
    """Why a relative link is broken; empty when it is not."""
    name, _, anchor = target.partition("#")
    place = (path.parent / unquote(name)).resolve() if name else path
    if name and not place.exists():
        return [f"{target}: there is no {course.short(place)}"]
    if name and not place.is_relative_to(path.parent) and not place.is_relative_to(ROOT):
        return [f"{target}: leads out of the course"]
    if anchor and place.suffix in (".ipynb", ".md"):
        known = anchors(place, text if not name else None)
        if unquote(anchor) not in known:
            return [f"{target}: no heading has this anchor; there are {', '.join(known)}"]
    return []


def anchors(path: Path, text: str | None = None) -> list[str]:
    """The anchors of the headings in a file (or in `text`, which is of the same kind)."""
    if text is None:
        if path.suffix == ".ipynb":
            text = "\n\n".join(cell.source for cell in course.prose(read(path)))
        else:
            text = path.read_text(encoding="utf-8")
    titles = re.findall(r"^#{1,6} +(.+?) *$", course.FENCED.sub("", text), re.MULTILINE)
    titles = [re.sub(r"[`*]|\]\([^)]*\)|\[", "", title) for title in titles]
    if path.suffix == ".ipynb":
        return [title.replace(" ", "-") for title in titles]
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    there = tmp_path / "there.ipynb"
    there.write_text(as_text(example(text_cell("# A title\n\n## Six questions"), code_cell(""))))
    here = tmp_path / "here.ipynb"
    good = [
        "[x](there.ipynb)",
        "[x](there.ipynb#Six-questions)",
        "## My part\n\n[x](#My-part)",
        "[x](https://example.com/a_(b))",
        "`[x](nowhere.ipynb)`",
    ]
    for text in good:
        assert broken_links(text, here) == [], text
    bad = [
        "[x](nowhere.ipynb)",
        "[x](there.ipynb#six-questions)",
        "## My part\n\n[x](#my-part)",
        "[x](http://example.com)",
        "[here](there.ipynb)",
        "![A ladder](nowhere.png)",
        '<a href="nowhere.md">x</a>',
        "[x](file:///etc/hosts)",
    ]
    for text in bad:
        assert len(broken_links(text, here)) == 1, text


def test_a_markdown_file_has_lower_case_anchors(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("# Two `plain` commands, now\n")
    assert anchors(file) == ["two-plain-commands-now"]
