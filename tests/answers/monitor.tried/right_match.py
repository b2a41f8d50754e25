"""Matches the verdict, and makes the error only then."""


def tried(report):
    match report:
        case {"verdict": "refused", "why": why}:
            raise ConnectionRefusedError(why)
        case {"verdict": "broken", "why": why}:
            raise ConnectionResetError(why)
        case {"verdict": "slow", "why": why}:
            raise TimeoutError(why)
        case {"status": status}:
            return {"status": status, "headers": {}}
