"""Takes what is unhealthy for a connection that broke.

refused by: raises what may pass, and returns what is an answer
misconception: any-failure-may-be-retried
"""

PASSING = {
    "refused": ConnectionRefusedError,
    "broken": ConnectionResetError,
    "slow": TimeoutError,
    "unhealthy": ConnectionResetError,
}


def tried(report):
    if report["verdict"] in PASSING:
        raise PASSING[report["verdict"]](report["why"])
    return {"status": report["status"], "headers": {}}
