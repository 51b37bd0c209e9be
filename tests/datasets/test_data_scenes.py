"""MSRC v2: the parser of its bitmaps, and the drawn scenes in its form."""

import io
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exercise_code.common.data import load_dataset
from exercise_code.common.datasets.generators.landscapes.classes import SCENE_CLASSES, SCENE_COLOURS, VOID
from exercise_code.common.datasets.generators.landscapes.pictures import TEXTURES_OF, draw_landscape, make_landscapes
from exercise_code.common.datasets.generators.landscapes.textures import TEXTURES
from exercise_code.common.datasets.generators.sampling import sample_generator
from exercise_code.common.datasets.segmentation import DATASET, SceneSet
from exercise_code.common.errors import CourseError
from exercise_code.common.metrics import SegmentationAccuracy
from exercise_code.common.progress import silent

parse = DATASET.parsers["msrc_zip"]
PALETTE = np.array([*SCENE_COLOURS.values(), (0, 0, 0)], dtype=np.uint8)
seeds = st.integers(0, 2**128)


def bmp(pixels, mode="RGB"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "BMP")
    return buffer.getvalue()


def members(scenes, lists, top="segmentation_data/"):
    """A zip's files: `scenes` maps names to (image, labels), `lists` splits to names."""
    files = {f"{top}{split}.txt": "".join(f"{name}.bmp\n" for name in names).encode() for split, names in lists.items()}
    for name, (image, labels) in scenes.items():
        files |= {f"{top}images/{name}.bmp": bmp(image), f"{top}targets/{name}_GT.bmp": bmp(PALETTE[labels])}
    return files


def write(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def scene(height, width, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, size=(height, width, 3), dtype=np.uint8)
    return image, rng.integers(-1, 23, size=(height, width)).astype(np.int8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scenes")


def test_listed_pictures_come_in_their_order(folder):
    scenes = {name: scene(240, 240, seed) for seed, name in enumerate(("1_2_s", "9_1_s", "3_3_s"))}
    path = write(folder / "a.zip", members(scenes, {"train": ["9_1_s", "1_2_s"], "val": ["3_3_s"]}))
    for split, names in (("train", ["9_1_s", "1_2_s"]), ("val", ["3_3_s"])):
        arrays = parse(path, split, silent)
        assert (arrays["images"].dtype, arrays["labels"].dtype) == (np.uint8, np.int8)
        np.testing.assert_array_equal(arrays["images"], [scenes[name][0] for name in names])
        np.testing.assert_array_equal(arrays["labels"], [scenes[name][1] for name in names])
    with pytest.raises(CourseError, match=r"expected test.txt in a.zip"):
        parse(path, "test", silent)


@settings(max_examples=12, deadline=None)
@given(height=st.integers(1, 330), width=st.integers(1, 330))
def test_the_middle_is_kept_and_the_rest_is_void(folder, height, width):
    image, labels = scene(height, width)
    arrays = parse(write(folder / "b.zip", members({"1_s": (image, labels)}, {"train": ["1_s"]}, "")), "train", silent)
    got, classes = arrays["images"][0], arrays["labels"][0]
    assert got.shape == (240, 240, 3) and classes.shape == (240, 240)
    # Shifts of the picture's first pixel against the crop's; positive where the crop has a border.
    down, right = (240 - height) // 2, (240 - width) // 2
    if height > 240:
        down = -((height - 240) // 2)
    if width > 240:
        right = -((width - 240) // 2)
    for y in (0, 100, 239):
        for x in (0, 120, 239):
            inside = 0 <= y - down < height and 0 <= x - right < width
            assert classes[y, x] == (labels[y - down, x - right] if inside else VOID)
            assert (got[y, x] == (image[y - down, x - right] if inside else 0)).all()


GOOD = members({"1_s": scene(30, 40), "2_s": scene(40, 30)}, {"train": ["1_s", "2_s"]})
WRONG_COLOUR = PALETTE[scene(30, 40)[1]]
WRONG_COLOUR[3, 5] = (128, 0, 1)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("targets/1_s_GT.bmp", bmp(WRONG_COLOUR), r"23 classes and of void in .*1_s_GT.bmp in .*, got 128, 0, 1"),
        ("targets/1_s_GT.bmp", bmp(PALETTE[scene(30, 41)[1]]), "1_s_GT.bmp as large as its picture"),
        ("targets/1_s_GT.bmp", None, "expected segmentation_data/targets/1_s_GT.bmp"),
        ("images/2_s.bmp", None, "expected segmentation_data/images/2_s.bmp"),
        ("images/2_s.bmp", b"BM", "no readable BMP"),
        ("images/2_s.bmp", bmp(scene(30, 40)[0])[:-200], "no readable BMP"),
        ("images/2_s.bmp", bmp(np.zeros((2, 1001, 3), np.uint8)), "at most 1000x1000"),
        ("images/2_s.bmp", b"\x89PNG\r\n\x1a\n" + bytes(50), "no readable BMP"),
        ("images/2_s.bmp", bytes(4_000_001), "at most 4,000,000 bytes"),
        ("train.txt", b"", "expected different names in .*train.txt in .*, got none"),
        ("train.txt", b"1_s.bmp\n1_s.bmp\n", "got one twice"),
        ("train.txt", b"1_s.png\n", "names like 1_2_s.bmp in .*, got '1_s.png'"),
        ("train.txt", b"../images/1_s.bmp\n", "names like"),
        ("train.txt", b"\xff\xfe", "names like"),
        ("train.txt", None, "expected train.txt"),
    ],
)
def test_a_bad_file_is_one_clear_line(folder, name, data, words):
    files = GOOD | {f"segmentation_data/{name}": data}
    path = write(folder / "bad.zip", {file: content for file, content in files.items() if content is not None})
    with pytest.raises(CourseError, match=words) as caught:
        parse(path, "train", silent)
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(GOOD)), place=st.integers(0, 4000), change=st.binary(min_size=1, max_size=12))
def test_changed_bytes_give_scenes_or_one_clear_line(folder, name, place, change):
    data = bytearray(GOOD[name])
    place %= len(data)
    data[place : place + len(change)] = change
    path = write(folder / "changed.zip", GOOD | {name: bytes(data)})
    said = ""
    try:
        arrays = parse(path, "train", silent)
        assert arrays["images"].shape[1:] == (240, 240, 3) and arrays["labels"].min() >= VOID
    except CourseError as error:
        said = str(error)
    assert "\n" not in said


@settings(max_examples=8, deadline=None)
@given(seed=seeds, n=st.integers(1, 2), start=st.integers(0, 25))
def test_drawn_scenes_have_msrcs_form(seed, n, start):
    images, labels = make_landscapes(n, seed, start)
    assert images.shape == (n, 240, 240, 3) and images.dtype == np.uint8
    assert labels.shape == (n, 240, 240) and labels.dtype == np.int8
    assert labels.min() >= VOID and labels.max() < len(SCENE_CLASSES) == 23
    assert ((labels != VOID).mean(axis=(1, 2)) > 0.02).all()
    image, classes = draw_landscape(sample_generator(seed, start))
    assert np.array_equal(images[0], image) and np.array_equal(labels[0], classes)


@pytest.fixture(scope="module")
def train():
    return load_dataset("segmentation", "train", "embedded")


@pytest.fixture(scope="module")
def val():
    return load_dataset("segmentation", "val", "embedded")


def test_every_class_is_there_and_void_is_as_common_as_in_photographs(train, val):
    assert isinstance(train, SceneSet) and train.colours.shape == (23, 3) and len(train.classes) == 23
    assert len(np.unique(val.labels)) == 24
    shares = np.bincount(train.labels.ravel() + 1, minlength=24) / train.labels.size
    assert 0.15 < shares[0] < 0.4
    assert shares[1:].min() > 0.002
    per_scene = [len(set(np.unique(labels)) - {VOID}) for labels in train.labels]
    assert np.mean(per_scene) > 3 and np.max(per_scene) >= 6
    image, labels = val[4]
    assert np.array_equal(image, val.images[4]) and np.array_equal(labels, val.labels[4])


def test_seams_are_void(val):
    """Two classes never touch: between them lies void, as in the photographs' targets."""
    for labels in val.labels:
        for first, second in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
            assert not ((first != second) & (first != VOID) & (second != VOID)).any()


def test_colours_tell_next_to_nothing(train, val):
    """Measured: the nearest mean colour 0.04, a table of colours 0.17, always the commonest class 0.19."""
    pixels = train.images[:, ::5, ::5].reshape(-1, 3).astype(np.float32)
    classes = train.labels[:, ::5, ::5].ravel()
    means = np.stack([pixels[classes == label].mean(axis=0) for label in range(23)])
    seen, truth = val.images[:, ::5, ::5].astype(np.float32), val.labels[:, ::5, ::5]
    predicted = ((seen[..., None, :] - means) ** 2).sum(axis=-1).argmin(axis=-1)
    accuracy = SegmentationAccuracy()
    assert accuracy(predicted, truth) < 0.12
    # Even with a table of colours, each with its most frequent class.
    table = np.zeros((8, 8, 8, 23))
    known = classes != VOID
    np.add.at(table, (*(pixels[known].astype(int) // 32).T, classes[known]), 1)
    predicted = table.argmax(axis=-1)[tuple(np.moveaxis(seen.astype(int) // 32, -1, 0))]
    assert accuracy(predicted, truth) < 0.3
    assert accuracy(np.full_like(truth, np.bincount(classes[known]).argmax()), truth) < 0.3


def test_each_texture_belongs_to_several_classes():
    assert set(TEXTURES_OF) == set(SCENE_CLASSES)
    owners = {texture: [name for name, own in TEXTURES_OF.items() if texture in own] for texture in TEXTURES}
    assert min(len(names) for names in owners.values()) >= 2
    assert all(len(own) > 1 for own in TEXTURES_OF.values())


def test_a_scene_is_drawn_fast():
    """In 15 ms, measured; a busy machine gets ten times that."""
    begin = time.process_time()
    make_landscapes(10, seed=4)
    assert time.process_time() - begin < 1.5
