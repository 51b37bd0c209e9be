"""Copies stand above all pairs of answers that were written apart, however the copying was hidden."""

import dataclasses
import itertools
import random
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from answers_ex03 import EXERCISE, copies_of, honest_answers, mixed_answer
from hypothesis import given, settings
from hypothesis import strategies as st
from known_class import KnownClass

from autograder.analysis import fingerprints
from autograder.analysis.fingerprints import Given, Print, print_of, what_is_given
from autograder.analysis.similarity import Document, find_similar, likenesses
from autograder.analysis.tokens import MAX_TOKENS, Vocabulary, read_source
from autograder.grading.standing import Attempt, Standing
from autograder.sources import variants
from autograder.sources.exercise import sources
from autograder.sources.known_answers import wrong_answers

HONEST = honest_answers()
WAYS = list(copies_of(HONEST["u0001"]))


@pytest.fixture(scope="module")
def given_() -> Given:
    return what_is_given(sources(EXERCISE))


@pytest.fixture(scope="module")
def honest(given_) -> list[Document]:
    return [Document(student, print_of(modules, given_)) for student, modules in HONEST.items()]


def _pairs(documents):
    return [{documents[m.first].owner, documents[m.second].owner} for m in likenesses(documents)]


def _overlap(one: Print, two: Print) -> float:
    return len(np.intersect1d(one.code, two.code)) / min(len(one.code), len(two.code))


def test_no_two_answers_that_were_written_apart_are_listed(honest):
    assert likenesses(honest) == []


@pytest.mark.parametrize("how", WAYS)
def test_a_copy_is_listed_with_its_source_and_nobody_else(how, honest, given_):
    for student, modules in HONEST.items():
        copy = Document("copy", print_of(copies_of(modules)[how], given_))
        assert _pairs([*honest, copy]) == [{student, "copy"}], student


def test_a_copy_is_not_hidden_by_what_stands_beside_it(honest, given_):
    """Functions of one's own, called or not, make a hand-in longer and a copy in it no less of a copy."""
    for functions in (5, 100):
        padding = "".join(_odd_module(seed).replace("def ", f"def own{seed}_") for seed in range(functions // 5))
        for student, modules in HONEST.items():
            copy = copies_of(modules)["renamed"]
            for name in ("dataloader.py", "image_folder.py"):
                padded = {**copy, name: padding + copy[name]}
                assert _pairs([*honest, Document("copy", print_of(padded, given_))]) == [{student, "copy"}], student


@pytest.mark.parametrize("padding", ["a = 1\n" * 12_000, "#" * 400_000])
def test_whose_code_is_too_long_to_be_read_is_named(tmp_path, given_, padding):
    """Padding that hides the rest from us is seen itself, also when it is known from an earlier run."""
    known = KnownClass(tmp_path)
    known.add(HONEST["u0001"])
    known.add(HONEST["u0002"])
    long = padding[:250_000]
    known.add({"aaa.py": long, "aab.py": long, **HONEST["u0002"]})
    for _ in range(2):
        found = find_similar(known.graded(), tmp_path / "cache")
        assert [s.id for s in found.cut] == ["u0002"]
    assert not any(print_of(modules, given_).cut for modules in HONEST.values())


def test_how_many_pairs_are_not_shown_is_known(tmp_path):
    known = KnownClass(tmp_path)
    for modules in HONEST.values():
        known.add(modules)
    for student in ("u0002", "u0004", "u0008"):
        known.add(copies_of(HONEST[student])["renamed"])
    found = find_similar(known.graded(), tmp_path / "cache", limit=2)
    assert (len(found.matches), found.pairs) == (2, 3)


def test_every_copy_shares_more_than_any_two_who_wrote_apart(honest, given_):
    apart = max(_overlap(a.prints, b.prints) for a, b in itertools.combinations(honest, 2))
    copied = [
        _overlap(document.prints, print_of(copy, given_))
        for document in honest
        for copy in copies_of(HONEST[document.owner]).values()
    ]
    assert min(copied) > 2 * apart


def test_layout_names_comments_and_spelling_leave_no_trace(given_):
    one = "def helper(values):\n    # the sum of all\n    total = 0x10 + sum((values[0], 1.50))\n    return total * 2\n"
    two = 'def helper(v):\n\tx: float = (16 + sum((v[0],\n\n  1.5,)));  return x*2.0 # "done"\n'
    three = one.replace("* 2", "* 3")
    known = Vocabulary()
    read = [[line.tokens for line in read_source(text, known).lines] for text in (one, two, three)]
    assert read[0] == read[1] != read[2]


def test_the_stub_the_solution_and_wrong_answers_leave_no_fingerprints(given_):
    src = sources(EXERCISE)
    stubs = {path.name: path.read_text() for path in EXERCISE.folder.glob("*.py")}
    solved = {p.name: variants.strip_markers(p.read_text()) for p in src.solution.glob("*.py")}
    for modules in (stubs, solved):
        assert len(print_of(modules, given_).code) == 0
    for wrong in wrong_answers(src):
        assert len(print_of(fingerprints.edited_modules(src, wrong), given_).code) == 0, wrong.name


def test_what_many_write_makes_nobody_alike(given_):
    """A class in which everybody takes each part from one of eight people: no two are copies, many share parts."""
    dice = random.Random(0)
    choices = [[dice.randrange(8) for _ in range(8)] for _ in range(150)]
    documents = [Document(f"u{i:04}", print_of(mixed_answer(c), given_)) for i, c in enumerate(choices)]
    assert likenesses(documents) == []
    copy = Document("copy", print_of(copies_of(HONEST["u0003"])["all of it"], given_))
    source = Document("source", print_of(HONEST["u0003"], given_))
    rare = Document("rare", print_of({"dataloader.py": _odd_module(3)}, given_))
    again = Document("again", print_of({"dataloader.py": _odd_module(3).replace("step", "stride")}, given_))
    assert _pairs([*documents, rare, again]) == [{"rare", "again"}]
    # Parts that an eighth of the class wrote are no evidence, not even all eight together.
    assert _pairs([*documents, source, copy]) == []


def _odd_module(seed: int) -> str:
    dice = random.Random(seed)
    lines = []
    for name in ("first", "second", "third", "fourth", "fifth"):
        lines.append(f"def {name}(step):")
        for _ in range(4):
            call = dice.choice(["abs", "min", "sorted", "sum", "len", "round"])
            lines.append(f"    step = {call}(step * {dice.randrange(900)} - step[{dice.randrange(90)}]) // step")
    return "\n".join(lines)


def test_copies_come_first_in_a_class_with_many_ways_to_write_each_part(given_):
    """Some ways are popular and many are rare, so that students who never met share rare parts as well."""
    dice = random.Random(5)
    ways = [[_some_statements(dice) for _ in range(100)] for _ in range(8)]
    popularity = [1 / (i + 1) for i in range(100)]
    names = ["one", "two", "three", "four", "five", "six", "seven", "eight"]

    def student() -> str:
        parts = [dice.choices(of, popularity)[0] for of in ways]
        return "\n".join(f"def {name}(x, y):\n{part}" for name, part in zip(names, parts, strict=True))

    texts = [student() for _ in range(120)]
    copied = dice.sample(range(len(texts)), 10)
    texts += [copies_of({"dataloader.py": texts[i]})["all of it"]["dataloader.py"] for i in copied]
    documents = [Document(str(i), print_of({"dataloader.py": t}, given_)) for i, t in enumerate(texts)]
    wanted = [{str(i), str(120 + n)} for n, i in enumerate(copied)]
    found = _pairs(documents)
    assert all(pair in wanted for pair in found)
    assert len(found) >= 8


def _some_statements(dice: random.Random) -> str:
    def expression(depth: int = 0) -> str:
        if depth < 3 and dice.random() < 0.7:
            left, right = expression(depth + 1), expression(depth + 1)
            call = dice.choice(["abs", "sum", "len", "max", "min", "round", "float", "sorted", "tuple", ""])
            return f"{call}({left} {dice.choice('+-*/')} {right})"
        return dice.choice(["x", "y", "0", "1", "2", "255"])

    lines = [f"    {dice.choice('xy')} = {expression()}" for _ in range(dice.choice([1, 2, 3, 5]))]
    return "\n".join([*lines, f"    return {expression()}"])


def test_attempts_of_one_student_are_no_pair(honest):
    again = dataclasses.replace(honest[0])
    assert likenesses([honest[0], again, *honest[1:]]) == []
    other = Document("other", honest[0].prints)
    assert _pairs([honest[0], again, other]) == [{"u0001", "other"}]


def test_equal_hand_ins_are_one_pair_with_more_students(tmp_path):
    known = KnownClass(tmp_path)
    for modules in HONEST.values():
        known.add(modules)
    for _ in range(3):
        known.add(HONEST["u0004"])
    found = find_similar(known.graded(), tmp_path / "cache")
    assert [[s.id for s in m.students] for m in found.matches] == [["u0003", "u0008"]]
    assert [s.id for s in found.matches[0].same] == ["u0009", "u0010"]
    assert found.matches[0].similarity == 1


def test_the_lines_that_belong_together_stand_side_by_side(tmp_path):
    known = KnownClass(tmp_path)
    for modules in HONEST.values():
        known.add(modules)
    known.add(copies_of(HONEST["u0008"])["reordered"])
    (match,) = find_similar(known.graded(), tmp_path / "cache").matches
    rows = {row.left[2].strip(): row.right[2].strip() for row in match.passages}
    assert rows["source = iter(self.rng.permutation(count) if self.shuffle else range(count))"].startswith("source = ")
    assert all("".join(left.split())[:6] == "".join(right.split())[:6] for left, right in rows.items())
    for row in match.passages:
        file, line, text = row.left
        assert HONEST["u0008"][file].splitlines()[line - 1].strip() == text.splitlines()[0].strip()


def test_a_second_run_reads_nothing_but_the_pairs_that_are_shown(tmp_path, monkeypatch):
    known = KnownClass(tmp_path)
    for modules in HONEST.values():
        known.add(modules)
    known.add(copies_of(HONEST["u0008"])["renamed"])
    first = find_similar(known.graded(), tmp_path / "cache")
    read = []
    original = fingerprints.read_handin
    monkeypatch.setattr(
        fingerprints, "read_handin", lambda path, *a, **k: read.append(path.name) or original(path, *a, **k)
    )
    assert find_similar(known.graded(), tmp_path / "cache") == first
    assert sorted(read) == ["u0007", "u0008"]
    known.add(known.solution)
    find_similar(known.graded(), tmp_path / "cache")
    assert sorted(read) == ["u0007", "u0007", "u0008", "u0008", "u0009"]


def test_a_damaged_cache_is_made_anew(tmp_path):
    known = KnownClass(tmp_path)
    for modules in [*HONEST.values(), HONEST["u0008"]]:
        known.add(modules)
    first = find_similar(known.graded(), tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    whole = file.read_bytes()
    for damaged in (b"", b"PK\x03\x04", whole[:-40], whole[:500] + b"\0" * 99 + whole[599:]):
        file.write_bytes(damaged)
        assert find_similar(known.graded(), tmp_path / "cache") == first
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None


def test_hand_ins_that_cannot_be_read_are_counted(tmp_path):
    known = KnownClass(tmp_path)
    known.add(HONEST["u0001"])
    attempt = known.add(HONEST["u0002"])
    assert attempt is not None
    known.standings[1] = Standing(
        known.standings[1].student, (dataclasses.replace(attempt, path=tmp_path / "nowhere.zip", fingerprint="f"),)
    )
    known.add(HONEST["u0003"], refused="damaged")
    found = find_similar(known.graded(), tmp_path / "cache")
    assert (found.compared, found.unread) == (1, 1)


def test_equal_models_are_found(tmp_path):
    known = KnownClass(tmp_path, "ex09_keypoints")
    weights = variants.reference("ex09_keypoints", tmp_path / "reference") / "models" / "keypoints.safetensors"
    for number in range(4):
        attempt = known.add(known.solution)
        assert isinstance(attempt, Attempt)
        (attempt.path / "models").mkdir()
        data = weights.read_bytes()
        (attempt.path / "models" / "keypoints.safetensors").write_bytes(
            data if number % 2 else data[:-1] + bytes([number])
        )
    found = find_similar(known.graded(), tmp_path / "cache")
    assert [[s.id for s in group] for group in found.models] == [["u0001", "u0003"]]


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet=st.sampled_from("ab_0.9'\"\\\n\r\t #()[]{}:;,=+@lambda defruboX\x00é\u202e"), max_size=300))
def test_any_text_has_fingerprints(text):
    lines = read_source(text, Vocabulary()).lines
    rows = text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    assert all(1 <= line.number <= line.last <= rows + 1 and line.tokens for line in lines)
    assert [line.number for line in lines] == sorted(line.number for line in lines)


@pytest.mark.parametrize(
    "text",
    ['"""' * 80_000, "'" * 250_000, "(" * 250_000, "r'" * 120_000, "x" * 250_000, "9" * 250_000, "\\\n" * 120_000]
    + ["[]" * 120_000, "if lambda" + ":" * 240_000, "f'{" * 80_000, "a=" * 120_000, "x;" * 120_000, "#" * 250_000]
    + ["a\n" * 120_000, "def " * 60_000, "1e" * 120_000, "\x00" * 250_000, "é" * 120_000, "if x:" * 50_000],
)
def test_hostile_code_takes_no_time(text, given_):
    start = time.process_time()
    found = print_of({"dataloader.py": text}, given_)
    assert time.process_time() - start < 2
    assert len(found.code) <= MAX_TOKENS


def test_a_class_of_hostile_hand_ins_is_compared_in_time(given_):
    dice = random.Random(0)
    values = [np.unique(np.array([dice.randrange(20_000) for _ in range(4000)], np.uint64)) for _ in range(60)]
    documents = [Document(f"u{i}", Print(code=v, places=np.arange(len(v)))) for i, v in enumerate(values)]
    start = time.process_time()
    likenesses(documents)
    assert time.process_time() - start < 10


def test_folders_and_zips_are_read_alike(tmp_path):
    known = KnownClass(tmp_path)
    attempt = known.add(HONEST["u0001"])
    assert attempt is not None
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(p for p in attempt.path.rglob("*") if p.is_file()):
            file.write(path, Path("top") / path.relative_to(attempt.path))
    src = sources(EXERCISE)
    zipped = dataclasses.replace(attempt, path=archive)
    assert fingerprints.modules_of(zipped, src) == fingerprints.modules_of(attempt, src) == HONEST["u0001"]
