"""Returns what a slow service has sent so far.

refused by: raises what may pass, and returns what is an answer
misconception:
"""

PASSING = {
    "refused": ConnectionRefusedError,
    "broken": ConnectionResetError,
}


def tried(report):
    if report["verdict"] in PASSING:
        raise PASSING[report["verdict"]](report["why"])
    return {"status": report["status"], "headers": {}}
