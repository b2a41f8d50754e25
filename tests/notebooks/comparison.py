"""When are two runs of a cell the same? By nbval's strict rules, so that both of our tools agree.

Outputs become, for each MIME type and field, the list of their texts in order; streams of one name
are joined; what `sanitize.cfg` names is replaced. Pictures, tracebacks, metadata and counts are not
compared. `test_comparison.py` holds this to what nbval itself decides.
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbval.plugin import (
    coalesce_streams,
    find_comment_markers,
    find_metadata_tags,
    get_sanitize_patterns,
)

SANITIZE = Path(__file__).with_name("sanitize.cfg")
PICTURES = ("image/png", "image/jpeg")
NOT_COMPARED = (
    "metadata",
    "traceback",
    "prompt_number",
    "output_type",
    "name",
    "execution_count",
    "application/vnd.jupyter.widget-view+json",
    *PICTURES,
)

Patterns = Sequence[tuple[str, str]]


def read_patterns(path: Path = SANITIZE) -> Patterns:
    """The pairs (regular expression, replacement) of a sanitising file, in its order."""
    return list(dict(get_sanitize_patterns(path.read_text(encoding="utf-8"))).items())


def compared(outputs: Sequence[NotebookNode], patterns: Patterns) -> dict[str, list[Any]]:
    """What strict nbval compares of a cell's outputs; equal for equal runs."""
    seen: dict[str, list[Any]] = defaultdict(list)
    for output in coalesce_streams(copy.deepcopy(list(outputs))):
        fields: dict[str, Any] = dict(output)
        if output.output_type == "stream":
            fields = {output.name: output.text}
        fields |= fields.pop("data", {})
        for key, value in fields.items():
            if key not in NOT_COMPARED:
                seen[key].append(sanitized(value, patterns))
    return dict(seen)


def sanitized(value: Any, patterns: Patterns) -> Any:
    """A text with what may differ replaced; anything else as it is."""
    if isinstance(value, str):
        for regex, replacement in patterns:
            value = re.sub(regex, replacement, value)
    return value


def is_compared(cell: NotebookNode) -> bool:
    """Whether nbval compares this cell's outputs at all (its tags and comments may say no)."""
    options = dict(find_metadata_tags(cell.metadata)) | dict(find_comment_markers(cell.source))
    return bool(options.get("check", True)) and not options.get("skip", False)


def shape(outputs: Sequence[NotebookNode]) -> list[tuple[str, ...]]:
    """The kinds of a cell's outputs: which streams, MIME types and errors there are, in order."""
    return [
        (output.output_type, output.get("name", ""), *sorted(output.get("data", {})))
        for output in coalesce_streams(copy.deepcopy(list(outputs)))
    ]
