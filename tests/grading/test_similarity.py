"""Pairs of answers that are alike: what is found, what is not, and what is said of them."""

from __future__ import annotations

import ast
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from labsupport.checking import Answer
from labsupport.grading import similarity
from labsupport.grading.similarity import (
    CLASS,
    LEAST,
    LISTED,
    SHORTEST,
    Prints,
    alike,
    common,
    hashes,
    stretches,
    winnowed,
)
from labsupport.grading.tokens import Token, UnreadableError, tokens
from labsupport.similar import given
from tests.checking.course import Course
from tests.cli.watched import environment
from tests.grading.conftest import HandIn
from tests.grading.test_pages import EVIL, Parsed
from tests.notebooks.files import ROOT

Similar = Callable[..., "subprocess.CompletedProcess[str]"]

COUNTER = '''\
"""Counts words."""
import re


class Counter:
    """Keeps how often each word came."""

    def __init__(self, limit: int = 100) -> None:
        self.limit = limit
        self.words: dict[str, int] = {}

    def add(self, line):
        # words are letters alone
        for word in re.findall("[a-z]+", line.lower()):
            if len(self.words) >= self.limit and word not in self.words:
                raise ValueError(f"more than {self.limit} words")
            self.words[word] = self.words.get(word, 0) + 1

    def most(self, number):
        ranked = sorted(self.words.items(), key=lambda pair: (-pair[1], pair[0]))
        return [word for word, _ in ranked[:number]]


def f(text):
    counter = Counter()
    for line in text.splitlines():
        counter.add(line)
    return counter.most(3)
'''
COPIED = """\
import re as r

def f(s):
    tally = Tally()
    for row in s.splitlines():
        tally.put(row)
    return tally.top(5)

class Tally:
    def __init__(self, bound=7):
        self.bound = bound
        self.seen = {}

    def top(self, how_many: int) -> list[str]:
        order = sorted(self.seen.items(), key=lambda each: (-each[1], each[0]))
        return [each for each, _ in order[:how_many]]

    def put(self, row: str):
        for each in r.findall('[A-Z]+', row.lower()):
            if len(self.seen) >= self.bound and each not in self.seen:  # no more
                raise ValueError(f"{self.bound} at most, {each!r} is too much"
                                 " of it")
            self.seen[each] = self.seen.get(each, 1) + 2
"""
APART = """\
def f(text):
    counts = {}
    word = ""
    for character in text.lower() + " ":
        if "a" <= character <= "z":
            word += character
        elif word:
            counts[word] = counts.setdefault(word, 0) + 1
            word = ""
    best = []
    while counts and len(best) < 3:
        top = max(counts.values())
        first = min(name for name, times in counts.items() if times == top)
        best.append(first)
        del counts[first]
    return best
"""


def kept(source: str, ignored: frozenset[int] = frozenset()) -> frozenset[int]:
    values = hashes(tokens(source))
    return frozenset(values[place] for place in winnowed(values)) - ignored


def share(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / min(len(one), len(other))


def texts(source: str) -> list[str]:
    return [token.text for token in tokens(source)]


# ---- tokens ----


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("total = 1\n", "sum_of_all = 99.5  # a comment\n"),
        (
            "def f(a):\n    return a(b)\n",
            'def g(c):\n    """Says."""\n\n    return c(\n        d)\n',
        ),
        ("x = 'a'\n", 'y = f"{z!r:>{3}} of {{}}"\n'),
        ("x = 'a'\n", "y = 'b' \"c\"\\\n    'd'\n"),
        ("x = b'a'\n", "y = rb'''b\nc'''\n"),
        ("def f(a, b=1): pass\n", "def f(a: int, b: dict[str, 'int'] = 2) -> None: pass\n"),
        ("ë = 1; ö = 2\n", "import re\ne: 'ë' = 1\nfrom re import x\no = 2\n"),
        ("def f(ëë, b): ëë.b = 'ë'; return ëë\n", "def f(ëë: 'ë', b: int): ëë.c = ''; return ëë"),
        ("self.a = self.b()\ndef b(): pass\n", "self.c = self.d()\ndef d(): pass\n"),
        ("class A:\n    x = 1\na.x\n", "class B:\n    y: int = 2\nb.y\n"),
        ("id = 1\nid + 1\n", "key = 1\nkey + 1\n"),
        ("a = 1\r\nb = 2\r\n", "a = 1\n\nb = 2"),
    ],
)
def test_what_makes_no_difference(one: str, other: str) -> None:
    assert texts(one) == texts(other) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 'a'\n", "x = b'a'\n"),
        ("x = 'a'\n", "x = 1\n"),
        ("a.recv(1)\n", "a.send(1)\n"),
        ("len(a)\n", "sum(a)\n"),
        ("while a: b()\n", "if a: b()\n"),
        ("a < b\n", "a <= b\n"),
        ("x = None\n", "x = True\n"),
    ],
)
def test_what_makes_a_difference(one: str, other: str) -> None:
    assert texts(one) != texts(other)


def test_a_token_knows_its_line() -> None:
    found = tokens("'''a\nb'''\n\nx = (\n    1,\n)\n")
    assert [(token.text, token.line) for token in found if token.text.isalnum()] == [
        ("NAME", 4),
        ("0", 5),
    ]


def test_what_does_not_parse_has_tokens_all_the_same() -> None:
    assert texts("def f(a b):\n    return a.c\n") == texts("def g(d e):\n    return d.c\n") != []


@pytest.mark.parametrize("source", ["x = (\n", "if a:\n        b\n    c\n", "'''never"])
def test_what_has_no_tokens_says_why(source: str) -> None:
    with pytest.raises(UnreadableError, match=r"\w+"):
        tokens(source)


# ---- winnowing ----


def row(draw: random.Random, length: int, alphabet: int) -> list[Token]:
    return [Token(str(draw.randrange(alphabet)), 1) for _ in range(length)]


@pytest.mark.parametrize("alphabet", [1, 2, 5, 1000])
def test_a_common_run_of_the_shortest_length_is_always_found(alphabet: int) -> None:
    draw = random.Random(alphabet)
    for _ in range(100):
        run = row(draw, SHORTEST + draw.randrange(3), alphabet)
        sides = []
        for name in ("left", "right"):  # what surrounds it is in one of the two alone
            around = [
                [Token(f"{name} {token.text}", 1) for token in row(draw, draw.randrange(30), 9)]
                for _ in range(2)
            ]
            values = hashes([*around[0], *run, *around[1]])
            sides.append({values[place] for place in winnowed(values)})
        assert sides[0] & sides[1]


def test_what_is_shorter_than_a_hash_is_never_found() -> None:
    draw = random.Random(3)
    run = row(draw, similarity.K - 1, 1000)
    one = hashes([*(Token(f"a{n}", 1) for n in range(40)), *run])
    other = hashes([*run, *(Token(f"b{n}", 1) for n in range(40))])
    assert not set(one) & set(other)


@pytest.mark.parametrize("alphabet", [2, 1000])
@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 60])
def test_each_window_has_its_rightmost_smallest_hash(alphabet: int, length: int) -> None:
    draw = random.Random(length)
    values = [draw.randrange(alphabet) for _ in range(length)]
    size = similarity.WINDOW
    windows = [range(n, n + size) for n in range(length - size + 1)] or [range(length)]
    chosen = {max((-values[at], at) for at in window)[1] for window in windows if window}
    assert winnowed(values) == sorted(chosen)


def test_hashes_are_the_same_in_every_process() -> None:
    code = (
        "from labsupport.grading.similarity import hashes\n"
        "from labsupport.grading.tokens import Token\n"
        "print(hashes([Token(str(n), 1) for n in range(12)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment()
    )
    assert json.loads(done.stdout) == hashes([Token(str(n), 1) for n in range(12)])


# ---- pairs ----


def test_a_copy_with_other_names_texts_and_order_is_found() -> None:
    prints = [Prints(who, kept(text)) for who, text in (("ann", COUNTER), ("bob", COPIED))]
    (pair,) = alike(prints, frozenset())
    assert (pair.first, pair.second) == (0, 1)
    assert pair.share >= 0.75
    assert pair.jaccard <= pair.share


def test_answers_that_were_written_apart_are_no_pair() -> None:
    prints = [Prints("ann", kept(COUNTER)), Prints("bob", kept(APART))]
    assert list(alike(prints, frozenset())) == []


def test_padding_does_not_hide_a_copy() -> None:
    prints = [Prints("ann", kept(COUNTER)), Prints("bob", kept(COPIED + APART * 3))]
    (pair,) = alike(prints, frozenset())
    assert pair.share >= 0.7 > 0.6 > pair.jaccard


def test_an_author_is_not_compared_with_himself() -> None:
    assert list(alike([Prints("ann", kept(COUNTER))] * 2, frozenset())) == []


def test_what_is_ignored_makes_no_pair() -> None:
    prints = [Prints(who, kept(COUNTER)) for who in ("ann", "bob")]
    assert list(alike(prints, frozenset(hashes(tokens(COUNTER))))) == []


def test_what_a_class_shares_counts_for_nothing() -> None:
    own = [frozenset(range(100 * n, 100 * n + 20)) for n in range(1, CLASS + 1)]
    everybodys = frozenset(range(20))
    class_of_ten = [Prints(f"s{n}", each | everybodys) for n, each in enumerate(own)]
    assert common(class_of_ten) == everybodys
    assert list(alike(class_of_ten, common(class_of_ten))) == []
    assert common(class_of_ten[1:]) == frozenset()
    assert common([*class_of_ten[1:], class_of_ten[1]]) == frozenset()  # authors, not answers
    of_three = [Prints(f"s{n}", each | everybodys if n < 3 else each) for n, each in enumerate(own)]
    assert common(of_three) == frozenset()
    assert len(list(alike(of_three, common(of_three)))) == 3


def test_stretches_are_the_same_on_both_sides_and_do_not_overlap() -> None:
    rows = [tokens(COUNTER), tokens(COPIED)]
    found = stretches(hashes(rows[0]), hashes(rows[1]), frozenset())
    assert [each.tokens for each in found] == sorted((each.tokens for each in found), reverse=True)
    assert len(found) >= 3
    for begins in (lambda each: each.first, lambda each: each.second):
        covered = [n for each in found for n in range(begins(each), begins(each) + each.tokens)]
        assert len(covered) == len(set(covered))
    for each in found:
        one = rows[0][each.first : each.first + each.tokens]
        other = rows[1][each.second : each.second + each.tokens]
        assert [token.text for token in one] == [token.text for token in other]


def test_a_stretch_does_not_run_over_what_is_ignored() -> None:
    values = list(range(50))
    (first, second) = stretches(values, values, frozenset({20}))
    assert (first.first, first.tokens) == (21, 29 + similarity.K - 1)
    assert (second.first, second.tokens) == (0, 21)  # up to where the first one begins


# ---- the bank of answers ----

# Right answers of these were written from one another: most of their lines are the same.
RELATED = {"report", "upload"}


class Disguise(ast.NodeTransformer):
    """Other names, texts and numbers, and functions and classes in the opposite order."""

    def __init__(self, tree: ast.Module) -> None:
        own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        own |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        self.names = {name: f"name_{number}" for number, name in enumerate(sorted(own))}

    def visit_Module(self, node: ast.Module) -> ast.Module:
        self.generic_visit(node)
        definitions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        last = [each for each in node.body if isinstance(each, definitions)]
        node.body = [each for each in node.body if each not in last] + last[::-1]
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        self.generic_visit(node)
        node.arg = self.names[node.arg]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if type(node.value) in (str, int):
            node.value *= 2
        return node


def disguised(source: str) -> str:
    tree = ast.parse(source)
    return ast.unparse(Disguise(tree).visit(tree))


def listed(one: frozenset[int], other: frozenset[int]) -> bool:
    pairs = alike([Prints("one", one), Prints("other", other)], frozenset())
    return next(pairs, None) is not None


def test_right_answers_of_the_bank_are_far_from_each_other_and_near_to_their_copies() -> None:
    apart: list[float] = []
    copies: list[float] = []
    for folder in sorted((ROOT / "tests" / "answers").iterdir()):
        ignored = given(ROOT, folder.name)
        paths = sorted(folder.glob("right_*.py"))
        sources = [Answer.from_path(path, folder.name).source for path in paths]
        rows = [kept(source, ignored) for source in sources]
        if folder.name not in RELATED:
            pairs = itertools.combinations(rows, 2)
            apart += [share(one, other) for one, other in pairs if len(one & other) >= LEAST]
        for source, each in zip(sources, rows, strict=True):
            copy = kept(disguised(source), ignored)
            copies.append(share(each, copy) if listed(each, copy) else 0)
    assert max(apart) < LISTED
    found = [each for each in copies if each]
    assert len(found) >= 0.9 * len(copies)  # the others are steps of a few lines
    assert min(found) > 1.5 * LISTED


# ---- the command ----

STUB = "def f(text):\n    ...\n"


def notebook(*cells: tuple[str, str]) -> str:
    made = [{"cell_type": kind, "metadata": {}, "source": text} for kind, text in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def run_similar(root: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "labsupport.cli", "similar", *map(str, words)],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.fixture
def similar(course: Course) -> Similar:
    return partial(run_similar, course.root)


def page_of(course: Course) -> Parsed:
    return Parsed(course.root / "graded" / "similar.html")


def test_a_copy_is_shown_beside_its_source(
    course: Course, similar: Similar, hand_in: HandIn
) -> None:
    place = hand_in(ann=COUNTER, bob=COPIED, eve=APART, max="x = (\n", zoe="", kim="'''never")
    result = similar(place)
    assert (result.returncode, result.stderr) == (0, ""), result
    assert "demo, ann and bob: " in result.stdout
    assert "eve" not in result.stdout
    assert "Not compared: max/demo.py, demo: it cannot be read as Python" in result.stdout
    assert "Not compared: zoe/demo.py, demo: demo.py for demo is empty." in result.stdout
    assert "Not compared: kim/demo.py" in result.stdout
    assert "3 answers compared, 0 of them too short." in result.stdout
    assert "Pairs to look at, and no verdicts: graded" in result.stdout
    page = page_of(course)
    assert "and no verdict" in page.text
    assert "max/demo.py, demo: it cannot be read as Python" in page.text
    assert "ranked = sorted(self.words.items()" in page.text
    assert "order = sorted(self.seen.items()" in page.text
    assert len([each for each in page.of("tr") if each.get("class") == "shared"]) >= 20
    assert [each["href"] for each in page.of("a")] == ["#pair-1"]


def test_what_the_task_shows_makes_no_pair(
    course: Course, similar: Similar, hand_in: HandIn
) -> None:
    place = hand_in(ann=COUNTER, bob=COPIED)
    assert "demo, ann and bob" in similar(place).stdout
    shown = f"Look at this:\n\n```python\n{COUNTER}```\n\nand\n\n```python\nx = (\n```\n"
    cells = notebook(
        ("markdown", shown),
        ("code", f"%load_ext labsupport\n{COPIED}"),
        ("code", f"%%answer demo\n{STUB}"),
    )
    (course.folder / "demo.ipynb").write_text(cells, encoding="utf-8")
    result = similar(place)
    assert result.returncode == 0
    assert "ann and bob" not in result.stdout
    assert "2 answers compared, 2 of them too short." in result.stdout


def test_stubs_make_no_pair(tmp_path: Path) -> None:
    exercise = ROOT / "exercises" / "02_framing" / "framing.ipynb"
    for student in ("ann", "bob", "eve"):
        (tmp_path / "class" / student).mkdir(parents=True)
        (tmp_path / "class" / student / "framing.ipynb").write_bytes(exercise.read_bytes())
    done = run_similar(ROOT, tmp_path / "class", "--into", tmp_path)
    assert done.returncode == 0, done
    assert "6 answers compared, 6 of them too short." in done.stdout
    assert "No two answers are so much alike." in Parsed(tmp_path / "similar.html").text


def test_an_exercise_that_was_asked_for_is_compared_alone(tmp_path: Path) -> None:
    for student in ("ann", "bob"):
        (tmp_path / "class" / student).mkdir(parents=True)
        for slug in ("framing", "lines"):
            (tmp_path / "class" / student / f"{slug}.py").write_text(COUNTER)
    done = run_similar(ROOT, tmp_path / "class", "--exercise", "lines", "--into", tmp_path)
    assert done.returncode == 0, done
    assert "lines, ann and bob" in done.stdout
    assert "framing" not in done.stdout


def test_many_pairs_are_counted_and_the_first_are_shown(
    course: Course, similar: Similar, hand_in: HandIn
) -> None:
    answers = [COUNTER] * 11 + [APART] * 11
    answers += [f"x.a{n}(x.b{n}, x.c{n}, x.d{n})\n" for n in range(12)]
    result = similar(hand_in(**{f"s{n}": source for n, source in enumerate(answers)}))
    assert result.stdout.count(" %, ") == 50
    assert "60 pairs more, less alike." in result.stdout
    assert "60 pairs more, which are less alike, are not shown." in page_of(course).text


def test_hostile_text_is_text(course: Course, similar: Similar, hand_in: HandIn) -> None:
    evil = EVIL.replace("\ud800", "") + "\x1b[2J\u202e"
    source = f"{COUNTER}# {evil}\n'''</td></table><script>'''\n"
    place = hand_in(**{"<b>ann": source, "{{ 7 * 7 }}": source})
    result = similar(place)
    assert result.returncode == 0, result
    assert "\x1b" not in result.stdout + result.stderr
    page = page_of(course)
    assert page.text.count("<script>alert(1)</script>") == 2
    assert not {"script", "img", "iframe", "link", "b"} & {tag for tag, _ in page.elements}
    assert not [name for _, each in page.elements for name in each if name.startswith("on")]
    assert "49" not in page.text
    assert "\u202e" not in page.text
    policies = [each["content"] for each in page.of("meta") if "http-equiv" in each]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "There is no nothing."),
        (["exercises"], "holds no answer"),
        (["exercises", "--exercise", "dmo"], "Did you mean 'demo'?"),
    ],
)
def test_what_cannot_be_compared_is_told(similar: Similar, words: list[str], said: str) -> None:
    result = similar(*words)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
