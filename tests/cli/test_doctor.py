"""`labsupport doctor`: what it finds where something is missing, and that nothing ends it.

What is missing is made to be missing: a limit is lowered, a namespace has no loopback, a filter
hides Landlock, a folder of packages lacks one. Only a full disk and little memory are pretended.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from collections import namedtuple
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from labsupport.doctor import INSTRUCTORS, LOOKS, findings, machine, protection
from labsupport.doctor.finding import Finding
from tests.checking.conftest import best
from tests.cli.conftest import Run
from tests.cli.watched import environment
from tests.promises import course

ROOT = course.ROOT
STATES = ("ok", "less", "missing")
LOOK = """\
import json, sys
from dataclasses import asdict
from pathlib import Path
from labsupport.doctor import LOOKS
print(json.dumps(asdict(LOOKS[sys.argv[1]](Path(sys.argv[2])))))
"""
SECONDS = 100.0

pytestmark = pytest.mark.timeout(200)


def look(what: str, *, before: Sequence[str] = (), first: str = "", **variables: str) -> Finding:
    """Look at one thing in a process of its own; `first` runs in it ahead."""
    done = subprocess.run(
        [*before, sys.executable, "-c", f"{first}\n{LOOK}", what, str(ROOT)],
        cwd=ROOT,
        env=environment(PYTHONPATH=str(ROOT)) | variables,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
    )
    assert done.returncode == 0, done
    return Finding(**json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture
def unshare() -> Callable[..., list[str]]:
    """The beginning of a command that runs in namespaces of its own, as their superuser."""

    def words(*kinds: str) -> list[str]:
        begin = ["unshare", "--map-root-user", *kinds]
        if shutil.which("unshare") is None or subprocess.run([*begin, "true"]).returncode:
            pytest.skip("no namespaces are to be had here, or no command unshare")
        return begin

    return words


# ---- The command ----


def test_every_finding_is_a_line_and_the_last_one_sums_up(labsupport: Run) -> None:
    done = labsupport("doctor", cwd=ROOT)
    *lines, last = done.stdout.splitlines()
    assert [line[9:].partition(":")[0] for line in lines] == list(LOOKS)
    states = [line[:7].strip() for line in lines]
    assert set(states) <= {"ok", "less"}, lines
    assert (done.returncode, done.stderr) == (0, "")
    less = states.count("less")
    assert last == f"The course runs here{f', with less in {less}' if less else ''}."


def test_outside_of_a_course_it_says_so(labsupport: Run, tmp_path: Path) -> None:
    done = labsupport("doctor", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not inside a course folder" in done.stderr


def test_a_course_that_is_not_complete_cannot_run(tmp_path: Path) -> None:
    (tmp_path / "exercises").mkdir()
    shutil.copytree(ROOT / "labsupport", tmp_path / "labsupport")
    done = subprocess.run(
        [sys.executable, "-m", "labsupport.doctor"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 1
    said = done.stdout
    assert f"there is no {tmp_path / 'pyproject.toml'}" in said
    assert f"there is no {tmp_path / 'constraints.txt'}" in said
    assert "missing  Protection of answers: not tried. There is no exercise here." in said
    assert said.splitlines()[-1].startswith("The course does not run here: put right what is")


@pytest.mark.skipif(sys.platform == "win32", reason="makes symbolic links")
def test_missing_packages_are_lines_even_those_that_it_uses_itself(tmp_path: Path) -> None:
    absent = ("httpx", "psutil", "click", "rich", "jupyter_client")
    packages = tmp_path / "packages"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if re.split(r"[-.]", entry.name)[0] not in absent:
            (packages / entry.name).symlink_to(entry)
    done = subprocess.run(
        [sys.executable, "-S", "-m", "labsupport.doctor"],  # -S: no other folder of packages
        cwd=ROOT,
        env=environment(PYTHONPATH=os.pathsep.join([str(ROOT), str(packages)])),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (done.returncode, done.stderr) == (1, "")
    lines = {line[9:].partition(":")[0]: line for line in done.stdout.splitlines()}
    assert lines["Packages"].startswith("missing  Packages: missing: ")
    for name in absent:
        assert re.search(rf"\b{name.replace('_', '.')}\b", lines["Packages"]), name
    for what, name in (("Memory", "psutil"), ("Kernel of notebooks", "jupyter_client")):
        said = f"missing  {what}: not looked at (No module named '{name}')."
        assert lines[what].startswith(said)
    assert lines["Loopback"].startswith("ok ")


# ---- Python and packages ----


def test_a_python_that_is_too_old_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.99"\n')
    finding = LOOKS["Python"](tmp_path)
    assert finding.state == "missing"
    assert "asks for >=3.99" in finding.means
    assert LOOKS["Python"](ROOT).state == "ok"


def test_another_version_is_told_with_the_pinned_one(tmp_path: Path) -> None:
    fake = tmp_path / "httpx-0.99.0.dist-info"
    fake.mkdir()
    (fake / "METADATA").write_text("Metadata-Version: 2.1\nName: httpx\nVersion: 0.99.0\n")
    finding = look("Their versions", PYTHONPATH=os.pathsep.join([str(ROOT), str(tmp_path)]))
    assert finding.state == "less"
    assert re.search(r"httpx 0\.99\.0 \(pinned [\d.]+\)", finding.found)
    assert "httpx" not in look("Their versions").found


def test_a_kernel_of_another_python_is_told(tmp_path: Path) -> None:
    file = tmp_path / "kernels" / "python3" / "kernel.json"
    file.parent.mkdir(parents=True)
    other = str(tmp_path / "bin" / "python")
    spec = {"argv": [other, "-m", "ipykernel_launcher"], "display_name": "x", "language": "python"}
    file.write_text(json.dumps(spec))
    finding = look("Kernel of notebooks", JUPYTER_PATH=str(tmp_path))
    assert (finding.state, finding.found) == ("less", f"python3, with {other}")
    file.write_text(json.dumps(spec | {"argv": [sys.executable]}))
    assert look("Kernel of notebooks", JUPYTER_PATH=str(tmp_path)).state == "ok"


# ---- Protection ----


@pytest.mark.linux
@pytest.mark.parametrize("asked", [1, 2])
def test_the_level_is_the_one_at_which_the_engine_judges(asked: int) -> None:
    finding = look("Protection of answers", LABSUPPORT_LEVEL=str(asked))
    assert finding.found.startswith(f"level {best(asked)}, ")
    assert finding.state == "less"
    assert f"LABSUPPORT_LEVEL={asked} asks for no more" in finding.advice


@pytest.mark.linux
def test_where_namespaces_are_switched_off_the_setting_is_named(
    unshare: Callable[..., list[str]],
) -> None:
    switched_off = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    finding = look("Protection of answers", before=[*unshare(), "sh", "-c", switched_off, "sh"])
    assert finding.found.startswith(f"level {best(2)}, ")
    assert "Not to be had: root (" in finding.means
    assert "user.max_user_namespaces = 0 forbids user namespaces" in finding.advice
    assert "sudo sysctl user.max_user_namespaces=" in finding.advice


@pytest.mark.linux
def test_a_kernel_without_landlock_is_told() -> None:
    filtered = [sys.executable, "-m", "tests.checking.without_landlock"]
    done = subprocess.run(
        [*filtered, "-c", LOOK, "Protection of answers", str(ROOT)],
        cwd=ROOT,
        env=environment(PYTHONPATH=str(ROOT), LABSUPPORT_LEVEL="2"),
        stdout=subprocess.PIPE,
        timeout=SECONDS,
        check=True,
    )
    finding = Finding(**json.loads(done.stdout))
    assert finding.found == "level 1, limited"
    assert "Not to be had: fenced ([Errno 38] landlock: " in finding.means
    assert "a kernel from 5.13 on" in finding.advice


@pytest.mark.linux
@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "ubuntu.com/blog"),
        ("kernel/unprivileged_userns_clone", "0", "Debian's kernels"),
        ("user/max_user_namespaces", "0", "namespaces(7)"),
    ],
)
def test_the_setting_that_forbids_namespaces_is_named_with_its_source(
    tmp_path: Path, setting: str, value: str, said: str
) -> None:
    file = tmp_path / "sys" / setting
    file.parent.mkdir(parents=True)
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "status").write_text("Name:\tpython3\nSeccomp:\t0\n")
    name = setting.replace("/", ".")
    refused = ["userns ([Errno 1] unshare: Operation not permitted)"]
    file.write_text(f"{value}\n")
    advice = protection.more(refused, tmp_path)
    assert f"{name} = {value} forbids" in advice
    assert f"sudo sysctl {name}=" in advice
    assert said in advice
    file.write_text("15000\n" if name.startswith("user") else f"{1 - int(value)}\n")
    assert "must be permitted" in protection.more(refused, tmp_path)
    (tmp_path / "self" / "status").write_text("Name:\tpython3\nSeccomp:\t2\n")
    assert "--security-opt seccomp=unconfined" in protection.more(refused, tmp_path)


@pytest.mark.linux
def test_where_no_answer_can_be_judged_the_course_does_not_run() -> None:
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))"
    finding = look("Protection of answers", first=few)
    assert finding.state == "missing"
    assert finding.means.startswith("No answer can be checked. ")


# ---- Network ----

UP = """\
from labsupport.checking.jail import syscalls
syscalls.raise_loopback()
for name, value in {}.items():
    with open(f"/proc/sys/net/{{name}}", "w") as file:
        file.write(value)
"""


@pytest.mark.linux
def test_a_loopback_that_is_down_is_missing(unshare: Callable[..., list[str]]) -> None:
    finding = look("Loopback", before=unshare("--net"))
    assert finding.state == "missing"
    assert "ip link set lo up" in finding.advice
    assert look("Loopback", before=unshare("--net"), first=UP.format({})).state == "ok"


@pytest.mark.linux
def test_a_loopback_without_ipv6_is_told(unshare: Callable[..., list[str]]) -> None:
    off = UP.format({"ipv6/conf/lo/disable_ipv6": "1"})
    finding = look("IPv6", before=unshare("--net"), first=off)
    assert (finding.state, finding.found) == ("less", "::1 cannot be reached")
    assert "net.ipv6.conf.lo.disable_ipv6=0" in finding.advice


@pytest.mark.linux
def test_few_ports_are_told(unshare: Callable[..., list[str]]) -> None:
    few = UP.format({"ipv4/ip_local_port_range": "50000 50099"})
    finding = look("Ports for clients", before=unshare("--net"), first=few)
    assert (finding.state, finding.found) == ("less", "100 (50000 to 50099)")
    many = UP.format({"ipv4/ip_local_port_range": "32768 60999"})
    assert look("Ports for clients", before=unshare("--net"), first=many).state == "ok"


# ---- What a process may use ----


def limits(soft: int, hard: int) -> str:
    return f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize(
    ("hard", "fewer"), [(1024, ("Lesson 04", "Lesson 05b")), (4096, ("Lesson 05b",))]
)
def test_few_descriptors_are_told_with_the_lessons_that_need_them(
    hard: int, fewer: tuple[str, ...]
) -> None:
    finding = look("Descriptors of a process", first=limits(hard, hard))
    assert finding.found == f"soft limit {hard:,}, hard limit {hard:,}"
    assert tuple(re.findall(r"(Lesson \w+) (?:has|holds) fewer", finding.means)) == fewer
    assert finding.state == "less"
    assert "16384" in finding.advice


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_low_soft_limit_is_no_loss_where_it_can_be_raised() -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 11_000:
        pytest.skip(f"the hard limit is {hard} here")
    finding = look("Descriptors of a process", first=limits(256, hard))
    assert finding.state == "ok"
    assert finding.advice == "Elsewhere: ulimit -n 1100 before you start it."


def test_the_lessons_need_what_it_says() -> None:
    sources = {
        number: "\n".join(cell.source for cell in course.code(course.notebook(path)))
        for path in course.lessons()
        if (number := course.number(path)) in ("04", "05b")
    }
    most = max(map(int, re.findall(r"crowd\.join\(server\.address, (\d+)\)", sources["04"])))
    assert most == machine.BESIDE
    held = re.findall(r"idle\(\w+, (\d+), (\d+)\)", sources["05b"])
    assert max(int(groups) * int(each) for groups, each in held) == machine.HELD


def test_a_history_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    # A file in the folder's place refuses whoever writes, also root, as a read-only folder would.
    (tmp_path / "file").touch()
    finding = look("Learner's history", LABSUPPORT_STATE=str(tmp_path / "file"))
    assert finding.state == "less"
    assert finding.found.startswith(f"{tmp_path / 'file'} cannot be written to (")
    assert "LABSUPPORT_STATE" in finding.advice


def test_the_look_at_the_history_leaves_nothing(tmp_path: Path) -> None:
    finding = look("Learner's history", LABSUPPORT_STATE=str(tmp_path / "to" / "come"))
    assert finding.state == "ok"
    assert list(tmp_path.iterdir()) == []


def test_an_almost_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**10, 10**10, 5_000_000))
    finding = LOOKS["Disk"](ROOT)
    assert finding.state == "less"
    assert "0.0 GB free" in finding.found


def test_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = namedtuple("memory", "total available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(2_000_000_000, 300_000_000))
    finding = LOOKS["Memory"](ROOT)
    assert (finding.state, finding.found) == ("less", "0.3 GB free of 2.0 GB")


# ---- Programs ----


@pytest.mark.parametrize("name", ["curl", "make", "git", "Chromium"])
def test_a_program_that_is_not_there_is_optional(name: str, tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    finding = look(name, **nowhere)
    assert (finding.state, finding.found) == ("less", "not here")
    assert finding.means.endswith("All else goes without it.")
    assert "install" in finding.advice


def test_where_no_folder_for_temporary_files_is_to_be_had_it_says_so() -> None:
    first = """
        import tempfile
        def refused():
            raise FileNotFoundError("No usable temporary directory found")
        tempfile.gettempdir = refused
    """
    found = look("Disk", first=textwrap.dedent(first))
    assert found.state == "missing"
    assert "TMPDIR" in found.advice


def test_a_hubs_copy_for_a_user_is_no_broken_course(tmp_path: Path) -> None:
    (tmp_path / "exercises").mkdir()
    found = dict(findings(tmp_path))
    assert {found[what].state for what in ("Python", "Packages", "Their versions")} <= {
        "ok",
        "less",
    }
    assert not set(INSTRUCTORS) & set(found)
