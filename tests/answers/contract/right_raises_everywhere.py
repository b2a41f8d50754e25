"""Raises at each problem, and joins what the parts of a whole have raised."""

import json
from decimal import Decimal


class ContractError(ValueError):
    def __init__(self, *problems):
        super().__init__("\n".join(f"{path}: {what}" for path, what in problems))
        self.problems = problems


class NotJSON(Exception):
    pass


def no_constant(name):
    raise NotJSON


def unique(pairs):
    members = {}
    for name, value in pairs:
        if name in members:
            raise NotJSON
        members[name] = value
    return members


def text(path, value):
    match value:
        case str():
            return value
    raise ContractError((path, "no text"))


def flag(path, value):
    if value is True or value is False:
        return value
    raise ContractError((path, "neither true nor false"))


def count(path, value):
    if isinstance(value, int) and not isinstance(value, bool) and value in range(2**53):
        return value
    raise ContractError((path, "no count"))


def number(path, value):
    if not isinstance(value, (int, Decimal)) or isinstance(value, bool):
        raise ContractError((path, "no number"))
    try:
        found = float(value)
    except OverflowError:
        found = float("inf")
    if abs(found) == float("inf"):
        raise ContractError((path, "too large"))
    return found


def items(each, path, value):
    if not isinstance(value, list):
        raise ContractError((path, "no list"))
    return gathered(list, ((n, each, f"{path}[{n}]", item) for n, item in enumerate(value)))


def members(schema, path, value):
    if not isinstance(value, dict):
        raise ContractError((path, "no object"))

    def parts():
        for key, kind in schema.items():
            name, may_be_missing, _ = key.partition("?")
            if name in value or not may_be_missing:
                yield name, kind, f"{path}.{name}", value.get(name, members)

    return gathered(dict, parts())


def gathered(make, parts):
    found, problems = {}, []
    for key, schema, path, value in parts:
        try:
            if value is members:
                raise ContractError((path, "missing"))
            found[key] = checked(schema, path, value)
        except ContractError as error:
            problems += error.problems
    if problems:
        raise ContractError(*problems)
    return found if make is dict else list(found.values())


def checked(schema, path, value):
    match schema:
        case [each]:
            return items(each, path, value)
        case dict():
            return members(schema, path, value)
    return {"text": text, "flag": flag, "count": count, "number": number}[schema](path, value)


def read(schema, body):
    try:
        document = str(body, "utf-8")
        value = json.loads(
            document, parse_constant=no_constant, object_pairs_hook=unique, parse_float=Decimal
        )
    except (NotJSON, UnicodeError, RecursionError, ValueError):
        raise ContractError(("$", "this is no JSON")) from None
    return checked(schema, "$", value)
