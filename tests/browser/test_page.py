"""What is broken on a page is found: shown on a broken notebook, and on what a page could say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import LabPage, Ran, opened_lab
from tests.notebooks.examples import cell, write


@pytest.mark.browser
@pytest.mark.timeout(200)
@pytest.mark.usefixtures("chromium")
def test_what_is_broken_on_the_page_is_found(tmp_path: Path) -> None:
    (tmp_path / "exercises").mkdir()
    broken_picture = '<img src="nowhere.png" alt="a ladder">'
    write(
        tmp_path / "broken.ipynb",
        cell("1 / 0", name="expected", tags=("raises-exception",)),
        cell(f"from IPython.display import HTML; HTML('{broken_picture}')", name="pictured"),
        cell("print('so far'); open('nowhere')", name="raises"),
        cell("x = 1", name="after", count=None),
    )
    with opened_lab(tmp_path) as page:
        ran = page.run("broken.ipynb")
        heard = page.heard()
        shots = page.shoot(tmp_path / "shots", "broken")
    said = "\n".join(ran.complaints())
    assert "cell 2 (raises) raised FileNotFoundError" in said
    assert "it shows:\nso far\n" in said
    assert "open('nowhere')" in said
    assert "cell 3 (after) did not run" in said
    assert "the picture 'a ladder' is not visible" in said
    assert "expected" not in said
    assert any("404" in line for line in heard)
    assert [shot.name for shot in shots] == ["broken-01.png"]
    assert shots[0].stat().st_size > 1000


def ran(**changed: Any) -> Ran:
    seen = {"index": 1, "id": "x", "source": "%check greet", "tags": [], "count": 1, "errors": []}
    seen |= {"stderr": "", "outputs": 1, "text": "2 of 4 checks passed", "visible": 1}
    return Ran("x.ipynb", 1.0, [seen | changed], [])


def test_outputs_and_feedback_have_to_be_visible() -> None:
    assert ran().complaints() == []
    assert "none of them can be seen" in ran(visible=0).complaints()[0]
    assert "without visible feedback" in ran(text=" ").complaints()[0]


def test_a_request_that_leaves_the_machine_is_heard() -> None:
    page = LabPage(page=None)  # type: ignore[arg-type]
    served = "http://127.0.0.1:8888/lab?token=x"
    for url in ("http://127.0.0.1:8888/api", "ws://127.0.0.1:8888/api/kernels", "data:image/png,"):
        page.watch(served, url)
    assert page.heard() == []
    page.watch(served, "https://cdn.example.com/mathjax.js")
    assert page.heard() == ["a request left this machine: https://cdn.example.com/mathjax.js"]
    assert page.heard() == []
