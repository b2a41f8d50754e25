"""An answer as a row of tokens that says what it does, and not how it is written down.

Left out are comments, docstrings, layout, imports and annotations. A name that the answer chose is
the token NAME, a literal is its kind, pieces of text in a row are one. What Python or a library
calls something stays: keywords, builtins, and attributes that the answer does not define.

What Python can split into tokens but not parse is compared as well: its own attributes and its
annotations stay as they are.
"""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

from labsupport.checking.parsing import parsed, reading

__all__ = ["Token", "UnreadableError", "lines_of", "tokens"]

NAME, NUMBER, TEXT, BYTES = "NAME", "0", '""', 'b""'

_BUILTINS = frozenset(dir(builtins))
# From Python 3.12 on an f-string is several tokens, between these two.
_F_BEGINS = getattr(tokenize, "FSTRING_START", -1)
_F_ENDS = getattr(tokenize, "FSTRING_END", -1)

Place = tuple[int, int]  # line, from 1, and column, from 0


class UnreadableError(Exception):
    """A source that has no tokens; says why."""


class Token(NamedTuple):
    """line: where it begins, from 1."""

    text: str
    line: int


def lines_of(source: str) -> list[str]:
    """The lines as Python counts them."""
    return _with_line_feeds(source).split("\n")


def tokens(source: str) -> list[Token]:
    """The tokens of a source. Raises UnreadableError."""
    source = _with_line_feeds(source)
    try:
        with reading():
            found = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError) as error:
        raise UnreadableError(str(error.args[0] if error.args else error)) from None
    tree = parsed(source)
    nodes = list(ast.walk(tree)) if tree else []
    own, spans = _own_names(nodes), _annotations(nodes, source)
    made: list[Token] = []
    for statement in _statements(found):
        if statement[0].string not in ("import", "from"):
            _normalise(statement, own, spans, made)
    return made


def _with_line_feeds(source: str) -> str:
    return source.replace("\r\n", "\n").replace("\r", "\n")


def _statements(found: list[tokenize.TokenInfo]) -> Iterator[list[tokenize.TokenInfo]]:
    """The tokens line by line, as Python means it; none for a line of text alone."""
    line: list[tokenize.TokenInfo] = []
    for token in found:
        if token.type == tokenize.NEWLINE:
            if line and any(each.type != tokenize.STRING for each in line):
                yield line
            line = []
        elif token.type != tokenize.COMMENT and token.string.strip(" \t\f\n;"):
            line.append(token)
    if line:
        yield line


class _OwnNames(NamedTuple):
    """Names that an answer gives: to variables, functions and classes, and to attributes."""

    variables: frozenset[str]
    attributes: frozenset[str]


def _own_names(nodes: list[ast.AST]) -> _OwnNames:
    variables: set[str] = set()
    attributes: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                variables.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()):
                attributes.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                variables.add(name)
                attributes.add(name)
            case ast.ClassDef(name=name, body=body):
                variables.add(name)
                attributes.update(_class_variables(body))
    return _OwnNames(frozenset(variables), frozenset(attributes))


def _class_variables(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.Assign(targets=targets):
                yield from (each.id for each in targets if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def _annotations(nodes: list[ast.AST], source: str) -> list[tuple[Place, Place]]:
    """From where to where annotations reach, the first one last."""
    lines = source.split("\n")

    def column(line: int, offset: int) -> int:
        """The column of an offset, which Python gives in bytes of UTF-8."""
        text = lines[line - 1]
        return offset if text.isascii() else len(text.encode()[:offset].decode())

    spans = []
    for node in nodes:
        match node:
            case ast.arg(annotation=ast.expr() as noted) | ast.AnnAssign(annotation=noted):
                pass
            case ast.FunctionDef(returns=ast.expr() as noted):
                pass
            case ast.AsyncFunctionDef(returns=ast.expr() as noted):
                pass
            case _:
                continue
        end_line, end_offset = noted.end_lineno or 0, noted.end_col_offset or 0
        begin = (noted.lineno, column(noted.lineno, noted.col_offset))
        spans.append((begin, (end_line, column(end_line, end_offset))))
    return sorted(spans, reverse=True)


def _normalise(
    statement: list[tokenize.TokenInfo],
    own: _OwnNames,
    spans: list[tuple[Place, Place]],
    made: list[Token],
) -> None:
    """Add the tokens of a statement to those that are made.

    spans: of annotations, the next one last; those that were passed are taken off.
    """
    depth = 0  # of f-strings
    before = ""
    for token in statement:
        while spans and token.start >= spans[-1][1]:
            spans.pop()
        if spans and token.start >= spans[-1][0]:
            if token.start == spans[-1][0] and made and made[-1].text in (":", "->"):
                made.pop()
            continue
        depth += (token.type == _F_BEGINS) - (token.type == _F_ENDS)
        if token.type == _F_ENDS or (depth and token.type != _F_BEGINS) or depth > 1:
            continue
        text = _text_of(token, before, own)
        if not (text in (TEXT, BYTES) and made and made[-1].text == text):
            made.append(Token(text, token.start[0]))
        before = token.string


def _text_of(token: tokenize.TokenInfo, before: str, own: _OwnNames) -> str:
    if token.type == tokenize.NAME:
        if keyword.iskeyword(token.string):
            return token.string
        if before == ".":
            return NAME if token.string in own.attributes else token.string
        given = token.string in _BUILTINS and token.string not in own.variables
        return token.string if given else NAME
    if token.type == tokenize.NUMBER:
        return NUMBER
    if token.type in (tokenize.STRING, _F_BEGINS):
        prefix = token.string[: token.string.index(token.string.rstrip()[-1])]
        return BYTES if "b" in prefix.lower() else TEXT
    return token.string
