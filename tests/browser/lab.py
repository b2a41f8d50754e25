"""A private JupyterLab and a headless Chromium that runs notebooks in it.

`serving_lab` starts the server as `make lab` does, with configuration, runtime, settings and
history folders of its own, so that nothing of this machine's Jupyter shows or changes.
`LabPage` opens one notebook after the other on one browser page (about 1.5 s each; a page load
each would cost 5 s). After Run All it queues an empty request behind the cells and waits for it:
a cell that raises ends JupyterLab's own promise early while later cells still run.

Notebooks are never saved: autosave is off, and checkpoints go to the temporary folder.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from labsupport.doctor.programs import find_chromium
from tests.notebooks.files import ROOT
from tests.notebooks.kernels import environment

START_SECONDS = 60.0
RUN_SECONDS = 360.0
WIDTH, HEIGHT = 1200, 1500  # of the window, CSS pixels: a slice that can be read as it is
OVERLAP = 60  # pixels that two slices share, so that no line is cut twice

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-extensions",
    "--no-proxy-server",
]

# What `make lab` starts, for another folder if need be.
START = """
import pathlib, sys
from labsupport import lab
lab.ROOT = pathlib.Path(sys.argv[1])
lab.main(sys.argv[2:])
"""

SETTINGS: dict[str, dict[str, Any]] = {
    "docmanager-extension/plugin": {"autosave": False},
    # Cells outside of the window are otherwise not in the page: no pictures to measure or to shoot.
    "notebook-extension/tracker": {"windowingMode": "none"},
}

OPEN = """async path => {
  const app = window.jupyterapp;
  const panel = await app.commands.execute('docmanager:open', {path, factory: 'Notebook'});
  await panel.context.ready; await panel.sessionContext.ready;
  app.shell.activateById(panel.id);
}"""

RUN = """async seconds => {
  const app = window.jupyterapp, panel = app.shell.currentWidget;
  const late = new Promise((_, reject) => setTimeout(
    () => reject(new Error(`Run All took longer than ${seconds} s`)), 1000 * seconds));
  const run = async () => {
    await app.commands.execute('notebook:run-all-cells');
    const kernel = panel.sessionContext.session.kernel;
    await kernel.requestExecute({code: '', silent: true, store_history: false}).done;
  };
  await Promise.race([run(), late]);
  const pictures = [...panel.node.querySelectorAll('.jp-OutputArea img, .jp-RenderedMarkdown img')];
  const loaded = picture => picture.complete || new Promise(
    done => ['load', 'error'].forEach(each => picture.addEventListener(each, done)));
  await Promise.race([Promise.all(pictures.map(loaded)), late]);
  const shown = (node, selector) => [...node.querySelectorAll(selector)]
    .filter(found => found.getBoundingClientRect().height > 0).length;
  return {
    pictures: pictures.map(picture => ({
      alt: picture.alt, source: picture.src.slice(0, 80),
      width: picture.naturalWidth, height: picture.getBoundingClientRect().height})),
    cells: panel.content.widgets.map((cell, index) => ({cell, index}))
      .filter(({cell}) => cell.model.type === 'code')
      .map(({cell, index}) => {
        const model = cell.model.toJSON();
        return {
          index, id: model.id, source: [].concat(model.source).join(''),
          tags: model.metadata.tags || [], count: model.execution_count,
          errors: model.outputs.filter(o => o.output_type === 'error')
            .map(o => `${o.ename}: ${o.evalue}`),
          stderr: model.outputs.filter(o => o.name === 'stderr')
            .map(o => [].concat(o.text).join('')).join(''),
          outputs: model.outputs.length,
          text: cell.outputArea ? cell.outputArea.node.innerText : '',
          visible: cell.outputArea ? shown(cell.outputArea.node, '.jp-OutputArea-output') : 0};
      })};
}"""

TIDY = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  await app.commands.execute('application:set-mode', {mode: 'single-document'});
  app.shell.collapseLeft();
}"""

CLOSE = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.sessionContext.shutdown(); panel.context.model.dirty = false; panel.dispose();
}"""

SCROLL = """top => {
  const outer = window.jupyterapp.shell.currentWidget.node.querySelector('.jp-WindowedPanel-outer');
  outer.scrollTop = top;
  // JupyterLab lets one scroll past the end; the last cell's lower edge is where there is no more.
  const last = [...outer.querySelectorAll('.jp-Cell')].at(-1).getBoundingClientRect().bottom;
  const whole = outer.scrollTop + last - outer.getBoundingClientRect().top;
  return {top: outer.scrollTop, shown: outer.clientHeight, whole};
}"""


HOW_TO_INSTALL = (
    "Install it with the system's package manager (Debian, Ubuntu: apt install chromium) "
    "or with: python -m playwright install chromium"
)


class LabError(Exception):
    """JupyterLab did not come up; the message carries the end of its log."""


@dataclass(frozen=True)
class Ran:
    """What the page showed after Run All; `cells` and `pictures` are as the page reported them."""

    notebook: str
    seconds: float
    cells: list[dict[str, Any]]
    pictures: list[dict[str, Any]]

    def complaints(self) -> list[str]:
        """What a learner would see as broken, one sentence each; empty when all is well."""
        found = []
        for cell in self.cells:
            where = f"cell {cell['index']} ({cell['id']})"
            if cell["source"].strip() and cell["count"] is None:
                found.append(f"{where} did not run")
            if cell["errors"] and "raises-exception" not in cell["tags"]:
                shown = cell["text"].strip()[-2000:]
                found.append(f"{where} raised {'; '.join(cell['errors'])}; it shows:\n{shown}")
            if cell["outputs"] and not cell["visible"]:
                found.append(f"{where} has outputs but none of them can be seen")
            if cell["source"].lstrip().startswith("%check") and not cell["text"].strip():
                found.append(f"{where} is a %check without visible feedback")
        for picture in self.pictures:
            if not picture["width"] or not picture["height"]:
                found.append(f"the picture {picture['alt'] or picture['source']!r} is not visible")
        return found


@contextlib.contextmanager
def serving_lab(root: Path) -> Iterator[str]:
    """Serve the folder `root` with a JupyterLab of its own; yields its address with the token.

    Raises LabError when the server ends or does not answer within 60 seconds.
    """
    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        for plugin, values in SETTINGS.items():
            file = home / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values), encoding="utf-8")
        variables = {
            **environment(home),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        }
        command = [
            *(sys.executable, "-c", START, str(root), "--no-browser"),
            f"--FileCheckpoints.checkpoint_dir={home / 'checkpoints'}",
            "--LabApp.expose_app_in_browser=True",
        ]
        log = home / "lab.log"
        with log.open("w", encoding="utf-8") as output:
            server = subprocess.Popen(
                command,
                cwd=ROOT,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield _address(server, home / "runtime", log)
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _address(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    said = f"JupyterLab did not answer within {START_SECONDS:.0f} s"
    while time.monotonic() < deadline:
        if server.poll() is not None:
            said = f"JupyterLab ended with exit code {server.returncode}"
            break
        for file in runtime.glob("jpserver-*.json"):
            with contextlib.suppress(OSError, ValueError):  # half written, or not listening yet
                told = json.loads(file.read_text(encoding="utf-8"))
                address = f"{told['url']}api?token={told['token']}"
                with urllib.request.urlopen(address, timeout=1):
                    return f"{told['url']}lab?token={told['token']}&reset"
        time.sleep(0.05)
    end = log.read_text(encoding="utf-8", errors="replace")[-4000:]
    raise LabError(f"{said}. Its log ends:\n{end}")


@dataclass
class LabPage:
    """One browser page with JupyterLab on it; use `opened_lab` to get one."""

    page: Page
    console: list[str] = field(default_factory=list)  # error lines of the browser's console
    outside: list[str] = field(default_factory=list)  # requests that left this machine

    def hear(self, kind: str, text: str) -> None:
        if kind == "error":
            self.console.append(text)

    def watch(self, address: str, url: str) -> None:
        inside = address.split("/lab?")[0].split(":", 1)[1]  # //127.0.0.1:port, for http and ws
        if not url.startswith(("data:", "blob:")) and url.split(":", 1)[1][: len(inside)] != inside:
            self.outside.append(url)

    def run(self, notebook: str) -> Ran:
        """Open a notebook (path below the served folder), Run All, and say what can be seen."""
        began = time.monotonic()
        self.page.evaluate(OPEN, notebook)
        self.page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")
        seen = self.page.evaluate(RUN, RUN_SECONDS)
        return Ran(notebook, time.monotonic() - began, seen["cells"], seen["pictures"])

    def shoot(self, folder: Path, stem: str) -> list[Path]:
        """Photograph the open notebook from top to bottom: stem-01.png, stem-02.png, ..."""
        folder.mkdir(parents=True, exist_ok=True)
        panel = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
        for old in folder.glob(f"{stem}-[0-9][0-9].png"):
            old.unlink()
        shots: list[Path] = []
        top = 0
        while True:
            at = self.page.evaluate(SCROLL, top)
            shots.append(folder / f"{stem}-{len(shots) + 1:02}.png")
            panel.screenshot(path=shots[-1])
            if at["top"] + at["shown"] >= at["whole"] - 1:
                return shots
            top = at["top"] + at["shown"] - OVERLAP

    def heard(self) -> list[str]:
        """What the browser complained about since the last call, one line each."""
        lines = [f"the browser's console says: {text}" for text in self.console]
        lines += [f"a request left this machine: {url}" for url in self.outside]
        self.console.clear()
        self.outside.clear()
        return lines

    def close(self) -> None:
        """Shut the open notebook's kernel down and close its tab without saving."""
        self.page.evaluate(CLOSE)


@contextlib.contextmanager
def opened_lab(root: Path) -> Iterator[LabPage]:
    """Serve `root`, open JupyterLab in a headless Chromium, and yield the page.

    Raises LabError when there is no Chromium, or JupyterLab does not answer.
    """
    with serving_lab(root) as address, opened_page() as page:
        lab = LabPage(page)
        page.on(
            "console",
            lambda said: lab.hear(said.type, f"{said.text} [{said.location.get('url', '')}]"),
        )
        page.on("request", lambda request: lab.watch(address, request.url))
        page.goto(address, wait_until="commit")
        page.wait_for_function("window.jupyterapp", timeout=START_SECONDS * 1000)
        page.evaluate(TIDY)
        yield lab


@contextlib.contextmanager
def opened_page() -> Iterator[Page]:
    """A blank page of a headless Chromium. Raises LabError when there is none."""
    chromium = find_chromium()
    if chromium is None:
        raise LabError(f"There is no Chromium on this machine. {HOW_TO_INSTALL}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        try:
            yield browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        finally:
            browser.close()
