"""Joins what each step is written as."""


def written(step):
    match step:
        case int():
            return f"[{step}]"
    return "." + step


def place(steps):
    return "".join(["$", *map(written, steps)])
