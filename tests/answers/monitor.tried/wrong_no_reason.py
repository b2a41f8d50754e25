"""Raises errors without a text.

refused by: raises what may pass, and returns what is an answer
misconception:
"""

PASSING = {
    "refused": ConnectionRefusedError,
    "broken": ConnectionResetError,
    "slow": TimeoutError,
}


def tried(report):
    if report["verdict"] in PASSING:
        raise PASSING[report["verdict"]]
    return {"status": report["status"], "headers": {}}
