"""`load_dataset`: what it gives, from where, and what it says when it cannot."""

import os
import subprocess
import sys
import time
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from exercise_code.common import data
from exercise_code.common.data import dataset_info, load_dataset, main
from exercise_code.common.datasets import known, load, places, prepare
from exercise_code.common.datasets.generators.faces import make_faces
from exercise_code.common.datasets.generators.objects import make_objects
from exercise_code.common.datasets.registry import load_registry, read_registry
from exercise_code.common.errors import CourseError
from exercise_code.ex09_keypoints.scoring import evaluation_set

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty data folder, no mirror, small embedded sets."""
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("DATASETS_SOURCE", raising=False)
    monkeypatch.delenv("DATASETS_MIRROR", raising=False)
    sizes = {"train": 60, "val": 20, "test": 20}
    for name, dataset in known.DATASETS.items():
        monkeypatch.setitem(known.DATASETS, name, replace(dataset, splits=sizes))
    return tmp_path / "data"


def test_embedded_keypoints(folder, capsys):
    faces = load_dataset("facial_keypoints", "train", "embedded")
    # A progress bar comes before it where drawing takes a while.
    printed = capsys.readouterr().out
    assert printed.endswith("facial_keypoints train: 60 samples, embedded (drawn on this computer)\n")
    assert faces.images.shape == (60, 1, 96, 96) and faces.images.dtype == np.uint8
    assert faces.keypoints.shape == (60, 30) and faces.keypoints.dtype == np.float32
    assert (faces.name, faces.split, faces.source, len(faces.columns)) == ("facial_keypoints", "train", "embedded", 30)
    images, keypoints = make_faces(60, seed=1)
    np.testing.assert_array_equal(faces.images, images)
    np.testing.assert_array_equal(faces.keypoints, keypoints)
    assert len(faces) == 60
    image, target = faces[7]
    assert np.array_equal(image, images[7]) and np.array_equal(target, keypoints[7])
    x, y = evaluation_set("embedded", "train")
    assert x.dtype == y.dtype == np.float32 and x.shape == (60, 1, 96, 96)
    np.testing.assert_allclose(x, images / 255, rtol=1e-6)
    np.testing.assert_allclose(y, (keypoints - 48) / 48, rtol=1e-5, atol=1e-6)


def test_embedded_objects_and_their_folder(folder):
    objects = load_dataset("cifar10", "val", "embedded")
    images, labels = make_objects(20, seed=2)
    np.testing.assert_array_equal(objects.images, images)
    np.testing.assert_array_equal(objects.labels, labels)
    assert objects.classes == ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    image, label = objects[3]
    assert np.array_equal(image, images[3]) and label == labels[3] and type(label) is int
    assert sorted(path.name for path in objects.root.iterdir()) == sorted(objects.classes)
    for label, name in enumerate(objects.classes):
        files = sorted((objects.root / name).glob("*.png"))
        stored = np.stack([np.asarray(Image.open(file)) for file in files])
        np.testing.assert_array_equal(stored, images[labels == label])


def test_splits_share_no_sample(folder):
    for name in data.DATASETS:
        splits = [load_dataset(name, split, "embedded") for split in data.SPLITS]
        samples = [np.asarray(dataset[i][0]).tobytes() for dataset in splits for i in range(len(dataset))]
        assert len(set(samples)) == len(samples) == 100


def test_a_data_set_cannot_be_changed_by_accident(folder):
    faces = load_dataset("facial_keypoints", "val", "embedded")
    with pytest.raises(FrozenInstanceError):
        faces.images = None
    assert repr(faces).count("\n") == 0 and len(repr(faces)) < 200


def test_keypoints_are_scaled_from_the_middle_of_the_picture():
    faces = load_dataset("facial_keypoints", "val", "embedded")
    images, scaled = evaluation_set("embedded", "val")
    assert images.dtype == scaled.dtype == np.float32
    np.testing.assert_allclose(scaled * 48 + 48, faces.keypoints, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cifar",), "expected a data set of cifar10, facial_keypoints, .*, got 'cifar'"),
        (("cifar10", "dev"), "expected a split of train, val, test, got 'dev'"),
        (("cifar10", "val", "online"), "expected a source of auto, real, embedded, got 'online'"),
        (("mobilenet_v2",), "mobilenet_v2 is listed, but not yet supported: choose one of cifar10, facial_keypoints, "),
        (("facial_keypoints", "test", "real"), 'no test split here.*use train or val, or source="embedded"'),
        ((None,), "got None"),
        ((["cifar10"],), "got .'cifar10'."),
    ],
)
def test_wrong_arguments_are_one_clear_line(folder, arguments, words):
    with pytest.raises(CourseError, match=words) as caught:
        load_dataset(*arguments)
    assert "\n" not in str(caught.value)


def test_the_source_setting_decides_what_auto_means(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("DATASETS_SOURCE", "embedded")
    assert load_dataset("cifar10", "val").source == "embedded"
    monkeypatch.setenv("DATASETS_SOURCE", "real")
    with pytest.raises(CourseError, match="cannot be downloaded without a login"):
        load_dataset("facial_keypoints", "val")
    monkeypatch.setenv("DATASETS_SOURCE", "both")
    with pytest.raises(CourseError, match="expected DATASETS_SOURCE to be one of auto, real, embedded, got 'both'"):
        load_dataset("cifar10", "val")


def test_a_relative_mirror_is_made_absolute_at_once(folder, monkeypatch, tmp_path):
    (tmp_path / "shared").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATASETS_MIRROR", "shared")
    assert places.mirror() == tmp_path / "shared"
    monkeypatch.chdir("/")
    assert places.mirror() == tmp_path / "shared" == Path(os.environ["DATASETS_MIRROR"])


def test_a_relative_setting_holds_from_the_courses_root_too(monkeypatch):
    monkeypatch.chdir("/")
    monkeypatch.setenv("DATASETS_DIR", "datasets")
    assert places.data_folder() == ROOT / "datasets"
    monkeypatch.delenv("DATASETS_DIR")
    assert places.data_folder() == ROOT / "datasets"


@pytest.mark.parametrize(
    ("setting", "words"), [("/nowhere/data", "found none at .*nowhere"), ("ftp://host/data", "folder or an http")]
)
def test_a_bad_mirror_is_one_clear_line(folder, monkeypatch, setting, words):
    monkeypatch.setenv("DATASETS_MIRROR", setting)
    with pytest.raises(CourseError, match=words):
        load_dataset("cifar10", "val", "real")
    assert load_dataset("cifar10", "val", "embedded").source == "embedded"


def test_a_data_folder_that_cannot_be_used_is_one_clear_line(folder, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("DATASETS_DIR", str(place))
        with pytest.raises(CourseError, match=r"could not read or write the cache .*set DATASETS_DIR"):
            load_dataset("cifar10", "val", "embedded")


def test_missing_permission_is_one_clear_line(folder, monkeypatch):
    def deny(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", deny)
    with pytest.raises(CourseError, match=r"no permission for the cache in .*set DATASETS_DIR"):
        load_dataset("cifar10", "val", "embedded")


FULL_DISK = """
import resource, sys
from exercise_code.common.data import load_dataset
from exercise_code.common.errors import CourseError
dataset = load_dataset("cifar10", "val", "embedded") if "pictures" in sys.argv else None
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
try:
    dataset.root if dataset else load_dataset("cifar10", "val", "embedded")
except CourseError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on a file's size")
@pytest.mark.parametrize("what", ["arrays", "pictures"])
def test_a_full_disk_is_one_clear_line_and_leaves_nothing(folder, what):
    command = [sys.executable, "-c", FULL_DISK, what]
    child = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    complaint = child.stdout.splitlines()[-1]
    assert complaint.startswith(f"no room in {folder}") and "set DATASETS_DIR" in complaint
    assert child.stderr == ""
    written = {path.parent.name for path in folder.rglob("*") if path.is_file()}
    assert written == ({"val"} if what == "pictures" else set())


def test_importing_is_quick_and_brings_no_torch():
    code = (
        "import time, sys, numpy, numpy.typing; start = time.process_time(); import exercise_code.common.data; "
        "print(time.process_time() - start); "
        "print(sorted({'torch', 'pooch', 'tqdm', 'requests', 'PIL'} & set(sys.modules)))"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    assert min(float(run.stdout.splitlines()[0]) for run in runs) < 0.15
    assert all(run.stdout.splitlines()[1] == "[]" for run in runs)


def test_a_second_load_reads_the_cache(folder, monkeypatch):
    load_dataset("facial_keypoints", "train", "embedded")
    monkeypatch.setattr(load, "draw_split", lambda *_: pytest.fail("drawn again"))
    start = time.process_time()
    load_dataset("facial_keypoints", "train", "embedded")
    assert time.process_time() - start < 0.2


def test_without_a_registry_embedded_data_still_works(folder, monkeypatch):
    """nbgrader's release folder holds the notebooks and exercise_code, nothing else."""
    from exercise_code.common.datasets import registry

    monkeypatch.setattr(registry, "registry_file", lambda: None)
    assert load_dataset("cifar10", "val").source == "embedded"
    with pytest.raises(CourseError, match=r"registry\.toml beside exercise_code"):
        load_dataset("cifar10", "val", "real")
    with pytest.raises(CourseError, match=r"expected a data set of cifar10, facial_keypoints, .*, got 'mobilenet_v2'"):
        load_dataset("mobilenet_v2")


def test_the_registry_is_complete():
    sets_known = load_registry()
    assert set(data.DATASETS) <= set(sets_known)
    for name in data.DATASETS:
        info = dataset_info(name)
        assert info.licence and info.citation and info.homepage and info.loadable
        assert info.login or any(variant.url for variant in info.variants)
    digits = {"sha256": 64, "md5": 32}
    for variant in (variant for info in sets_known.values() for variant in info.variants):
        assert set(variant.splits) <= set(data.SPLITS)
        if variant.url:
            assert variant.hash and variant.size, f"{variant.file} could be anything"
        if variant.hash:
            kind, value = variant.hash.split(":")
            assert len(value) == digits[kind] and int(value, 16)


@pytest.mark.parametrize(
    "text",
    [
        "[cifar10",
        "cifar10 = 3",
        '[cifar10]\ntitle = "x"',
        '[a]\ntitle="x"\nlicence=""\ncitation=""\nhomepage=""\nsurprise=1\nvariants=[]',
        '[a]\ntitle="x"\nlicence=""\ncitation=""\nhomepage=""\n[[a.variants]]\nname="x"\nfile="../x"\nsplits=[]',
        '[a]\ntitle="x"\nlicence=""\ncitation=""\nhomepage=""\n[[a.variants]]\nname="x"\nfile="x"\nsplits=[]\nhash="1"',
    ],
)
def test_a_damaged_registry_is_one_clear_line(tmp_path, text):
    (tmp_path / "registry.toml").write_text(text)
    with pytest.raises(CourseError, match="no readable registry"):
        read_registry(tmp_path / "registry.toml")


def test_the_command_prepares_and_lists(folder, capsys):
    assert main([]) == 0
    table = capsys.readouterr().out
    for name in data.DATASETS:
        for split, size in (("train", 60), ("val", 20), ("test", 20)):
            assert [name, split, str(size), "embedded", "(drawn)"] in [line.split()[:5] for line in table.splitlines()]
    assert "mobilenet_v2: not yet supported" in table
    assert main(["facial_keypoints", "--source", "embedded"]) == 0
    assert "cifar10  " not in capsys.readouterr().out


def test_the_command_notes_what_needs_a_login(folder, capsys, monkeypatch):
    faces = load_registry()["facial_keypoints"]
    monkeypatch.setattr(prepare, "DATASETS", ("facial_keypoints",))
    assert main(["--source", "real"]) == 0
    assert main(["facial_keypoints", "--source", "real"]) == 1
    assert faces.login in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["nothing"], ["mobilenet_v2"], ["cifar10", "--source", "moon"], ["facial_keypoints", "--source", "real"]],
)
def test_the_command_fails_with_one_line(folder, capsys, arguments):
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert said.err.startswith("error: ") and said.err.count("\n") == 1


@pytest.fixture
def real(tmp_path_factory, monkeypatch):
    """The real files' mirror, and a data folder that the tests below share."""
    mirror = os.environ.get("DATASETS_MIRROR", "")
    if not (Path(mirror) / "facial_keypoints.zip").is_file() or not (Path(mirror) / "cifar10.zip").is_file():
        pytest.skip("DATASETS_MIRROR names no folder with cifar10.zip and facial_keypoints.zip")
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path_factory.getbasetemp() / "real-data"))
    monkeypatch.delenv("DATASETS_SOURCE", raising=False)


def test_real_keypoints(real, capsys):
    train, val = load_dataset("facial_keypoints", "train"), load_dataset("facial_keypoints", "val", "real")
    assert (len(train), len(val), train.source, train.variant) == (2000, 400, "real", "video-sample")
    assert "real (video-sample)" in capsys.readouterr().out
    for faces in (train, val):
        assert faces.images.dtype == np.uint8 and faces.images.shape[1:] == (1, 96, 96)
        assert faces.keypoints.dtype == np.float32 and np.isfinite(faces.keypoints).all()
        x, y = faces.keypoints[:, 0::2].mean(), faces.keypoints[:, 1::2].mean()
        assert 40 < x < 56 and 40 < y < 64
    first = [66.0, 35.0, 30.0, 39.0]
    assert np.abs(val.keypoints[0, :4] - first).max() < 5, "the first row of val.csv"
    with pytest.raises(CourseError, match="no test split"):
        load_dataset("facial_keypoints", "test")


def test_real_cifar(real):
    val, test = load_dataset("cifar10", "val"), load_dataset("cifar10", "test", "real")
    for part in (val, test):
        assert part.source == "real" and part.images.shape == (2000, 32, 32, 3)
        assert np.bincount(part.labels).tolist() == [200] * 10
    assert not {image.tobytes() for image in val.images} & {image.tobytes() for image in test.images}
    assert len(list(test.root.glob("*/*.png"))) == 2000
