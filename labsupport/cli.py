"""The command `labsupport`."""

from __future__ import annotations

from pathlib import Path

import click

from labsupport.checking import Answer, InputError, check, find_course, find_exercise
from labsupport.checking.feedback import as_text


@click.group()
def main() -> None:
    """Network Programming, Live."""


@main.command("check")
@click.argument("slug")
@click.argument("file", required=False)
@click.option("--seed", type=int)
@click.option("--only")
def check_command(slug: str, file: str | None, seed: int | None, only: str | None) -> None:
    """Judge an answer."""
    try:
        root = find_course(Path.cwd(), *([Path(file).resolve().parent] if file else []))
        folder = find_exercise(root, slug)
        path = Path(file) if file else folder / f"{slug.partition('.')[0]}.ipynb"
        answer = Answer.from_path(path, slug)
        report = check(answer, folder, seed=seed, only=only)
    except InputError as error:
        click.echo(str(error), err=True)
        raise SystemExit(2) from None
    click.echo(as_text(report))
    raise SystemExit(0 if report.passed else 1)


if __name__ == "__main__":
    main()
