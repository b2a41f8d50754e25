"""Looks through pairs of a verdict and what it means."""

MEANINGS = [
    ("slow", TimeoutError),
    ("refused", ConnectionRefusedError),
    ("broken", ConnectionResetError),
]


def tried(report):
    kinds = [kind for verdict, kind in MEANINGS if verdict == report["verdict"]]
    for kind in kinds:
        raise kind(report["why"])
    return dict(status=report["status"], headers=dict())
