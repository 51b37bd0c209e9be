"""The tests that `check` runs in the notebooks of exercise 3."""

import contextlib
import os
from itertools import islice
from pathlib import Path

import numpy as np

from exercise_code.common.testing import (
    Failure,
    OddAnswer,
    assert_calls,
    assert_same,
    call,
    each_call,
    entry,
    grade,
    kind_of,
    length,
    wrong_type,
)

# What these tests expect can be read here, so they earn little: their hidden twins, on fresh inputs, earn the points.
SEEN = 0.1

# Image folders

DISK = "ImageFolderDataset(root)"
MEMORY = "ImageFolderDataset(root, in_memory=True)"


def write_folder(pictures):
    """The path of a new image folder, from a dict: class name -> arrays, (height, width) or (height, width, 3 or 4)."""
    from PIL import Image

    root = Path(os.getcwd()) / "images"
    for name, images in pictures.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for i, image in enumerate(images):
            path = root / name / f"{i:03}.png"
            path.unlink(missing_ok=True)
            Image.fromarray(image).save(path)
    return root


def draw_pictures(rng, counts, height=4, width=6):
    """Random pictures for `write_folder`; `counts` says how many there are in each class."""
    return {name: rng.integers(0, 256, (n, height, width, 3), dtype=np.uint8) for name, n in counts.items()}


def in_order(pictures):
    """The images in the order in which a dataset should have them."""
    return [image for name in sorted(pictures) for image in pictures[name]]


def by_call(values):
    """What is expected of `dataset[0]`, `dataset[1]`, ..., from disk and from memory."""
    return {f"{text}[{i}]": value for text in (DISK, MEMORY) for i, value in enumerate(values)}


def dataset_lengths(code, pictures):
    root = write_folder(pictures)
    make = code.image_folder.ImageFolderDataset
    calls = {f"len({DISK})": [False], f"len({MEMORY})": [True]}
    return each_call(lambda keep: length(make(root, in_memory=keep)), calls)


def first_item(code, pictures):
    return code.image_folder.ImageFolderDataset(write_folder(pictures))[0]


def all_samples(code, pictures):
    """Each sample of a dataset on disk, and of one in memory."""
    root = write_folder(pictures)
    samples = {}
    for text, keep in ((DISK, False), (MEMORY, True)):
        dataset = code.image_folder.ImageFolderDataset(root, in_memory=keep)
        count = sum(map(len, pictures.values()))
        samples |= each_call(dataset.__getitem__, {f"{text}[{i}]": [i] for i in range(count)})
    return samples


def samples_after_files_were_lost(code, pictures):
    """The samples of a dataset in memory whose files are deleted after its creation."""
    root = write_folder(pictures)
    dataset = code.image_folder.ImageFolderDataset(root, in_memory=True)
    for path in root.rglob("*.png"):
        path.unlink()
    return each_call(dataset.__getitem__, {f"{MEMORY}[{i}]": [i] for i in range(sum(map(len, pictures.values())))})


def samples_before_and_after_a_change(code, before, after):
    """Sample 0 of a dataset on disk and of one in memory, twice: its file changes in between."""
    root = write_folder(before)
    make = code.image_folder.ImageFolderDataset
    datasets = {DISK: make(root), MEMORY: make(root, in_memory=True)}
    read = {f"{text}[0]": [dataset] for text, dataset in datasets.items()}
    samples = each_call(lambda dataset: dataset[0], read)
    write_folder(after)
    again = {f"{text}, with its file changed": arguments for text, arguments in read.items()}
    return samples | each_call(lambda dataset: dataset[0], again)


def samples_with_transform(code, pictures):
    """Sample 1, twice from disk and twice from memory, and how often the transform was called meanwhile.

    The transform makes half of the mirrored image.
    """
    root = write_folder(pictures)
    seen = []

    def transform(image):
        seen.append(1)
        return image[:, ::-1] / 2

    samples = {}
    for text, keep in (("root", False), ("root, in_memory=True", True)):
        dataset = code.image_folder.ImageFolderDataset(root, transform=transform, in_memory=keep)
        calls = {f"ImageFolderDataset({text}, transform=half)[1]{again}": [1] for again in ("", ", once more")}
        samples |= each_call(dataset.__getitem__, calls)
    return samples, len(seen)


def error_beyond_the_end(code, pictures):
    """The name of the exception that an index gives which is one too large, from disk and from memory."""
    root = write_folder(pictures)
    count = sum(map(len, pictures.values()))
    names = {}
    for text, keep in ((DISK, False), (MEMORY, True)):
        dataset = code.image_folder.ImageFolderDataset(root, in_memory=keep)
        names[f"{text}[{count}], of {count} samples"] = "no error"
        try:
            dataset[count]
        except NotImplementedError:
            raise
        except Exception as error:  # noqa: BLE001 - any other one is an answer, too
            names[f"{text}[{count}], of {count} samples"] = type(error).__name__
    return names


def part(samples, key):
    """What stands under `key` in each of the samples."""
    parts = {}
    for text, sample in samples.items():
        with call(text):
            parts[text] = entry(sample, key)
    return parts


def whole(value):
    """A number as an int where it is a whole one, whatever its type; anything else as it is."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool) and value == int(value):
        return int(value)
    return value


@grade("dataset_len", writable=True, weight=SEEN)
def test_len_counts_the_images_of_all_classes(observe, rng):
    """len(dataset) is the number of images in all classes together, on disk and in memory."""
    pictures = draw_pictures(rng, {"ship": 3, "cat": 1, "dog": 2})
    hints = {
        "these are the classes; self.paths has one entry for each image": {f"len({DISK})": 3},
        "this is the last index; counting starts at 0": {f"len({DISK})": 5},
    }
    assert_calls(observe(dataset_lengths, pictures), {f"len({DISK})": 6, f"len({MEMORY})": 6}, hints=hints)


@grade("dataset_getitem", writable=True, weight=SEEN)
def test_sample_is_a_dict_of_image_and_label(observe, rng):
    """dataset[0] is a dict: "image" is the first image as a uint8 array, "label" is its label, an int."""
    pictures = draw_pictures(rng, {"ship": 1, "cat": 1})
    with call(f"{DISK}[0]"):
        assert_same(observe(first_item, pictures), {"image": pictures["cat"][0], "label": 0})


@grade("dataset_getitem", writable=True, weight=SEEN)
def test_labels_are_numbers_of_the_sorted_classes(observe, rng):
    """Classes in alphabetical order get the labels 0, 1, 2; each sample has the label of its own folder."""
    pictures = draw_pictures(rng, {"ship": 2, "cat": 1, "dog": 2})
    got = {text: whole(label) for text, label in part(observe(all_samples, pictures), "label").items()}
    hints = {
        "the first class has the label 0, not 1": by_call([1, 2, 2, 3, 3]),
        "this is the index of the sample: self.labels has the label of each file ready": by_call([0, 1, 2, 3, 4]),
        "this is the name of the class; self.labels has its number": by_call(["cat", "dog", "dog", "ship", "ship"]),
    }
    assert_calls(got, by_call([0, 1, 1, 2, 2]), hints=hints)


@grade("dataset_getitem", writable=True, weight=SEEN)
def test_every_image_is_the_one_in_its_file(observe, rng):
    """Sample i has the image of file i, from the first to the last, unchanged, from disk and from memory."""
    pictures = draw_pictures(rng, {"ship": 2, "cat": 1, "dog": 2}, height=5, width=3)
    images = in_order(pictures)
    hints = {
        "the numbers in the file are handed out as they are, not divided by 255": by_call([i / 255 for i in images]),
        "red, green and blue stand in this order on the last axis": by_call([i[..., ::-1] for i in images]),
    }
    assert_calls(part(observe(all_samples, pictures), "image"), by_call(images), hints=hints)


@grade("dataset_getitem", writable=True, weight=SEEN)
def test_grey_and_transparent_files_become_rgb(observe, rng):
    """A file with one channel (grey) or four (with transparency) gives three channels, from disk and from memory."""
    grey = rng.integers(0, 256, (3, 5), dtype=np.uint8)
    transparent = rng.integers(0, 256, (3, 5, 4), dtype=np.uint8)
    got = part(observe(all_samples, {"cat": [grey, transparent]}), "image")
    images = [np.dstack([grey] * 3), transparent[..., :3].copy()]
    hints = {"load_image gives red, green and blue of any file": by_call([grey, transparent])}
    assert_calls(got, by_call(images), hints=hints)


@grade("dataset_getitem", writable=True, weight=SEEN)
def test_images_in_memory_are_not_read_again(observe, rng):
    """With in_memory=True images come from self.images, even if the files are gone by then."""
    pictures = draw_pictures(rng, {"cat": 1, "dog": 1})
    got = part(observe(samples_after_files_were_lost, pictures), "image")
    assert_calls(got, {f"{MEMORY}[{i}]": image for i, image in enumerate(in_order(pictures))})


@grade("dataset_getitem", writable=True, weight=SEEN)
def test_images_on_disk_are_read_each_time(observe, rng):
    """With in_memory=False nothing is kept: a sample is read from its file again each time it is asked for."""
    before, after = draw_pictures(rng, {"cat": 1}), draw_pictures(rng, {"cat": 1})
    old, new = before["cat"][0], after["cat"][0]
    got = part(observe(samples_before_and_after_a_change, before, after), "image")
    first = {f"{DISK}[0]": old, f"{MEMORY}[0]": old}
    changed = "[0], with its file changed"
    hints = {
        "what was read from disk is not kept: in_memory=False saves the memory": {DISK + changed: old},
        "use self.images where it is not None": {MEMORY + changed: new},
    }
    assert_calls(got, first | {DISK + changed: new, MEMORY + changed: old}, hints=hints)


@grade("dataset_getitem", writable=True, weight=SEEN)
def test_transform_is_applied_to_each_access(observe, rng):
    """With a transform, "image" is the transform of the original image, at the second access too."""
    pictures = draw_pictures(rng, {"cat": 2})
    image = pictures["cat"][1]
    samples, count = observe(samples_with_transform, pictures)
    got = part(samples, "image")
    kept = {text: image / 4 for text in got if text.endswith("in_memory=True, transform=half)[1], once more")}
    hints = {
        "self.transform is not applied": dict.fromkeys(got, image),
        "the transform's result must not go into self.images": kept,
    }
    assert_calls(got, dict.fromkeys(got, image[:, ::-1] / 2), hints=hints)
    with call("how often the transform was called for four samples"):
        assert_same(count, 4)


@grade("dataset_getitem", writable=True, weight=SEEN)
def test_an_index_that_is_too_large_raises_index_error(observe, rng):
    """dataset[len(dataset)] raises IndexError, as a list does: this is how a for-loop over the dataset ends."""
    got = observe(error_beyond_the_end, draw_pictures(rng, {"cat": 2, "dog": 1}))
    assert_calls(got, dict.fromkeys(got, "IndexError"), hint="a list raises it by itself where the index is too large")


# Transforms

FIRST_THE_RESULT = "this check looks at the result first, and that is not right yet"
IN_PLACE = "image -= ... changes the caller's array: make a new one"
IN_FLOAT = "compute in float: in uint8 a product or a difference goes round at 0 and at 256"


def rescale(code, image, *ranges):
    return code.image_folder.RescaleTransform(*ranges)(image)


def rescale_and_look_at_input(code, image, *ranges):
    result = code.image_folder.RescaleTransform(*ranges)(image)
    return [result, image]


def mean_and_std(code, images):
    return code.image_folder.compute_image_mean_and_std(images)


def normalize(code, image, mean, std):
    return code.image_folder.NormalizeTransform(mean, std)(image)


def normalize_and_look_at_input(code, image, mean, std):
    result = code.image_folder.NormalizeTransform(mean, std)(image)
    return [result, image]


def halve_then_normalize(code, images, mean, std):
    module = code.image_folder
    return module.ComposeTransform([lambda x: x / 2, module.NormalizeTransform(mean, std)])(images)


@grade("transform_rescale", weight=SEEN)
def test_rescale_maps_0_to_255_onto_0_to_1(observe):
    """Without arguments 0 becomes 0, 51 becomes 0.2 and 255 becomes 1, as floats."""
    image = np.array([[0, 51, 255], [102, 204, 153]], dtype=np.uint8)
    want = np.array([[0, 0.2, 1], [0.4, 0.8, 0.6]])
    hints = {"255 / 5 = 51: divide with /, so that fractions stay": np.floor(want)}
    with call("RescaleTransform()(image)"):
        assert_same(observe(rescale, image), want, hints=hints)


@grade("transform_rescale", weight=SEEN)
def test_rescale_reaches_any_output_range(observe):
    """out_range=(-1, 1) maps 0 to -1 and 255 to 1."""
    image = np.array([[0, 51, 255], [102, 204, 153]], dtype=np.uint8)
    want = np.array([[-1, -0.6, 1], [-0.2, 0.6, 0.2]])
    hints = {
        # 204 * 2 is 152 in uint8.
        IN_FLOAT: np.array([[-1, -0.6, 254 / 255 - 1], [-0.2, 152 / 255 - 1, 50 / 255 - 1]]),
        "shift by b_min at the end": np.array([[0, 0.4, 2], [0.8, 1.6, 1.2]]),
        "stretch to the width b_max - b_min": np.array([[-1, -0.8, 0], [-0.6, -0.2, -0.4]]),
    }
    with call("RescaleTransform(out_range=(-1, 1))(image)"):
        assert_same(observe(rescale, image, (-1, 1)), want, hints=hints)


@grade("transform_rescale", weight=SEEN)
def test_rescale_takes_any_input_range(observe):
    """in_range=(50, 150) maps 50 to the lower and 150 to the upper end; 30 ends below it, 250 above."""
    image = np.array([[50, 150, 100], [75, 30, 250]], dtype=np.uint8)
    want = np.array([[0, 10, 5], [2.5, -2, 20]])
    own = (image - 30.0) / 22
    hints = {
        "subtract in float: uint8 cannot go below 0": np.array([[0, 10, 5], [2.5, 23.6, 20]]),
        IN_FLOAT: lambda got: got[0, 0] == 0 and (got[1, 1] > 0 or got[0, 1] < 10),
        "the ranges are given: do not take the image's own smallest and largest value": own,
        "subtract a_min first: the range need not start at 0": lambda got: got[0, 0] > 0,
        "nothing is cut off: values outside in_range follow the same line": np.clip(want, 0, 10),
    }
    with call("RescaleTransform(out_range=(0, 10), in_range=(50, 150))(image)"):
        assert_same(observe(rescale, image, (0, 10), (50, 150)), want, hints=hints)


@grade("transform_rescale", weight=SEEN)
def test_rescale_leaves_its_input_alone(observe):
    """The image that goes in is not changed."""
    image = np.array([[1.0, 2.0], [3.0, 1.5]])
    with call("RescaleTransform(out_range=(10, 20), in_range=(1, 3))(image)"):
        result, image_afterwards = observe(rescale_and_look_at_input, image, (10, 20), (1, 3))
        assert_same(result, np.array([[10.0, 15.0], [20.0, 12.5]]), hint=FIRST_THE_RESULT)
    with call("image, after RescaleTransform(out_range=(10, 20), in_range=(1, 3))(image)"):
        assert_same(image_afterwards, image, hint=IN_PLACE)


# Red is 0 or 4, green is 1 everywhere, blue is 0, 0, 0 and 8.
SMALL = np.array([[[[0.0, 1, 0], [4, 1, 0]]], [[[4, 1, 0], [0, 1, 8]]]])
# Numbers from 0 to 209: two images of 5 * 7 pixels.
NUMBERED = np.arange(210, dtype=np.uint8).reshape(2, 5, 7, 3)
ONE_EACH = "the mean over images, height and width at once leaves one number for each channel"


def mean_or_std(got, number):
    """One of the two arrays of an answer, which must be a tuple."""
    if type(got) is not tuple:
        raise wrong_type("a tuple (mean, std)", got)
    if len(got) != 2:
        raise Failure(f"expected two arrays, (mean, std), got {len(got)}")
    return got[number]


@grade("image_mean_std", weight=SEEN)
def test_mean_of_a_small_example(observe):
    """Red is 0 or 4, green is 1 everywhere, blue is 0, 0, 0 and 8: the means are 2, 1 and 2; also of uint8 images."""
    calls = {
        "float images of 1 * 2 pixels": (SMALL, [2, 1, 2]),
        "uint8 images of 5 * 7 pixels": (NUMBERED, [103.5, 104.5, 105.5]),
    }
    for text, (images, want) in calls.items():
        with call(f"mean, _ = compute_image_mean_and_std({text})"):
            mean = mean_or_std(observe(mean_and_std, images), 0)
            hints = {ONE_EACH: lambda mean: mean.shape != (3,)}
            assert_same(mean, np.array(want, float), rtol=1e-4, hints=hints)


@grade("image_mean_std", weight=SEEN)
def test_std_of_a_small_example(observe):
    """Red is 0 or 4, green is 1 everywhere, blue is 0, 0, 0 and 8: the stds are 2, 0 and √12; also of uint8 images."""
    with call("_, std = compute_image_mean_and_std(float images of 1 * 2 pixels)"):
        std = mean_or_std(observe(mean_and_std, SMALL), 1)
        hints = {
            "this is the variance: its square root is the std": np.array([4, 0, 12]),
            "divide by M, not by M - 1": np.array([np.sqrt(16 / 3), 0, 4]),
            "take all images at once, not the mean of each image's std": np.array([2, 0, 2]),
            ONE_EACH: lambda std: std.shape != (3,),
        }
        assert_same(std, np.array([2.0, 0.0, np.sqrt(12)]), rtol=1e-4, hints=hints)
    with call("_, std = compute_image_mean_and_std(uint8 images of 5 * 7 pixels)"):
        std = mean_or_std(observe(mean_and_std, NUMBERED), 1)
        assert_same(std, np.full(3, 3 * np.sqrt((70**2 - 1) / 12)), rtol=1e-4)


@grade("transform_normalize", weight=SEEN)
def test_normalize_treats_each_channel_by_itself(observe):
    """From each channel its own mean is subtracted, then it is divided by its own std."""
    image = np.array([[[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]]])
    want = np.array([[[0.0, 1.0, -2.0], [2.0, 5.0, 6.0]]])
    hints = {
        "divide by std, not by its square": np.array([[[0.0, 1.0, -4.0], [1.0, 5.0, 12.0]]]),
        "subtract first, then divide": np.array([[[-0.5, 1.0, 2.0], [1.5, 5.0, 10.0]]]),
        "divide by std, do not multiply": np.array([[[0.0, 1.0, -0.5], [8.0, 5.0, 1.5]]]),
        "subtract the mean as well": np.array([[[0.5, 2.0, 6.0], [2.5, 6.0, 14.0]]]),
    }
    with call("NormalizeTransform([1, 1, 4], [2, 1, 0.5])(image)"):
        assert_same(observe(normalize, image, [1.0, 1.0, 4.0], [2.0, 1.0, 0.5]), want, hints=hints)


@grade("transform_normalize", weight=SEEN)
def test_normalize_takes_uint8_images(observe):
    """An image of dtype uint8 becomes one of floats, below 0 too."""
    image = np.array([[[10, 20, 30], [50, 20, 0]]], dtype=np.uint8)
    want = np.array([[[-5.0, 0.0, 4.0], [15.0, 0.0, -2.0]]])
    hints = {IN_FLOAT: lambda got: (got >= 0).all()}
    with call("NormalizeTransform([20, 20, 10], [2, 1, 5])(uint8 image)"):
        assert_same(observe(normalize, image, [20, 20, 10], [2, 1, 5]), want, hints=hints)


@grade("transform_normalize", weight=SEEN)
def test_normalize_leaves_its_input_alone(observe):
    """The image that goes in is not changed."""
    image = np.array([[[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]]])
    mean, std = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    with call("NormalizeTransform(mean, std)(image)"):
        result, image_afterwards = observe(normalize_and_look_at_input, image, mean, std)
        assert_same(result, np.array([[[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]]]), hint=FIRST_THE_RESULT)
    with call("image, after NormalizeTransform(mean, std)(image)"):
        assert_same(image_afterwards, image, hint=IN_PLACE)


@grade("transform_normalize", weight=SEEN)
def test_normalized_images_have_mean_0_and_std_1(observe, rng):
    """Several images in one array, normalised with their own mean and std, have mean 0 and std 1 in each channel."""
    images = rng.integers(0, 200, (6, 4, 5, 3), dtype=np.uint8) + np.array([0, 20, 50], dtype=np.uint8)
    pixels = (images / 2).reshape(-1, 3)
    with call("NormalizeTransform(mean, std)(6 images)"):
        got = observe(halve_then_normalize, images, pixels.mean(0), pixels.std(0))
        if not isinstance(got, np.ndarray):
            raise wrong_type("a numpy array", got)
        assert_same(got.shape, images.shape)
        assert_same(got.mean((0, 1, 2)), np.zeros(3), atol=1e-4, hint="subtract the mean before you divide")
        assert_same(got.std((0, 1, 2)), np.ones(3), atol=1e-4, hint="divide by std")


# The data loader


class Recorder:
    """A dataset of `count` samples, each with its number in image and label, that notes which ones are read."""

    def __init__(self, count):
        self.count = count
        self.reads = []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(f"index {index} in a dataset of {self.count} samples")
        self.reads.append(int(index))
        return {"image": np.full((2, 3, 3), index, dtype=np.float32), "label": int(index)}


@contextlib.contextmanager
def combining(code):
    """In place of the student's `combine_samples`, which has a task of its own, one that knows `Recorder`'s samples."""
    module, own = code.dataloader, code.dataloader.combine_samples

    def combine_recorded(samples):
        numbers = np.array([np.mean(sample["image"]) for sample in samples], dtype=np.float32)
        images = np.ones((len(samples), 2, 3, 3), dtype=np.float32) * numbers[:, None, None, None]
        return {"image": images, "label": np.array([int(sample["label"]) for sample in samples], dtype=int)}

    module.combine_samples = combine_recorded
    try:
        yield
    finally:
        module.combine_samples = own


def numbers_in(batch):
    """Of each sample of a batch the number in its image and the one in its label."""
    if not isinstance(batch, dict) or not {"image", "label"} <= set(batch):
        came = sorted(batch) if isinstance(batch, dict) else kind_of(batch)
        raise OddAnswer(f"expected a batch with an image and a label, as combine_samples makes it, got {came}")
    return [[int(np.mean(image)), int(label)] for image, label in zip(batch["image"], batch["label"], strict=True)]


def labels_in(batch):
    return [label for _, label in numbers_in(batch)]


def combine(code, samples):
    return code.dataloader.combine_samples(samples)


def loader_lengths(code, calls):
    def batches(count, batch_size, drop_last):
        return length(code.dataloader.DataLoader(Recorder(count), batch_size=batch_size, drop_last=drop_last))

    return each_call(batches, calls)


def length_and_reads(code, count, batch_size, drop_last):
    dataset = Recorder(count)
    loader = code.dataloader.DataLoader(dataset, batch_size=batch_size, drop_last=drop_last)
    return [length(loader), dataset.reads]


def pairs_of_a_batch(code, count, batch_size):
    with combining(code):
        return numbers_in(next(iter(code.dataloader.DataLoader(Recorder(count), batch_size=batch_size))))


def epochs(code, count, options, num_epochs=1):
    """The labels in each batch of each epoch, as lists."""
    with combining(code):
        loader = code.dataloader.DataLoader(Recorder(count), **options)
        # A loader that never ends fails here and does not hang.
        limit = count + 5
        return [[labels_in(batch) for batch in islice(loader, limit)] for _ in range(num_epochs)]


def epochs_by_call(code, calls):
    """One epoch of several loaders, by call: number of samples and options."""
    return each_call(lambda count, options: epochs(code, count, options)[0], calls)


def interleaved_epochs(code, count, *seeds):
    """Two shuffled epochs of each of several loaders, which take turns: first epochs first."""
    with combining(code):
        make = code.dataloader.DataLoader
        # So many batches that no order comes twice by chance, not even where only whole batches are shuffled.
        loaders = [make(Recorder(count), batch_size=4, shuffle=True, seed=seed) for seed in seeds]
        turns = [[[labels_in(b) for b in islice(loader, count + 5)] for loader in loaders] for _ in range(2)]
        return [list(epochs_of_one) for epochs_of_one in zip(*turns, strict=True)]


def two_loops_at_once(code, count, batch_size):
    with combining(code):
        loader = code.dataloader.DataLoader(Recorder(count), batch_size=batch_size)
        pairs = islice(zip(loader, loader, strict=False), count + 5)
        return [[labels_in(batch) for batch in pair] for pair in pairs]


def pairs_of_an_epoch(code, count, options):
    """Of each sample of an epoch the number in its image and the one in its label."""
    with combining(code):
        loader = code.dataloader.DataLoader(Recorder(count), **options)
        return [pair for batch in islice(loader, count + 5) for pair in numbers_in(batch)]


def reads_by_batch(code, count, batch_size):
    """Which samples have been read before the first batch and after each of the others."""
    with combining(code):
        dataset = Recorder(count)
        batches = iter(code.dataloader.DataLoader(dataset, batch_size=batch_size))
        reads = [list(dataset.reads)]
        for _ in islice(batches, count + 5):
            reads.append(list(dataset.reads))
        return reads


def loader_text(count, **options):
    """The call that makes a loader, as a student would write it."""
    return f"DataLoader({', '.join([f'{count} samples', *(f'{key}={value}' for key, value in options.items())])})"


def length_calls(*settings):
    """Label -> arguments for `loader_lengths`."""
    options = [{"batch_size": size} | ({"drop_last": True} if drop else {}) for _, size, drop in settings]
    return {f"len({loader_text(s[0], **o)})": s for s, o in zip(settings, options, strict=True)}


def expect_lengths(observe, settings, wanted):
    """Fail unless loaders of these numbers of samples, batch sizes and drop_lasts have the wanted lengths."""
    calls = length_calls(*settings)
    full = {text: count // size for text, (count, size, _) in calls.items()}
    hints = {
        "a rest of samples makes one more batch": {text: n for text, n in full.items() if not calls[text][2]},
        "this is the number of samples": {text: count for text, (count, _, _) in calls.items()},
        "no rest, no extra batch": {
            text: n + 1 for text, n in full.items() if calls[text][0] == n * calls[text][1] and not calls[text][2]
        },
        "only full batches count with drop_last": {text: n + 1 for text, n in full.items() if calls[text][2]},
    }
    wanted = dict(zip(calls, wanted, strict=True))
    # A mistake that these calls cannot show has nothing to say here.
    hints = {text: wrong for text, wrong in hints.items() if wrong and wrong != {k: wanted[k] for k in wrong}}
    assert_calls(observe(loader_lengths, calls), wanted, hints=hints)


@grade("dataloader_len", weight=SEEN)
def test_len_rounds_up_when_the_last_batch_is_kept(observe):
    """103 samples in batches of 10 are 11 batches, 3 samples in batches of 5 are one."""
    expect_lengths(observe, [(103, 10, False), (3, 5, False), (9, 2, False)], [11, 1, 5])


@grade("dataloader_len", weight=SEEN)
def test_len_rounds_down_when_the_last_batch_is_dropped(observe):
    """With drop_last 103 samples in batches of 10 are 10 batches, 3 samples in batches of 5 are none."""
    expect_lengths(observe, [(103, 10, True), (3, 5, True), (9, 2, True)], [10, 0, 4])


@grade("dataloader_len", weight=SEEN)
def test_len_when_batches_come_out_even(observe):
    """60 samples in batches of 20 are 3 batches and 7 in batches of 1 are 7, whether the last one is dropped or not."""
    settings = [(n, size, drop) for n, size in ((60, 20), (7, 1), (4, 4)) for drop in (False, True)]
    expect_lengths(observe, settings, [3, 3, 7, 7, 1, 1])


@grade("dataloader_len", weight=SEEN)
def test_len_reads_no_sample(observe):
    """len(loader) is found from numbers alone: no sample is read for it, whether the last batch is dropped or not."""
    for drop_last, batches in ((False, 6), (True, 5)):
        with call(f"len({loader_text(22, batch_size=4, drop_last=drop_last)})"):
            length, reads = observe(length_and_reads, 22, 4, drop_last)
            if reads:
                samples = f"{len(reads)} of 22 samples were read"
                raise Failure(
                    f"{samples} to find the number of batches", hint="len(self.dataset) says how many there are"
                )
            assert_same(length, batches)


def batch_of(got, keys):
    """The answer as a batch: a dict of arrays with the given keys."""
    for key in keys:
        if not isinstance(entry(got, key), np.ndarray):
            raise wrong_type("a numpy array", got[key])
    assert_same(sorted(got), sorted(keys))
    return got


def numbers(batch):
    """The batch with floats in place of all other numbers, for tests that are not about dtypes."""
    return {key: array.astype(float) for key, array in batch.items()}


@grade("dataloader_combine", weight=SEEN)
def test_combined_images_and_labels_are_arrays(observe, rng):
    """3 images of shape (2, 4, 3) become one array of shape (3, 2, 4, 3), 3 labels one of shape (3,)."""
    images = rng.integers(0, 256, (3, 2, 4, 3), dtype=np.uint8)
    samples = [{"image": image, "label": label} for image, label in zip(images, [7, 0, 4], strict=True)]
    want = {"image": images.astype(float), "label": np.array([7.0, 0.0, 4.0])}
    hints = {
        "np.stack puts arrays on top of each other, np.concatenate one behind the other": lambda got: (
            got["image"].ndim == 3
        ),
        "the new axis is the first one": lambda got: got["image"].shape[0] != 3,
    }
    with call("combine_samples(3 samples)"):
        assert_same(numbers(batch_of(observe(combine, samples), want)), want, hints=hints)


@grade("dataloader_combine", weight=SEEN)
def test_one_sample_makes_a_batch_too(observe):
    """A list of one sample becomes a batch of one: an image of shape (2, 4, 3) an array of shape (1, 2, 4, 3)."""
    samples = [{"image": np.arange(24.0).reshape(2, 4, 3), "label": 5}]
    want = {"image": np.arange(24.0).reshape(1, 2, 4, 3), "label": np.array([5.0])}
    hints = {"squeeze takes the axis of the batch away, too": lambda got: got["image"].ndim == 3}
    with call("combine_samples(1 sample)"):
        assert_same(numbers(batch_of(observe(combine, samples), want)), want, hints=hints)


@grade("dataloader_combine", weight=SEEN)
def test_combine_works_for_any_keys(observe):
    """Samples with other keys than "image" and "label" give a batch with their keys."""
    samples = [
        {"weight": 0.5, "box": np.array([1, 2])},
        {"weight": 1.5, "box": np.array([3, 4])},
    ]
    want = {"weight": np.array([0.5, 1.5]), "box": np.array([[1.0, 2.0], [3.0, 4.0]])}
    with call('combine_samples(samples with "weight" and "box")'):
        assert_same(numbers(batch_of(observe(combine, samples), want)), want)


@grade("dataloader_combine", weight=SEEN)
def test_dtypes_stay(observe):
    """Images keep their dtype, and labels that are ints become an array of integers."""
    for dtype in ("uint8", "float32"):
        samples = [{"image": np.zeros((2, 2, 3), dtype), "label": label} for label in (0, 3)]
        with call("combine_samples(2 samples)"):
            got = batch_of(observe(combine, samples), ["image", "label"])
        with call(f'combine_samples(2 samples with images of {dtype})["image"].dtype'):
            assert_same(str(got["image"].dtype), dtype)
        with call('combine_samples(2 samples)["label"].dtype'):
            # How wide numpy makes an array of ints depends on the machine.
            assert_same(str(got["label"].dtype).rstrip("0123456789"), "int")


@grade("dataloader_batches", weight=SEEN)
def test_batch_holds_samples_as_combine_samples_puts_them_together(observe):
    """The first batch of 4 is what combine_samples makes of samples 0, 1, 2 and 3, each with its own label."""
    with call(f"next(iter({loader_text(10, batch_size=4)}))"):
        assert_same(observe(pairs_of_a_batch, 10, 4), [[0, 0], [1, 1], [2, 2], [3, 3]])


EMPTY = "the last batch is empty: where nothing is left there is no batch"


def expect_batches(observe, settings, hints):
    """Fail unless loaders with these numbers of samples and options give the wanted batches."""
    calls = {f"list({loader_text(count, **options)})": [count, options] for count, options, _ in settings}
    want = {text: wanted for text, (_, _, wanted) in zip(calls, settings, strict=True)}
    hints = {EMPTY: lambda got: any([] in batches for batches in got.values())} | hints
    assert_calls(observe(epochs_by_call, calls), want, hints=hints)


@grade("dataloader_batches", weight=SEEN)
def test_batches_go_through_the_dataset_in_order(observe):
    """Without shuffle 7 samples in batches of 3 come as 0 1 2, 3 4 5 and 6: none is lost, none comes twice."""
    settings = [
        (7, {"batch_size": 3}, [[0, 1, 2], [3, 4, 5], [6]]),
        (3, {"batch_size": 5}, [[0, 1, 2]]),
        (3, {}, [[0], [1], [2]]),
    ]
    first, small = "list(DataLoader(7 samples, batch_size=3))", "list(DataLoader(3 samples, batch_size=5))"
    hints = {
        "the last sample is lost": {small: [[0, 1]]},
        "the last, smaller batch is lost": {first: [[0, 1, 2], [3, 4, 5]]},
        "the first sample has the index 0": lambda got: got[first][0][:1] == [1],
    }
    expect_batches(observe, settings, hints)


@grade("dataloader_batches", weight=SEEN)
def test_no_empty_batch_where_sizes_come_out_even(observe):
    """8 samples in batches of 4 are two full batches, with drop_last or without: no empty one follows."""
    full = [[0, 1, 2, 3], [4, 5, 6, 7]]
    settings = [(8, {"batch_size": 4}, full), (8, {"batch_size": 4, "drop_last": True}, full)]
    dropped = {"list(DataLoader(8 samples, batch_size=4, drop_last=True))": full[:1]}
    expect_batches(observe, settings, {"a batch is dropped only if it is smaller than batch_size": dropped})


@grade("dataloader_batches", weight=SEEN)
def test_drop_last_leaves_the_small_batch_out(observe):
    """With drop_last 7 samples in batches of 3 come as 0 1 2 and 3 4 5, and 3 in batches of 5 give no batch."""
    options = {"batch_size": 3, "drop_last": True}
    settings = [(7, options, [[0, 1, 2], [3, 4, 5]]), (3, {"batch_size": 5, "drop_last": True}, [])]
    kept = {f"list({loader_text(7, **options)})": [[0, 1, 2], [3, 4, 5], [6]]}
    expect_batches(observe, settings, {"the batch of one sample is smaller than batch_size=3: leave it out": kept})


@grade("dataloader_batches", weight=SEEN)
def test_samples_are_read_when_their_batch_is_asked_for(observe):
    """Nothing is read before the first batch, 3 samples for the first batch, 3 more for the second, each one once."""
    want = [[], [0, 1, 2], [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 6]]
    hints = {
        "all samples are read at once: collect those of one batch, yield it, and only then go on": (
            lambda got: len(got[0]) == 7 or (len(got) > 1 and len(got[1]) == 7)
        ),
        "a sample is read more than once": lambda got: len(got[-1]) > len(set(got[-1])),
        "the samples of the next batch are read too early": lambda got: len(got) > 1 and len(got[1]) > 3,
    }
    with call(f"samples read before and after each batch of {loader_text(7, batch_size=3)}"):
        assert_same(observe(reads_by_batch, 7, 3), want, hints=hints)


@grade("dataloader_batches", weight=SEEN)
def test_each_loop_starts_again(observe):
    """A second loop over the loader gives all batches again."""
    hints = {"keep nothing in self that the first loop uses up": lambda got: got[1] != got[0]}
    with call(f"two loops over {loader_text(5, batch_size=2)}"):
        assert_same(observe(epochs, 5, {"batch_size": 2}, 2), [[[0, 1], [2, 3], [4]]] * 2, hints=hints)


@grade("dataloader_batches", weight=SEEN)
def test_two_loops_go_on_side_by_side(observe):
    """Two loops over one loader at the same time do not disturb each other: each gets all batches."""
    want = [[[0, 1], [0, 1]], [[2, 3], [2, 3]], [[4], [4]]]
    hint = "where a loop stands belongs into the generator's own variables, not into self"
    with call(f"list(zip(loader, loader)), loader = {loader_text(5, batch_size=2)}"):
        assert_same(observe(two_loops_at_once, 5, 2), want, hint=hint)


def flat(batches):
    """The labels of all batches in one list."""
    return [label for batch in batches for label in batch]


def expect_shuffled(order, count):
    """Fail unless `order` has each of the numbers 0 ... count-1 once, in another order."""
    missing = sorted(set(range(count)) - set(order))
    if missing or len(order) != count:
        extra = len(order) - len(set(order))
        reason = f"{len(missing)} of {count} samples never come, {extra} come once more than they should"
        hint = f"sample {missing[0]} is missing" if missing else "a permutation has every index exactly once"
        raise Failure(reason, want=f"{count} different samples", got=f"{len(set(order))} different ones", hint=hint)
    assert order != list(range(count)), "the samples come in the dataset's order: nothing is shuffled"


def shuffled(count, **options):
    """The call that makes a shuffled loader, and its options."""
    options = {"batch_size": 8, "shuffle": True, **options}
    return loader_text(count, **options), options


@grade("dataloader_shuffle", weight=SEEN)
def test_shuffle_takes_each_sample_once(observe):
    """In a shuffled epoch each of 48 samples comes exactly once, in another order than the dataset's."""
    text, options = shuffled(48, seed=1)
    with call(f"list({text})"):
        expect_shuffled(flat(observe(epochs, 48, options)[0]), 48)


@grade("dataloader_shuffle", weight=SEEN)
def test_each_epoch_has_a_new_order(observe):
    """Three epochs of one loader have three different orders."""
    text, options = shuffled(48, seed=2)
    with call(f"three loops over {text}"):
        got = [flat(batches) for batches in observe(epochs, 48, options, 3)]
        for order in got:
            expect_shuffled(order, 48)
        assert got[0] != got[1] and got[1] != got[2] and got[0] != got[2], (
            "an order comes back: draw a new one in __iter__, from self.rng as it is, without seeding it again"
        )


@grade("dataloader_shuffle", weight=SEEN)
def test_shuffle_mixes_the_whole_dataset(observe):
    """Samples that are neighbours in the dataset are rarely neighbours in a shuffled epoch."""
    text, options = shuffled(200, batch_size=10, seed=4)
    with call(f"list({text})"):
        order = flat(observe(epochs, 200, options)[0])
        expect_shuffled(order, 200)
        neighbours = int((np.abs(np.diff(order)) == 1).sum())
        assert neighbours < 20, (
            f"{neighbours} of 199 pairs that follow each other do so in the dataset too (about 2 are expected): "
            "shuffle single samples, not batches, and over the whole dataset"
        )


@grade("dataloader_shuffle", weight=SEEN)
def test_dropped_samples_are_others_in_other_epochs(observe):
    """With shuffle and drop_last other samples are left out in other epochs, so that all are used in the end."""
    text, options = shuffled(7, batch_size=4, drop_last=True, seed=6)
    with call(f"30 loops over {text}"):
        got = observe(epochs, 7, options, 30)
        never = sorted(set(range(7)) - {label for batches in got for label in flat(batches)})
        assert not never, f"the samples {never} are left out in each epoch: shuffle first, then drop what is left over"


@grade("dataloader_shuffle", weight=SEEN)
def test_images_move_with_their_labels(observe):
    """In a shuffled epoch each image still has its own label."""
    text, options = shuffled(48, seed=5)
    with call(f"list({text})"):
        pairs = observe(pairs_of_an_epoch, 48, options)
        expect_shuffled([label for _, label in pairs], 48)
        apart = sum(image != label for image, label in pairs)
        assert apart == 0, f"{apart} of 48 images have another image's label: shuffle indices, so that both come along"


@grade("dataloader_shuffle", weight=SEEN)
def test_same_seed_gives_the_same_orders(observe):
    """Two loaders with the same seed have the same orders, epoch by epoch, also when they take turns."""
    text, _ = shuffled(48, batch_size=4, seed=3)
    with call(f"two loops over each of two {text}, in turns"):
        first, second = observe(interleaved_epochs, 48, 3, 3)
        for batches in (*first, *second):
            expect_shuffled(flat(batches), 48)
        assert first == second, (
            "two loaders with seed=3 give different orders: draw from self.rng, not from np.random, which all share"
        )


@grade("dataloader_shuffle", weight=SEEN)
def test_other_seeds_give_other_orders(observe):
    """Loaders with different seeds, or without a seed, have different orders."""
    for seeds in ((3, 4), (None, None)):
        with call(" and ".join(shuffled(48, batch_size=4, seed=seed)[0] for seed in seeds)):
            first, second = observe(interleaved_epochs, 48, *seeds)
            expect_shuffled(flat(first[0]), 48)
            assert first[0] != second[0], "both have the same order: the seed decides it, and None gives a new one"
