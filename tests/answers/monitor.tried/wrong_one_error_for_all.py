"""Raises OSError, which all three are.

refused by: raises what may pass, and returns what is an answer
misconception:
"""

PASSING = {"refused", "broken", "slow"}


def tried(report):
    if report["verdict"] in PASSING:
        raise OSError(report["why"])
    return {"status": report["status"], "headers": {}}
