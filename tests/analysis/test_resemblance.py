"""Known wrong answers are recognised, alone, in pairs and in unfinished hand-ins; what nobody foresaw stands apart."""

import itertools
import json
from pathlib import Path

import pytest
from answers_ex03 import renamed
from known_class import EXERCISE, UNHEARD_OF, KnownClass

from autograder.analysis.known_mistakes import Catalogue, Finding, HandInFiles, mistakes, resemblances
from autograder.grading.standing import Attempt
from autograder.judging.result import write_result
from autograder.sources import variants
from autograder.sources.exercise import sources
from autograder.sources.known_answers import WrongAnswer, apply, wrong_answers
from exercise_code.common.hand_ins.model_file import MAX_HEADER_BYTES
from exercise_code.common.reasons import Reason


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(sources(EXERCISE))


def _found(known: KnownClass) -> list[Finding]:
    return resemblances(known.graded())


@pytest.mark.parametrize("exercise", [EXERCISE, "ex09_keypoints"])
def test_each_wrong_answer_resembles_itself_and_nothing_else(exercise, tmp_path):
    src = sources(exercise)
    known = KnownClass(tmp_path, exercise)
    answers = wrong_answers(src)
    for wrong in answers:
        path = apply(wrong, tmp_path / "built" / wrong.name)
        attempt = known.add({}, wrong.fails)
        assert attempt is not None
        path.rename(attempt.path)
    found = _found(known)
    assert {f.student.id: f.resemblance.answers for f in found} == {
        f"u{i:04}": ((wrong.name,),) for i, wrong in enumerate(answers)
    }
    assert all(f.resemblance.exact for f in found)


def test_wrong_answers_are_recognised_under_other_names(catalogue):
    src = sources(EXERCISE)
    known = {p.name: variants.strip_markers(p.read_text()) for p in src.solution.glob("*.py")}
    missed = []
    for wrong in catalogue.answers.values():
        texts = dict(known)
        for edit in wrong.edit:
            texts[edit.file] = variants.strip_markers(texts[edit.file]).replace(edit.find, edit.replace)
        texts = {name: renamed(text) for name, text in texts.items()}
        found = catalogue.recognise(frozenset(wrong.fails), frozenset(), lambda t=texts: HandInFiles(t))
        if found.answers != ((wrong.name,),):
            missed.append(wrong.name)
    assert missed == []


def test_two_mistakes_in_one_hand_in_are_both_found(catalogue):
    """Where one mistake's tests are among the other's, the tests cannot say that there are two."""
    src = sources(EXERCISE)
    solved = {p.name: variants.strip_markers(p.read_text()) for p in src.solution.glob("*.py")}
    both = total = 0
    for one, two in itertools.combinations(list(catalogue.answers.values())[::3], 2):
        texts = dict(solved)
        edits = [variants.strip_markers(e.find) for e in one.edit + two.edit]
        for edit in one.edit + two.edit:
            texts[edit.file] = texts[edit.file].replace(edit.find, edit.replace, 1)
        if len(edits) != len(set(edits)) or set(one.fails) <= set(two.fails) or set(two.fails) <= set(one.fails):
            continue
        total += 1
        found = catalogue.recognise(frozenset({*one.fails, *two.fails}), frozenset(), lambda t=texts: HandInFiles(t))
        both += found is not None and sorted(found.answers) == sorted([(one.name,), (two.name,)])
    assert total > 50
    assert both >= 0.95 * total


def test_a_mistake_is_recognised_beside_parts_that_are_not_written(tmp_path):
    known = KnownClass(tmp_path)
    loader = {t.name for t in known.tests.values() if t.grade_id.startswith("dataloader")}
    wrong = next(w for w in wrong_answers(EXERCISE) if w.name == "normalize_divides_by_variance")
    edit = wrong.edit[0]
    module = known.solution[edit.file].replace(edit.find, edit.replace)
    known.add({edit.file: module, "dataloader.py": known.stubs["dataloader.py"]}, wrong.fails, unwritten=loader)
    (finding,) = _found(known)
    assert finding.resemblance.answers == ((wrong.name,),)
    assert finding.resemblance.unwritten and finding.resemblance.exact
    assert finding.rest == set(wrong.fails)


def test_untouched_unfinished_and_broken_hand_ins_are_kinds_of_their_own(tmp_path):
    known = KnownClass(tmp_path)
    loader = [t.name for t in known.tests.values() if t.grade_id.startswith("dataloader")]
    known.add(known.stubs, unwritten=known.tests)
    known.add(known.solution, unwritten=loader)
    known.add(known.solution, known.tests, code=Reason.UNREADABLE)
    known.add(known.solution, UNHEARD_OF)
    known.add(known.solution)
    known.add(known.solution, refused="damaged")
    known.add(None)
    assert [f.resemblance.kind for f in _found(known)] == ["untouched", "unfinished", "broken", "unknown"]


def test_a_weak_model_is_no_known_mistake(tmp_path):
    known = KnownClass(tmp_path, "ex09_keypoints")
    failed = [t.name for t in known.tests.values() if t.grade_id == "keypoints_score"]
    known.add(known.solution, failed[-2:])
    standing = known.standings[0]
    scored = Attempt(**{**vars(standing.attempts[0]), "metrics": {"keypoint_score": 60.0}})
    known.standings[0] = type(standing)(**{**vars(standing), "attempts": (scored,)})
    (finding,) = _found(known)
    assert finding.resemblance.kind == "model"


def test_code_that_gives_no_answer_is_no_known_mistake_unless_it_has_it(tmp_path):
    """`input()` fails the tests that a wrong length fails, and so does a loop; neither is a wrong length."""
    known = KnownClass(tmp_path)
    length = next(w for w in wrong_answers(EXERCISE) if w.name == "loader_len_counts_samples")
    known.add(known.solution, length.fails, code=Reason.RAISED, raised="EOFError")
    known.add(known.solution, length.fails, code=Reason.RAISED, raised="Own<b>Error")
    known.add(known.solution, length.fails, code=Reason.TIMED_OUT)
    modules = {e.file: known.solution[e.file].replace(e.find, e.replace) for e in length.edit}
    known.add(known.solution | modules, length.fails, code=Reason.RAISED, raised="TypeError")
    found = _found(known)
    assert [f.resemblance.kind for f in found] == ["stopped", "stopped", "stopped", "known"]
    assert [f.resemblance.stop for f in found[:3]] == [
        "the code raises EOFError: as `input()` does, where nobody is there to type",
        "the code raises Own<b>Error",
        "the code does not end in time",
    ]
    first, second = mistakes(found, {w.name: w.about for w in wrong_answers(EXERCISE)})
    assert {m.about for m in first} == {f.resemblance.stop for f in found[:3]} | {length.about}
    assert second == []


def test_a_hand_in_that_stops_in_several_ways_stays_one_that_nobody_anticipated(tmp_path):
    known = KnownClass(tmp_path)
    attempt = known.add(known.solution, UNHEARD_OF, code=Reason.RAISED, raised="KeyError")
    assert attempt is not None
    result = attempt.read()
    first = next(t for c in result.cells for t in c.tests if not t.passed)
    cells = [
        c.model_copy(
            update={"tests": [t.model_copy(update={"raised": "TypeError"}) if t == first else t for t in c.tests]}
        )
        for c in result.cells
    ]
    write_result(result.model_copy(update={"cells": cells}), attempt.result)
    assert [f.resemblance.kind for f in _found(known)] == ["unknown"]


@pytest.mark.parametrize("problem", ["the header of line.safetensors is over 1000 kB: save tensors only", ""])
def test_a_model_that_the_judge_refused_is_not_opened(tmp_path, monkeypatch, problem):
    """A header that lists hundreds of thousands of tensors takes a minute and 660 MB to read."""
    monkeypatch.setattr("safetensors.numpy.load", lambda _: pytest.fail("the weights were loaded"))
    known = KnownClass(tmp_path, "ex09_keypoints")
    groups: dict[frozenset[str], list[WrongAnswer]] = {}
    for wrong in wrong_answers(known.src):
        groups.setdefault(frozenset(wrong.fails), []).append(wrong)
    alike = next(of for of in groups.values() if len(of) > 1 and any(w.model_edit for w in of))
    attempt = known.add(known.solution, alike[0].fails)
    assert attempt is not None
    header = json.dumps({f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(20_000)})
    assert len(header) > MAX_HEADER_BYTES
    model = attempt.path / "models" / f"{known.src.exercise.model.files[0]}.safetensors"
    model.parent.mkdir()
    model.write_bytes(len(header).to_bytes(8, "little") + header.encode())
    if problem:
        result = attempt.read()
        about = result.model | {"problems": [problem]}
        write_result(result.model_copy(update={"model": about}), attempt.result)
        model.write_bytes(b"{}")
    assert len(_found(known)) == 1


def test_nearly_the_same_tests_resemble_and_half_of_them_do_not(catalogue):
    fails = set(catalogue.answers["first_sample_lost"].fails)
    near = catalogue.recognise(frozenset(sorted(fails)[1:]), frozenset(), lambda: None)
    assert near.answers == (("first_sample_lost",),) and not near.exact
    assert catalogue.recognise(frozenset(sorted(fails)[::3]), frozenset(), lambda: None) is None


def test_what_the_code_does_not_tell_apart_stays_open(catalogue):
    wrong = catalogue.answers["variance_for_std"]
    same = {name for name, other in catalogue.answers.items() if set(other.fails) == set(wrong.fails)}
    found = catalogue.recognise(frozenset(wrong.fails), frozenset(), lambda: None)
    assert set(found.answers[0]) == same and len(same) > 2


def test_hostile_code_is_read_and_not_run(tmp_path):
    known = KnownClass(tmp_path)
    wrong = next(w for w in wrong_answers(EXERCISE) if w.name == "variance_for_std")
    mark = tmp_path / "ran"
    bomb = f"open({str(mark)!r}, 'w')\n" + "(" * 50_000 + '"""\\'
    known.add({"image_folder.py": bomb, "dataloader.py": "\x00\ud7ff" + "[" * 9999}, wrong.fails)
    (finding,) = _found(known)
    assert finding.resemblance.kind == "known"
    assert not mark.exists()


def test_mistakes_are_counted_with_their_students(tmp_path):
    known = KnownClass(tmp_path)
    for names in (["len_counts_classes"], ["len_counts_classes", "lists_for_arrays"], ["len_counts_classes"]):
        known.add_wrong(*names)
    for _ in range(2):
        known.add(known.solution, UNHEARD_OF)
    known.add(known.solution, UNHEARD_OF[:1])
    first, second = mistakes(_found(known), {w.name: w.about for w in wrong_answers(EXERCISE)})
    assert [(m.names, len(m.students)) for m in first] == [(("len_counts_classes",), 3), (("lists_for_arrays",), 1)]
    assert first[0].about == "the dataset's length is the number of classes"
    assert [(m.tests, [s.id for s in m.students]) for m in second] == [
        (tuple(sorted(UNHEARD_OF)), ["u0003", "u0004"]),
        (UNHEARD_OF[:1], ["u0005"]),
    ]


def test_a_hand_in_that_is_gone_is_judged_by_its_tests(tmp_path):
    known = KnownClass(tmp_path)
    attempt = known.add_wrong("variance_for_std")
    assert attempt is not None
    for path in sorted(Path(attempt.path).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    attempt.path.rmdir()
    (finding,) = _found(known)
    assert "variance_for_std" in finding.resemblance.answers[0] and len(finding.resemblance.answers[0]) > 1
