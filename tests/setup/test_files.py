"""The files that install and present the course agree with each other."""

from __future__ import annotations

import ast
import itertools
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests import everything

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENVIRONMENT: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))

SYSTEMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def pins() -> dict[str, str]:
    """constraints.txt: a version for each name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    pairs = [line.split("==") for line in pinned]
    names = [canonicalize_name(name) for name, _ in pairs]
    assert len(set(names)) == len(names), "a name is pinned twice"
    return dict(zip(names, (version for _, version in pairs), strict=True))


def declared() -> list[Requirement]:
    """All that pyproject.toml lists: to run, to test, to build.

    Where an extra names the project itself, with another extra, that lists what is needed.
    """
    listed = [
        *PROJECT["dependencies"],
        *itertools.chain(*PROJECT["optional-dependencies"].values()),
        *PYPROJECT["build-system"]["requires"],
    ]
    requirements = map(Requirement, listed)
    return [each for each in requirements if each.name != PROJECT["name"]]


def applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Whether some system and Python that the course is meant for needs this."""
    if requirement.marker is None:
        return True
    return any(
        requirement.marker.evaluate({**system, "python_version": python, "extra": extra})
        for system in SYSTEMS
        for python in PYTHONS
        for extra in ("", *extras)
    )


def needed() -> Iterator[str]:
    """Names of all packages that some installation pulls in, found by what is installed here."""
    waiting = declared()
    seen = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        yield name
        try:
            further = distribution(requirement.name).requires or []
        except PackageNotFoundError:
            continue  # for another system: what it needs in turn is seen there
        parsed = (Requirement(text) for text in further)
        waiting.extend(each for each in parsed if applies(each, requirement.extras))


def test_every_package_that_is_pulled_in_is_pinned_and_nothing_else_is() -> None:
    assert set(pins()) == set(needed())


def test_pins_are_versions_and_name_no_place() -> None:
    for name, version in pins().items():
        assert re.fullmatch(r"[a-z0-9-]+", name), name
        assert Version(version).is_prerelease is False, name
    assert "://" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")


def test_every_pin_accepts_every_python_that_the_project_accepts() -> None:
    # A version that asks for 3.11.5 locks out Debian 12, whose Python is 3.11.2.
    for name in pins():
        try:
            accepted = SpecifierSet(distribution(name).metadata.get("Requires-Python") or "")
        except PackageNotFoundError:
            continue  # for another system
        assert all(accepted.contains(f"{python}.0") for python in PYTHONS), f"{name}{accepted}"


def test_pins_satisfy_what_pyproject_asks_for() -> None:
    pinned = pins()
    for requirement in declared():
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)])


def test_no_dependency_is_listed_twice() -> None:
    names = [canonicalize_name(requirement.name) for requirement in declared()]
    assert sorted(names) == sorted(set(names))


def test_conda_gives_python_and_pip_and_the_project_itself_gives_the_rest() -> None:
    names = [item for item in ENVIRONMENT["dependencies"] if isinstance(item, str)]
    assert [re.split(r"[=<>]", name)[0] for name in names] == ["python", "pip"]
    assert ENVIRONMENT["dependencies"][-1] == {"pip": ["-c constraints.txt", "-e .[test]"]}


def test_condas_python_is_one_that_the_project_accepts() -> None:
    (version,) = re.findall(r"python=(\S+)", str(ENVIRONMENT["dependencies"][0]))
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(version)


def test_the_oldest_python_is_the_same_everywhere() -> None:
    oldest = PROJECT["requires-python"].removeprefix(">=")
    from labsupport import bootstrap

    assert ".".join(map(str, bootstrap.OLDEST)) == oldest
    assert PYPROJECT["tool"]["mypy"]["python_version"] == oldest
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"Python {oldest} or newer" in README
    assert f"py -{oldest} labsupport\\bootstrap.py lab" in README


def test_the_version_is_said_once_more_in_the_package() -> None:
    import labsupport

    assert labsupport.__version__ == PROJECT["version"]


def test_the_readmes_commands_are_the_makefiles_and_the_bootstraps() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in ("lab", "test", "outputs"):
        assert f"make {command}" in README
        assert f"\t@$(PYTHON) labsupport/bootstrap.py {command} $(ARGS)\n" in makefile
    for command in ("lab", "test"):
        assert f"labsupport\\bootstrap.py {command}" in README
    assert ENVIRONMENT["name"] in README


def test_ci_runs_make_test_and_nothing_else() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.splitlines()[-1] == 'make test ARGS=--all PYTHON="$python"'
    assert "pytest" not in script
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_make_test_leaves_out_what_is_slow_and_nothing_else() -> None:
    *lint, (_, quick) = everything.steps(slow=False)
    *same, (_, whole) = everything.steps(slow=True)
    assert lint == same
    assert quick == (*whole, "-m", "not slow")


def test_the_first_screen_says_what_for_whom_how_long_and_how_to_begin() -> None:
    first = "\n".join(README.splitlines()[:28])
    assert README.startswith("# Network Programming, Live\n")
    for said in ("**For**", "**Takes**", "**Is not**", "make lab", "make test", "!["):
        assert said in first
    assert README.count("![") == 1


@pytest.mark.parametrize(
    "path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: str(path.stem)
)
def test_the_readme_lists_each_lesson_with_its_title_and_its_minutes(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    title = text.splitlines()[0].removeprefix("# ")
    table = text.partition("## Time\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| *(.+?) *\| *(\d+) *\|$", table, re.MULTILINE)
    minutes = sum(int(number) for part, number in rows if not part.startswith("Exercise"))
    row = f"| {path.stem.partition('_')[0]} | [{title}](notebooks/{path.name}) | {minutes} |"
    assert row in README


def exercises() -> Iterator[tuple[str, int, str]]:
    """Slug, minutes and kind of each exercise, as its checks.py says; steps are left out."""
    for path in sorted((ROOT / "exercises").glob("*/checks.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Exercise":
                slug = ast.literal_eval(node.args[0])
                said = {
                    item.arg: ast.literal_eval(item.value)
                    for item in node.keywords
                    if item.arg in ("minutes", "kind")
                }
                if "." not in slug:
                    yield slug, said["minutes"], said["kind"]


@pytest.mark.parametrize(("slug", "minutes", "kind"), list(exercises()))
def test_the_readme_lists_each_exercise_with_its_minutes(
    slug: str, minutes: int, kind: str
) -> None:
    stretch = r", \*stretch\*" if kind == "stretch" else ""
    assert re.search(rf"\[{slug}\]\([^)]+/{slug}\.ipynb\) \({minutes}{stretch}\)", README)


def test_both_licences_are_named_where_people_look() -> None:
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert "CC-BY-4.0" in (ROOT / "LICENSE-lessons").read_text(encoding="utf-8")
    assert "[MIT](LICENSE)" in README
    assert "[CC BY 4.0](LICENSE-lessons)" in README
    assert PROJECT["license"] == "MIT AND CC-BY-4.0"
