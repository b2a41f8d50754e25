"""The hub is told to serve the course, and what it starts for a user does so."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager
from jupyter_lsp import LanguageServerManager
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.kernelmanager import MappingKernelManager
from jupyter_server_terminals.terminalmanager import TerminalManager
from jupyterlab.labapp import LabApp
from traitlets.config import Config

from labsupport.checking import InputError
from labsupport.classroom import hub, start
from labsupport.classroom.hub import configure
from tests.classroom.conftest import EXERCISE, LESSON, Place
from tests.notebooks.files import ROOT

FOLDER = ROOT / "labsupport" / "classroom"
CONFIG = FOLDER / "jupyterhub_config.py"
README = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def released(course: Place) -> Path:
    """The course without solutions."""
    del course["solutions/greet.ipynb"]
    (course.root / "solutions").rmdir()
    return course.root


def executed(path: Path) -> Config:
    """What a configuration file says, run as JupyterHub runs it."""
    config = Config()
    exec(compile(path.read_text("utf-8"), path, "exec"), {"get_config": lambda: config})
    return config


def test_the_configuration_serves_the_course_that_is_installed(
    released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "installed_course", lambda: released)
    config = executed(CONFIG)
    python, *rest = config.Spawner.cmd
    assert python == sys.executable
    assert rest[:3] == ["-P", "-m", "labsupport.classroom.start"]
    assert rest[3] == str(released.resolve())
    assert config.Spawner.notebook_dir == "~/network-programming-live"
    assert config.Spawner.default_url == f"/lab/tree/{LESSON}"


def test_as_it_stands_the_configuration_lets_in_a_group_and_listens_on_loopback(
    released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "installed_course", lambda: released)
    config = executed(CONFIG)
    assert config.JupyterHub.authenticator_class == "pam"
    assert config.LocalAuthenticator.allowed_groups == {"class"}
    assert "allow_all" not in config.Authenticator
    assert config.JupyterHub.bind_url.startswith("http://127.0.0.1:")


def test_a_course_with_solutions_is_not_served(course: Place) -> None:
    config = Config()
    with pytest.raises(InputError, match="labsupport release"):
        configure(config, course=course.root)
    assert config == {}


def test_the_installed_course_is_the_one_that_this_package_lies_in() -> None:
    assert hub.installed_course() == ROOT


def test_a_folder_that_is_no_course_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no course"):
        configure(Config(), course=tmp_path)


def test_what_is_idle_ends_after_the_minutes_that_were_said(released: Path) -> None:
    config = Config()
    configure(config, course=released, idle_minutes=5)
    ended = [each for each in config.Spawner.args if each.endswith("=300")]
    assert [each.partition(".")[0] for each in ended] == [
        "--MappingKernelManager",
        "--TerminalManager",
        "--ServerApp",
    ]


def test_the_servers_options_are_settings_that_jupyter_has(released: Path, tmp_path: Path) -> None:
    managers = (KernelManager, LanguageServerManager, MappingKernelManager, TerminalManager)
    known = {
        each.__name__: each.class_trait_names(config=True)
        for each in (ServerApp, LabApp, *managers)
    }
    config = Config()
    configure(config, course=released)
    options = start.command(tmp_path)[4:] + config.Spawner.args
    assert len(options) >= 9
    for option in options:
        name, _, trait = option.removeprefix("--").partition("=")[0].partition(".")
        assert trait in known[name], option


class Became(Exception):
    """The process has become another one."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user for whom `start` is called; the folder that the copy goes to."""

    def become(path: str, arguments: list[str]) -> None:
        raise Became(path, arguments)

    for name in ("PATH", "LABSUPPORT_STATE", "JUPYTER_PREFER_ENV_PATH", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("JUPYTER_PATH", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "execv", become)
    copy = tmp_path / "home" / "course"
    copy.parent.mkdir()
    monkeypatch.setenv("JUPYTERHUB_ROOT_DIR", str(copy))
    return copy


@pytest.mark.linux
def test_start_brings_the_copy_and_becomes_the_server(released: Path, started: Path) -> None:
    with pytest.raises(Became) as became:
        start.main([str(released), "--option=1"])
    path, arguments = became.value.args
    assert (path, arguments[:4]) == (
        sys.executable,
        [sys.executable, "-P", "-m", "jupyterhub.singleuser"],
    )
    assert arguments[-1] == "--option=1"
    assert (started / EXERCISE).is_file()
    assert os.environ["LABSUPPORT_STATE"] == str(started / ".labsupport")
    assert os.environ["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


@pytest.mark.linux
def test_kernels_are_reached_through_a_folder_of_the_users_alone(
    released: Path, started: Path, tmp_path: Path
) -> None:
    found = []
    for _ in range(2):
        with pytest.raises(Became):
            start.main([str(released)])
        found.append(Path(os.environ["JUPYTER_RUNTIME_DIR"]))
    assert found[0] == found[1]
    assert found[0].parent == tmp_path
    assert stat.S_IMODE(found[0].stat().st_mode) == 0o700


@pytest.mark.linux
@pytest.mark.parametrize("made", ["open to all", "a link"])
def test_a_folder_for_kernels_that_somebody_else_may_use_is_not_taken(
    released: Path, started: Path, tmp_path: Path, made: str
) -> None:
    with pytest.raises(Became):
        start.main([str(released)])
    usual = Path(os.environ["JUPYTER_RUNTIME_DIR"])
    if made == "a link":
        usual.rename(tmp_path / "elsewhere")
        usual.symlink_to(tmp_path / "elsewhere")
    else:
        usual.chmod(0o777)
    with pytest.raises(Became):
        start.main([str(released)])
    taken = Path(os.environ["JUPYTER_RUNTIME_DIR"])
    assert taken != usual
    assert stat.S_IMODE(taken.stat().st_mode) == 0o700


@pytest.mark.linux
def test_start_serves_what_is_there_when_it_cannot_be_updated(
    started: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    started.mkdir()
    with pytest.raises(Became):
        start.main([str(tmp_path / "nowhere")])
    assert "is no complete course" in capsys.readouterr().err


@pytest.mark.linux
def test_start_ends_with_a_message_when_there_is_nothing_to_serve(
    started: Path, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match="is no complete course"):
        start.main([str(tmp_path / "nowhere")])


@pytest.mark.linux
def test_a_bound_of_processes_holds_for_what_is_started() -> None:
    program = (
        "import resource, subprocess, sys\n"
        "from labsupport.classroom.start import bound_processes\n"
        "bound_processes(4000)\n"
        "show = 'import resource; print(resource.getrlimit(resource.RLIMIT_NPROC))'\n"
        "subprocess.run([sys.executable, '-c', show], check=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    soft, hard = map(int, re.findall(r"\d+", done.stdout))
    assert soft == hard <= 4000


def test_the_readme_names_modules_files_and_settings_that_are_there() -> None:
    config = CONFIG.read_text(encoding="utf-8")
    for name in ("mem_limit", "cpu_limit", "active_server_limit"):
        assert f"`{name}`" in README
        assert name in config
    assert f"labsupport/classroom/{CONFIG.name}" in README
    assert "-c course/constraints.txt -e course jupyterhub==" in README
    assert hub.configure.__kwdefaults__ == {
        "folder": "network-programming-live",
        "idle_minutes": 60,
        "processes": 4000,
    }
    assert "4,000" in README
    assert "after 60 minutes" in README
