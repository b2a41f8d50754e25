"""Takes a name that nobody knows for a connection that was refused.

refused by: raises what may pass, and returns what is an answer
misconception: any-failure-may-be-retried
"""

PASSING = {
    "refused": ConnectionRefusedError,
    "broken": ConnectionResetError,
    "slow": TimeoutError,
    "unknown-name": ConnectionRefusedError,
}


def tried(report):
    if report["verdict"] in PASSING:
        raise PASSING[report["verdict"]](report["why"])
    return {"status": report["status"], "headers": {}}
