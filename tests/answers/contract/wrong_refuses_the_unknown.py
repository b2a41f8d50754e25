"""Refuses members that nobody asked for.

refused by: what the schema names is read,
  what is missing is named
misconception:
"""

import json
import math


class ContractError(ValueError):
    """The body is not what the schema says: a line for each problem, with its path."""


def read(schema, body):
    try:
        data = json.loads(body.decode(), parse_constant=refused, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise ContractError(f"$: no JSON ({type(error).__name__})") from None
    problems = []
    value = fitted(schema, data, "$", problems)
    if problems:
        raise ContractError("\n".join(problems))
    return value


def refused(name):
    raise ValueError(f"{name} is no JSON")


def once(pairs):
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name is there twice")
    return members


def fitted(schema, data, path, problems):
    if isinstance(schema, dict) and isinstance(data, dict):
        return fitted_object(schema, data, path, problems)
    if isinstance(schema, list) and isinstance(data, list):
        each = schema[0]
        return [fitted(each, item, f"{path}[{n}]", problems) for n, item in enumerate(data)]
    if schema == "text" and isinstance(data, str):
        return data
    if schema == "flag" and isinstance(data, bool):
        return data
    if schema == "count" and type(data) is int and 0 <= data < 2**53:
        return data
    if schema == "number" and type(data) in (int, float) and is_finite(data):
        return float(data)
    wanted = {dict: "an object", list: "a list"}.get(type(schema), schema)
    problems.append(f"{path}: {wanted} is needed, not this {type(data).__name__}")


def fitted_object(schema, data, path, problems):
    value = {}
    for name in data.keys() - {key.removesuffix("?") for key in schema}:
        problems.append(f"{path}.{name}: unknown")
    for key, kind in schema.items():
        name = key.removesuffix("?")
        if name in data:
            value[name] = fitted(kind, data[name], f"{path}.{name}", problems)
        elif name == key:
            problems.append(f"{path}.{name}: missing")
    return value


def is_finite(number):
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
