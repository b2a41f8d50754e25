"""Variants: the constants of a protocol, drawn for each student, and the task told with them.

An exercise declares its constants, for each the values that it may take, and the phrases of its
task that depend on them. `drawn` makes the constants of a student from a secret of the course and
the student's id, so that they are the same wherever they are asked for and nobody else can tell
them. `retold` puts the phrases of other constants in the place of those of the task's own.

A copy of the course for one student has them in variant.toml beside checks.py, a line for each
constant. The secret is the instructor's, in solutions/variants.toml:

    secret = "..."

Source: RFC 2104 (HMAC).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labsupport.checking.errors import EngineError, InputError

__all__ = ["FILE", "SECRET", "chosen", "drawn", "own_constants", "read_secret", "retold", "written"]

FILE = "variant.toml"
SECRET = Path("solutions", "variants.toml")

Values = Mapping[str, Sequence[Any]]


def drawn(slug: str, variants: Values, secret: str, student: str) -> dict[str, Any]:
    """The constants of a student in an exercise: of each its value, by name.

    slug: of the exercise, without a step. variants: the values that each constant may take.
    """
    constants = {}
    for name, values in variants.items():
        text = "\0".join((slug, name, student)).encode("utf-8", "surrogatepass")
        digest = hmac.digest(secret.encode(), text, hashlib.sha256)
        constants[name] = values[int.from_bytes(digest[:8], "big") % len(values)]
    return constants


def chosen(default: Mapping[str, Any], variants: Values, own: Mapping[str, Any]) -> dict[str, Any]:
    """All constants of an exercise, where those of `own` take the place of the task's.

    Raises ValueError when there is no such constant, or when it may not have such a value.
    """
    for name, value in own.items():
        if name not in variants:
            raise ValueError(
                f"there is no constant {name!r}; there are: {', '.join(variants) or 'none'}"
            )
        if not any(type(value) is type(each) and value == each for each in variants[name]):
            may = ", ".join(map(repr, variants[name]))
            raise ValueError(f"{name} may not be {value!r}; it may be {may}")
    return {**default, **own}


def retold(text: str, default: Sequence[str], other: Sequence[str]) -> str:
    """A text that tells of the task's own constants, as it reads for others.

    default, other: the phrases of both, pair by pair. All are replaced at once, so that two letters
    can change places, and where several fit the longest is. A phrase is found as whole words: 1024
    is not in 10240. Raises ValueError when one phrase has two others to become.
    """
    pairs = dict(zip(default, other, strict=True))
    if any(pairs[phrase] != new for phrase, new in zip(default, other, strict=True)):
        raise ValueError(f"a phrase is told in two ways: {sorted(default)}")
    if not pairs:
        return text
    longest = sorted(pairs, key=len, reverse=True)
    return re.sub("|".join(map(_words, longest)), lambda found: pairs[found[0]], text)


def _words(phrase: str) -> str:
    """A pattern that finds a phrase where it begins and ends with whole words."""
    before = r"(?<!\w)" if re.match(r"\w", phrase) else ""
    behind = r"(?!\w)" if re.search(r"\w\Z", phrase) else ""
    return before + re.escape(phrase) + behind


def own_constants(folder: Path) -> dict[str, Any] | None:
    """The constants of this copy of an exercise; None where it has the task's own.

    Raises EngineError when its file cannot be read.
    """
    path = folder / FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EngineError(f"{path} cannot be read: {error}") from error


def written(constants: Mapping[str, Any]) -> str:
    """Constants, each a str or an int, as TOML."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in constants.items())


def read_secret(root: Path) -> str | None:
    """What the constants of all students are drawn from; None where all have the task's own.

    root: of the instructor's course. Raises InputError when the file has no secret in it.
    """
    path = root / SECRET
    try:
        secret = tomllib.loads(path.read_text(encoding="utf-8")).get("secret")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(secret, str) or not secret:
        raise InputError(
            f'{path} has no secret, a line such as secret = "...". Without the one from which the '
            "class's constants were drawn its answers cannot be graded: put it back."
        )
    return secret
