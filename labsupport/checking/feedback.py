"""A report as text."""

from __future__ import annotations

from collections.abc import Mapping

from labsupport.checking.report import Report

__all__ = ["as_text"]


def as_text(report: Report, hints: Mapping[str, int] | None = None) -> str:
    """Minimal form."""
    lines = [f"{report.slug}: {report.title}"]
    for r in report.results:
        lines.append(f"{r.verdict:12} {r.earned} of {r.points}  {r.name}")
    lines.append(f"{report.earned} of {report.total} points")
    if report.problem:
        lines.append(report.problem)
    for r in report.results:
        if not r.passed and not report.problem:
            lines += [
                "",
                f"{r.name}: {r.verdict}",
                r.said,
                r.did,
                r.comparison or f"expected {r.expected}\ncame {r.got}",
                *r.notes,
                r.traceback,
                r.ladder,
                r.output,
                r.misconception,
                r.truth,
            ]
    return "\n".join(lines)
