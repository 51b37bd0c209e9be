"""Variants: hand-ins made from an exercise's sources, and a wrong.toml that says exactly what is wrong with it."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny_course import RIGHT, STUB, WRONG, make_tiny_course

from autograder.base.errors import AutograderError
from autograder.sources.exercise import known_tests, sources
from autograder.sources.known_answers import apply, right_answers, wrong_answers
from autograder.sources.variants import reference, strip_markers, untouched, with_module

MODULE = "exercise_code/ex77_tiny/sums.py"
ENTRY = '[[wrong]]\nname = "broken"\nabout = "it is"\nfails = ["test_totals"]\n'
EDIT = '[[wrong.edit]]\nfile = "sums.py"\nfind = "total += value"\nreplace = "total -= value"\n'


@pytest.fixture
def tiny(tmp_path):
    return make_tiny_course(tmp_path / "tiny")


@pytest.fixture
def with_model(tmp_path):
    return make_tiny_course(tmp_path / "tiny", model=True)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def wrong(src, text: str):
    (src.course / "wrong.toml").write_text(text)
    return wrong_answers(src)


def apply_one(src, text: str, into: Path) -> Path:
    (answer,) = wrong(src, text)
    return apply(answer, into, src)


def test_reference_is_a_whole_hand_in_without_markers(with_model, tmp_path):
    into = reference(with_model, tmp_path / "out")
    assert files(into) == {"1_sums.ipynb", MODULE, "models/line.safetensors", "models/line.json"}
    text = (into / MODULE).read_text()
    assert "SOLUTION" not in text
    assert "total += value" in text


def test_untouched_has_stubs_and_no_model(with_model, tmp_path):
    into = untouched(with_model, tmp_path / "out")
    assert files(into) == {"1_sums.ipynb", MODULE}
    assert (into / MODULE).read_text() == STUB


def test_with_module_changes_one_module_of_a_copy(tiny, tmp_path):
    base = reference(tiny, tmp_path / "base")
    into = with_module(base, tiny, "sums.py", "### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n", tmp_path / "out")
    assert files(into) == files(base)
    assert (into / MODULE).read_text() == "x = 1\n"
    assert "total += value" in (base / MODULE).read_text()


def test_markers_go_with_their_lines():
    assert strip_markers("a\n    ### BEGIN SOLUTION\n    b\n    ### END SOLUTION\n") == "a\n    b\n"


def test_tests_are_known_without_being_run(tiny):
    (tiny.course / "test_hidden.py").write_text(
        'raise RuntimeError("run")\n@grade("totals", own_process=True)\ndef test_more(observe): ...\n'
    )
    found = known_tests(tiny)
    assert {name: (test.grade_id, test.visible) for name, test in found.items()} == {
        "test_totals": ("totals", True),
        "test_windows": ("windows", True),
        "test_more": ("totals", False),
    }


def test_the_same_name_in_both_files_is_refused(tiny):
    (tiny.course / "test_hidden.py").write_text('@grade("totals")\ndef test_totals(observe): ...\n')
    with pytest.raises(AutograderError, match="got test_totals twice"):
        known_tests(tiny)


def test_wrong_answers_change_what_they_say(tiny, tmp_path):
    first, second = wrong_answers(tiny)
    assert (first.name, second.fails) == ("last_window_lost", ("test_totals", "test_totals_of_random_values"))
    into = apply(first, tmp_path / "out", tiny)
    text = (into / MODULE).read_text()
    assert "range(len(values) - size)]" in text
    assert "SOLUTION" not in text


def test_several_edits_of_one_module_add_up(tiny, tmp_path):
    more = EDIT.replace("total += value", "return totals").replace("total -= value", "return totals[1:]")
    text = (apply_one(tiny, ENTRY + EDIT + more, tmp_path / "out") / MODULE).read_text()
    assert "total -= value" in text
    assert "return totals[1:]" in text


def test_no_file_means_no_wrong_answers(tiny):
    (tiny.course / "wrong.toml").unlink()
    assert wrong_answers(tiny) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENTRY + EDIT.replace("total += value", "no such code"), r"broken: .* matches 0 times: 'no such code'"),
        (ENTRY + EDIT.replace("total += value", "values"), r"broken: .*matches \d+ times"),
        (ENTRY + EDIT.replace("-= value", "+= value"), "broken: .*`replace` to differ"),
        (ENTRY + EDIT.replace("total -= value", "total -= ("), "broken: expected Python code after the edit"),
        (ENTRY + EDIT.replace("sums.py", "loader.py"), "broken: .*modules sums.py, got 'loader.py'"),
        (ENTRY + EDIT.replace("sums.py", "../test_hidden.py"), "broken: .*modules sums.py"),
        (ENTRY, "broken: expected at least one edit"),
        (ENTRY.replace("test_totals", "test_nothing") + EDIT, "broken: .*got 'test_nothing': no test"),
        (ENTRY.replace('"test_totals"', '"test_totals", "test_totals"') + EDIT, "broken: .*'test_totals' twice"),
        (ENTRY.replace('["test_totals"]', "[]") + EDIT, "broken: fails: "),
        (ENTRY + 'points = 3\n' + EDIT, "broken: points: "),
        (ENTRY + EDIT + "times = 2\n", r"broken: edit\.1\.times: "),
        (ENTRY.replace('"it is"', "3") + EDIT, "broken: about: "),
        (ENTRY.replace('name = "broken"\n', "") + EDIT, "1: name: expected a value, got none"),
        (ENTRY + 'exercise = "ex01"\n' + EDIT, "without the key 'exercise'"),
        (WRONG + WRONG, "'last_window_lost' twice"),
        (ENTRY + EDIT + "[other]\nkey = 1\n", "nothing else"),
        ("[[wrong]", "expected a TOML file"),
        ("", "got nothing"),
        (ENTRY + '[[wrong.hparam_edit]]\nkey = "width"\nvalue = 2\n', "hands in no model"),
    ],
)  # fmt: skip
def test_faults_of_a_wrong_toml_are_named(tiny, text, words):
    with pytest.raises(AutograderError, match=words) as caught:
        wrong(tiny, text)
    assert str(tiny.course / "wrong.toml") in str(caught.value)


def test_right_answers_change_the_solution_and_name_no_tests(tiny, tmp_path):
    (answer,) = right_answers(tiny)
    text = (apply(answer, tmp_path / "out", tiny) / MODULE).read_text()
    assert "found.append(values[start : start + size])" in text and "SOLUTION" not in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ((ENTRY + EDIT).replace("[[wrong", "[[right"), "broken: fails: expected a known name, got fails"),
        (ENTRY + EDIT, r"expected \[\[right\]\] entries and nothing else, got \['wrong'\]"),
        (RIGHT.replace("find = ", "find = 'x'#"), "matches 0 times"),
    ],
)
def test_faults_of_a_right_toml_are_named(tiny, text, words):
    (tiny.course / "right.toml").write_text(text)
    with pytest.raises(AutograderError, match=words) as caught:
        right_answers(tiny)
    assert str(tiny.course / "right.toml") in str(caught.value)


def test_no_file_means_no_right_answers(tiny):
    (tiny.course / "right.toml").unlink()
    assert right_answers(tiny) == []


def model_edit(**values) -> str:
    return ENTRY + "[[wrong.model_edit]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    ("edit", "want"),
    [
        ({"op": "scale", "key": "head.weight", "value": -2.0}, {"head.weight": WEIGHT * -2}),
        ({"op": "fill", "key": "head.weight", "value": 0.5}, {"head.weight": np.full((2, 3), 0.5, np.float32)}),
        ({"op": "reshape", "key": "head.weight", "shape": [3, 2]}, {"head.weight": WEIGHT.reshape(3, 2)}),
        ({"op": "rename", "key": "head.weight", "new_key": "neck.weight"}, {"neck.weight": WEIGHT}),
        ({"op": "add", "key": "ballast", "shape": [7]}, {"head.weight": WEIGHT, "ballast": np.zeros(7, np.float32)}),
    ],
)
def test_model_edits(with_model, tmp_path, edit, want):
    into = apply_one(with_model, model_edit(**edit), tmp_path / "out")
    got = load_file(into / "models" / "line.safetensors")
    want = {**want, "head.bias": np.ones(2, np.float32)}
    assert got.keys() == want.keys()
    for key, tensor in want.items():
        assert got[key].dtype == tensor.dtype
        np.testing.assert_array_equal(got[key], tensor)


def test_noise_is_noise_and_always_the_same(with_model, tmp_path):
    text = model_edit(op="noise", key="head.weight", value=0.1)
    one, two = (load_file(apply_one(with_model, text, tmp_path / n) / "models/line.safetensors") for n in "ab")
    np.testing.assert_array_equal(one["head.weight"], two["head.weight"])
    distance = np.abs(one["head.weight"] - WEIGHT)
    assert distance.min() > 0
    assert distance.max() < 1


def test_hparam_edit(with_model, tmp_path):
    into = apply_one(with_model, ENTRY + '[[wrong.hparam_edit]]\nkey = "width"\nvalue = 999\n', tmp_path / "out")
    assert json.loads((into / "models" / "line.json").read_text()) == {"width": 999, "depth": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (model_edit(op="scale", key="head.weight"), "exactly `value` beside op = 'scale', got nothing"),
        (model_edit(op="rename", key="head.weight", value=1.0), "exactly `new_key`"),
        (model_edit(op="grow", key="head.weight"), r"model_edit\.1\.op"),
        (model_edit(op="fill", key="tail", value=1.0), "that is in line.safetensors, got 'tail'"),
        (model_edit(op="add", key="head.bias", shape=[2]), "not yet in line.safetensors, got 'head.bias'"),
        (model_edit(op="reshape", key="head.bias", shape=[3]), "cannot reshape .* of 2 items"),
        (ENTRY + '[[wrong.hparam_edit]]\nkey = "size"\nvalue = 1\n', "got 'size': it has depth, width"),
    ],
)  # fmt: skip
def test_faults_of_model_edits_are_named(with_model, tmp_path, text, words):
    with pytest.raises(AutograderError, match=words):
        apply_one(with_model, text, tmp_path / "out")


@pytest.mark.parametrize("make", [reference, untouched])
def test_a_folder_with_files_is_left_alone(tiny, tmp_path, make):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(AutograderError, match="new or empty folder"):
        make(tiny, tmp_path)
    assert files(tmp_path) >= {"mine.txt"}


def test_what_is_missing_is_named(with_model, tmp_path):
    (with_model.solution / "models" / "line.json").unlink()
    with pytest.raises(AutograderError, match=r"trained reference in .*line\.json"):
        reference(with_model, tmp_path / "a")
    (with_model.exercise.folder / "sums.py").unlink()
    with pytest.raises(AutograderError, match="run `make build`"):
        untouched(with_model, tmp_path / "b")
    (with_model.solution / "sums.py").unlink()
    with pytest.raises(AutograderError, match="expected solved modules"):
        reference(with_model, tmp_path / "c")


def test_another_course_may_be_named(tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("AUTOGRADER_COURSE", str(tiny.course.parent))
    assert sources(tiny.exercise).course == tiny.course
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("AUTOGRADER_COURSE", str(tmp_path / "empty"))
    with pytest.raises(AutograderError, match="set AUTOGRADER_COURSE"):
        sources(tiny.exercise)
