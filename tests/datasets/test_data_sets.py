"""Each data set is whole: names, sizes, types, a generator that repeats itself, and a table in the registry."""

import ast
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from exercise_code.common.data import load_dataset
from exercise_code.common.datasets import dataset as form
from exercise_code.common.datasets.dataset import SPLITS, SampleSet
from exercise_code.common.datasets.embedded import generator_files
from exercise_code.common.datasets.known import DATASETS
from exercise_code.common.datasets.registry import load_registry

ROOM = Path(form.__file__).parent
LONGEST = 420
each = pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)


@each
def test_a_set_is_a_file_of_its_name(dataset):
    file = f"{form.__package__}.{dataset.name}"
    assert sys.modules[file].DATASET is dataset is DATASETS[dataset.name]
    assert dataset.generate.__module__ == dataset.samples.__module__ == file


@each
def test_its_class_says_what_the_arrays_are(dataset):
    own = {field.name for field in fields(dataset.samples)} - {field.name for field in fields(SampleSet)}
    drawn = dataset.generate(2, 0, 0)
    assert set(drawn) == own
    for name, array in drawn.items():
        first = "B" if name in dataset.ragged else "N"
        assert f"`{name}` {array.dtype} ({first}," in dataset.samples.__doc__, f"{name} is {array.dtype} {array.shape}"


@each
def test_embedded_splits_have_their_sizes(dataset):
    assert tuple(dataset.splits) == SPLITS
    for split, size in dataset.splits.items():
        loaded = load_dataset(dataset.name, split, "embedded")
        assert isinstance(loaded, dataset.samples) and len(loaded) == size
        first = dataset.generate(1, 0, 0)
        for name, array in first.items():
            whole = getattr(loaded, name)
            rows = getattr(loaded, dataset.ragged[name]).sum() if name in dataset.ragged else size
            assert (len(whole), whole.shape[1:], whole.dtype) == (rows, array.shape[1:], array.dtype)
        assert len(loaded[size - 1]) == len(first) - len(dataset.ragged)


@each
def test_sample_i_of_a_seed_is_always_the_same(dataset):
    whole, again, part = dataset.generate(8, 5, 0), dataset.generate(8, 5, 0), dataset.generate(3, 5, 5)
    for name, array in whole.items():
        np.testing.assert_array_equal(array, again[name])
        # A sample of a ragged array has the length that another array says.
        skipped = whole[dataset.ragged[name]][:5].sum() if name in dataset.ragged else 5
        np.testing.assert_array_equal(array[skipped:], part[name])
    other = dataset.generate(8, 6, 0)
    assert not all(np.array_equal(array, other[name]) for name, array in whole.items())


@each
def test_the_registry_and_the_file_name_the_same_parsers(dataset):
    info = load_registry()[dataset.name]
    assert {variant.parser for variant in info.loadable} == set(dataset.parsers)
    assert all(parse.__module__ == dataset.samples.__module__ for parse in dataset.parsers.values())


def test_a_registered_file_with_a_parser_belongs_to_a_set():
    assert {name for name, info in load_registry().items() if info.loadable} <= set(DATASETS)


@each
def test_a_cache_hangs_on_the_sets_own_code_alone(dataset):
    files = generator_files(dataset.generate.__module__)
    assert {ROOM / f"{dataset.name}.py", ROOM / "embedded.py", ROOM / "generators" / "sampling.py"} <= set(files)
    assert not {ROOM / f"{other}.py" for other in DATASETS if other != dataset.name} & set(files)


def test_the_code_that_draws_counts():
    names = {path.name for path in generator_files(DATASETS["cifar10"].generate.__module__)}
    assert {"objects.py", "animals.py", "vehicles.py"} <= names and "faces.py" not in names


def test_no_other_module_knows_a_set_by_its_name():
    for path in set(ROOM.glob("*.py")) - {ROOM / f"{name}.py" for name in DATASETS}:
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        constants = {node.value for node in nodes if isinstance(node, ast.Constant)}
        assert not set(DATASETS) & constants, path.name


def test_files_stay_small():
    for path in ROOM.rglob("*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= LONGEST, path.name
