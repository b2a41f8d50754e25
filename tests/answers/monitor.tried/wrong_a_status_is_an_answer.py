"""Returns the status where there is one, of a response that broke off too.

refused by: raises what may pass, and returns what is an answer
misconception:
"""

PASSING = {
    "refused": ConnectionRefusedError,
    "broken": ConnectionResetError,
    "slow": TimeoutError,
}


def tried(report):
    if report["status"] is None and report["verdict"] in PASSING:
        raise PASSING[report["verdict"]](report["why"])
    return {"status": report["status"], "headers": {}}
