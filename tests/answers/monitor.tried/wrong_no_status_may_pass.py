"""Raises wherever there is no status.

refused by: raises what may pass, and returns what is an answer
misconception: any-failure-may-be-retried
"""

PASSING = {
    "refused": ConnectionRefusedError,
    "broken": ConnectionResetError,
    "slow": TimeoutError,
}


def tried(report):
    if report["verdict"] in PASSING:
        raise PASSING[report["verdict"]](report["why"])
    if report["status"] is None:
        raise ConnectionResetError(report["why"])
    return {"status": report["status"], "headers": {}}
