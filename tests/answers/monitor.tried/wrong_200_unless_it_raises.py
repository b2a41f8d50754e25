"""Returns 200 for all that is an answer.

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
        raise PASSING[report["verdict"]](report["why"])
    return {"status": 200, "headers": {}}
