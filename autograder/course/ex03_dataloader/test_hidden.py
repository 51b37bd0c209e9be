"""The hidden tests of exercise 3: what the visible tests ask for, on fresh inputs."""

import contextlib
import os
from itertools import islice
from pathlib import Path

import numpy as np

from exercise_code.common.testing import Failure, OddAnswer, assert_same, entry, grade, kind_of, length, wrong_type

# Image folders


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


def draw_pictures(rng, num_classes, least=1, most=3):
    """Random pictures for `write_folder`: class names in no order, `least` to `most` pictures each, not square."""
    letters = rng.choice(list("abcdefghijklmnopqrstuvwxyz"), (num_classes, 6))
    # The number keeps two random names from being equal.
    names = ["".join(letters[i]) + str(i) for i in range(num_classes)]
    height, width = (int(side) for side in rng.choice([3, 4, 5, 6, 7], 2, replace=False))
    return {
        name: rng.integers(0, 256, (int(rng.integers(least, most + 1)), height, width, 3), dtype=np.uint8)
        for name in names
    }


def in_order(pictures):
    """The images and the labels in the order in which a dataset should have them."""
    names = sorted(pictures)
    images = [image for name in names for image in pictures[name]]
    return images, [names.index(name) for name in names for _ in pictures[name]]


def dataset_lengths(code, pictures):
    root = write_folder(pictures)
    make = code.image_folder.ImageFolderDataset
    return [length(make(root)), length(make(root, in_memory=True))]


def all_samples(code, pictures):
    """All samples of a dataset on disk, then those of one in memory."""
    root = write_folder(pictures)
    datasets = [code.image_folder.ImageFolderDataset(root, in_memory=keep) for keep in (False, True)]
    return [dataset[i] for dataset in datasets for i in range(sum(map(len, pictures.values())))]


def samples_before_and_after_a_change(code, before, after):
    """All samples of a dataset on disk, then of one in memory, and the same again after the files have changed."""
    root = write_folder(before)
    datasets = [code.image_folder.ImageFolderDataset(root, in_memory=keep) for keep in (False, True)]
    count = sum(map(len, before.values()))
    samples = [dataset[i] for dataset in datasets for i in range(count)]
    for path in root.rglob("*.png"):
        path.unlink()
    write_folder(after)
    return samples + [dataset[i] for dataset in datasets for i in range(count)]


def samples_with_transform(code, pictures, indices, factor):
    """For a dataset on disk and one in memory: samples, the images that the transform got, and its early calls."""
    root = write_folder(pictures)
    answers = []
    for keep in (False, True):
        seen = []

        def transform(image, seen=seen):
            seen.append(image.copy())
            return image[1:].astype(float) * factor

        dataset = code.image_folder.ImageFolderDataset(root, transform=transform, in_memory=keep)
        early = len(seen)
        samples = [dataset[i] for i in indices]
        answers.append([samples, seen[early:], early])
    return answers


def loop_over(code, pictures):
    """How many samples a plain for-loop over a dataset sees, on disk and in memory; it ends with an IndexError."""
    root = write_folder(pictures)
    datasets = [code.image_folder.ImageFolderDataset(root, in_memory=keep) for keep in (False, True)]
    return [sum(1 for _ in islice(dataset, 1000)) for dataset in datasets]


def parts(samples, key):
    return [entry(sample, key) for sample in samples]


def whole(value):
    """A number as an int where it is a whole one, whatever its type; anything else as it is."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool) and value == int(value):
        return int(value)
    return value


@grade("dataset_len", writable=True)
def test_len_of_a_random_folder(observe, rng):
    """len(dataset) is the number of images, for any number of classes and images."""
    pictures = draw_pictures(rng, int(rng.integers(3, 6)), least=2)
    count = sum(map(len, pictures.values()))
    assert_same(observe(dataset_lengths, pictures), [count, count])


@grade("dataset_getitem", writable=True)
def test_labels_of_a_random_folder(observe, rng):
    """Every sample of a random folder has the label of its own class, on disk and in memory."""
    pictures = draw_pictures(rng, 6, most=2)
    got = [whole(label) for label in parts(observe(all_samples, pictures), "label")]
    assert_same(got, in_order(pictures)[1] * 2)


@grade("dataset_getitem", writable=True)
def test_images_of_a_random_folder(observe, rng):
    """Every sample of a random folder has its own image, as a uint8 array, on disk and in memory."""
    pictures = draw_pictures(rng, 6, most=2)
    got = parts(observe(all_samples, pictures), "image")
    assert_same([str(image.dtype) for image in got], ["uint8"] * len(got))
    assert_same(got, in_order(pictures)[0] * 2)


@grade("dataset_getitem", writable=True)
def test_files_of_all_kinds_become_rgb(observe, rng):
    """Grey files, transparent ones and those in colour all give three channels, on disk and in memory."""
    height, width = (int(side) for side in rng.choice([3, 4, 5, 6, 7], 2, replace=False))
    grey = rng.integers(0, 256, (height, width), dtype=np.uint8)
    transparent = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    colour = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    got = parts(observe(all_samples, {"a": [colour, transparent], "b": [grey]}), "image")
    assert_same(got, [colour, transparent[..., :3], np.dstack([grey] * 3)] * 2)


@grade("dataset_getitem", writable=True)
def test_disk_is_read_at_access_and_memory_before(observe, rng):
    """With in_memory=False an image is read when it is asked for, with in_memory=True when the dataset is created."""
    before = draw_pictures(rng, 2, most=2)
    after = {name: rng.integers(0, 256, images.shape, dtype=np.uint8) for name, images in before.items()}
    got = parts(observe(samples_before_and_after_a_change, before, after), "image")
    old, new = in_order(before)[0], in_order(after)[0]
    assert_same(got, old + old + new + old)


@grade("dataset_getitem", writable=True)
def test_transform_sees_each_original_image_once(observe, rng):
    """Each access calls the transform once, with the original image, and returns what the transform returns."""
    pictures = draw_pictures(rng, 2, most=3)
    images, _ = in_order(pictures)
    indices = [int(i) for i in rng.integers(0, len(images), 5)]
    indices += indices[:2]
    factor = float(rng.uniform(0.5, 2))
    results = [images[i][1:].astype(float) * factor for i in indices]
    answers = observe(samples_with_transform, pictures, indices, factor)
    for _, (samples, seen, early) in zip(("on disk", "in memory"), answers, strict=True):
        assert_same(parts(samples, "image"), results)
        assert_same(seen, [images[i] for i in indices])
        assert_same(early, 0)


@grade("dataset_getitem", writable=True)
def test_loop_over_a_dataset_ends(observe, rng):
    """A for-loop over the dataset sees each sample once and ends: an index that is too large raises IndexError."""
    pictures = draw_pictures(rng, 3, most=2)
    count = sum(map(len, pictures.values()))
    assert_same(observe(loop_over, pictures), [count, count])


# Transforms: a student may compute with float32, hence the absolute tolerances.


def rescale(code, image, out_range, in_range):
    result = code.image_folder.RescaleTransform(out_range=out_range, in_range=in_range)(image)
    return [result, image]


def rescale_by_default(code, image):
    return code.image_folder.RescaleTransform()(image)


def mean_and_std(code, images):
    return code.image_folder.compute_image_mean_and_std(images)


def normalize(code, image, mean, std):
    result = code.image_folder.NormalizeTransform(mean, std)(image)
    return [result, image]


def random_range(rng, lowest, highest):
    """Two numbers, the smaller one first, neither of them 0 and not close to each other."""
    start = float(rng.uniform(lowest, highest))
    return start, start + float(rng.uniform(1, 3)) * (highest - lowest)


@grade("transform_rescale")
def test_rescale_random_floats(observe, reference, rng):
    """Float images of any shape are mapped linearly between any two ranges, and the input stays as it is."""
    for shape in [(3, 4, 3), (2, 3, 5, 3), (6,)]:
        image = rng.uniform(-5, 5, shape)
        inputs = image, random_range(rng, 2, 9), random_range(rng, -4, -1)
        assert_same(observe(rescale, *inputs), reference(rescale, *inputs), atol=1e-4)


@grade("transform_rescale")
def test_rescale_random_uint8(observe, reference, rng):
    """uint8 images are mapped linearly too, also the values below an input range that does not start at 0."""
    for out_range in [(-1, 1), (0.25, 0.5)]:
        image = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)
        inputs = image, out_range, (int(rng.integers(90, 110)), int(rng.integers(150, 200)))
        assert_same(observe(rescale, *inputs), reference(rescale, *inputs), atol=1e-4)


@grade("transform_rescale")
def test_rescale_all_byte_values(observe):
    """Without arguments each of the 256 values of a byte becomes that value divided by 255."""
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert_same(observe(rescale_by_default, values), np.linspace(0, 1, 256).reshape(16, 16), atol=1e-5)


def random_image_sets(rng):
    """Float and uint8 images of several sizes and numbers of channels, each image brighter than the one before."""
    for channels in (3, 1, 4):
        shape = (*(int(n) for n in rng.integers(2, 7, 3)), channels)
        brightness = np.arange(shape[0]).reshape(-1, 1, 1, 1)
        scale = rng.uniform(1, 20, channels)
        yield rng.normal(size=shape) * scale + rng.uniform(-50, 50, channels) + 9 * brightness
        yield (rng.integers(0, 90, shape) + 20 * brightness).astype(np.uint8)


def pair(got):
    if type(got) is not tuple or len(got) != 2:
        raise wrong_type("a tuple (mean, std)", got)
    return got


@grade("image_mean_std")
def test_mean_of_random_images(observe, reference, rng):
    """The mean is right for float and uint8 images of any size and number of channels."""
    for images in random_image_sets(rng):
        got, want = pair(observe(mean_and_std, images)), reference(mean_and_std, images)
        assert_same(got[0], want[0], rtol=1e-4, atol=1e-4)


@grade("image_mean_std")
def test_std_of_random_images(observe, reference, rng):
    """The std is right for float and uint8 images of any size and brightness: it is taken over all pixels at once."""
    for images in random_image_sets(rng):
        got, want = pair(observe(mean_and_std, images)), reference(mean_and_std, images)
        assert_same(got[1], want[1], rtol=1e-4, atol=1e-4)


@grade("transform_normalize", weight=2)
def test_normalize_random_images(observe, reference, rng):
    """One image or many, of any size, are normalised with any mean and std; the input stays as it is."""
    for shape in [(5, 4, 3), (2, 5, 4, 3), (3, 3, 3)]:
        mean, std = rng.uniform(-2, 2, 3), rng.uniform(0.5, 3, 3)
        image = rng.normal(size=shape)
        for inputs in [(image, mean, std), (image, mean.tolist(), std.tolist())]:
            assert_same(observe(normalize, *inputs), reference(normalize, *inputs), atol=1e-4)


@grade("transform_normalize", weight=1)
def test_normalize_random_uint8_images(observe, reference, rng):
    """uint8 images are normalised too, below 0 as well."""
    for shape in [(5, 4, 3), (2, 5, 4, 3)]:
        inputs = rng.integers(0, 256, shape, dtype=np.uint8), rng.uniform(90, 140, 3), rng.uniform(20, 60, 3)
        assert_same(observe(normalize, *inputs), reference(normalize, *inputs), atol=1e-4)


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


def loader_lengths(code, settings):
    make = code.dataloader.DataLoader
    return [length(make(Recorder(n), batch_size=size, drop_last=drop)) for n, size, drop in settings]


def length_and_reads(code, count, batch_size, drop_last):
    dataset = Recorder(count)
    loader = code.dataloader.DataLoader(dataset, batch_size=batch_size, drop_last=drop_last)
    return [length(loader), dataset.reads]


def epochs(code, count, options, num_epochs=1):
    """The labels in each batch of each epoch, as lists."""
    with combining(code):
        loader = code.dataloader.DataLoader(Recorder(count), **options)
        # A loader that never ends fails here and does not hang.
        limit = count + 5
        return [[labels_in(batch) for batch in islice(loader, limit)] for _ in range(num_epochs)]


def interleaved_epochs(code, count, *seeds):
    """Two shuffled epochs of each of several loaders, which take turns: first epochs first."""
    with combining(code):
        make = code.dataloader.DataLoader
        loaders = [make(Recorder(count), batch_size=6, shuffle=True, seed=seed) for seed in seeds]
        turns = [[[labels_in(b) for b in islice(loader, count + 5)] for loader in loaders] for _ in range(2)]
        return [list(epochs_of_one) for epochs_of_one in zip(*turns, strict=True)]


def pairs_by_batch(code, count, options):
    """For each batch the numbers in its images and its labels, sample by sample."""
    with combining(code):
        loader = code.dataloader.DataLoader(Recorder(count), **options)
        return [numbers_in(batch) for batch in islice(loader, count + 5)]


def reads_of_an_epoch(code, count, options):
    """How many samples were read after each batch, and which ones in the whole epoch."""
    with combining(code):
        dataset = Recorder(count)
        loader = code.dataloader.DataLoader(dataset, **options)
        after_each = [len(dataset.reads) for _ in islice(loader, count + 5)]
        return [after_each, dataset.reads]


def two_loops_at_once(code, count, batch_size):
    with combining(code):
        loader = code.dataloader.DataLoader(Recorder(count), batch_size=batch_size)
        pairs = islice(zip(loader, loader, strict=False), count)
        return [[labels_in(batch) for batch in pair] for pair in pairs]


def flat(batches):
    """The labels of all batches in one list."""
    return [label for batch in batches for label in batch]


def cut(order, batch_size, drop_last):
    """The pieces of `order` that a loader should make."""
    pieces = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    return [piece for piece in pieces if not drop_last or len(piece) == batch_size]


@grade("dataloader_len")
def test_len_for_random_sizes(observe, rng):
    """The number of batches is right for many numbers of samples, batch sizes and both values of drop_last."""
    settings = []
    for _ in range(10):
        size, full = int(rng.integers(2, 12)), int(rng.integers(0, 8))
        for count in (full * size + size, full * size + 1, full * size + size - 1):
            settings += [(count, size, False), (count, size, True)]
    want = [n // size if drop or n % size == 0 else n // size + 1 for n, size, drop in settings]
    assert_same(observe(loader_lengths, settings), want)


@grade("dataloader_len")
def test_len_is_found_without_reading(observe, rng):
    """No sample is read to find the number of batches, for both values of drop_last."""
    size, full = int(rng.integers(3, 10)), int(rng.integers(1000, 2000))
    assert_same(observe(length_and_reads, full * size + 1, size, False), [full + 1, []])
    assert_same(observe(length_and_reads, full * size + size - 1, size, True), [full, []])


def random_samples(rng, count):
    return [
        {
            "image": rng.uniform(size=(3, 2, 3)).astype(np.float32),
            "mask": rng.integers(0, 2, (3, 2)).astype(bool),
            "raw": rng.integers(0, 256, (2, 2, 3), dtype=np.uint8),
            "label": int(rng.integers(0, 100)),
            "price": float(rng.uniform()),
        }
        for _ in range(count)
    ]


def arrays_in(got, samples):
    """The answer as a batch, which has the samples' keys and an array for each."""
    for key in samples[0]:
        if not isinstance(entry(got, key), np.ndarray):
            raise wrong_type(f"a numpy array under {key!r}", got[key])
    if len(got) != len(samples[0]):
        raise Failure(f"expected the keys {sorted(samples[0])}, got {sorted(got)}")
    return got


@grade("dataloader_combine")
def test_combine_random_samples(observe, rng):
    """Values of any shape become arrays with one axis more, in order, for one sample and for several."""
    for count in (1, 4):
        samples = random_samples(rng, count)
        got = arrays_in(observe(combine, samples), samples)
        for key, array in got.items():
            want = np.array([sample[key] for sample in samples])
            assert_same(array.astype(float), want.astype(float))


@grade("dataloader_combine")
def test_combine_keeps_dtypes(observe, rng):
    """The dtype of the images stays, and whole numbers become an array of integers."""
    for dtype in ("float64", "float32", "int16", "uint8"):
        shape = tuple(int(n) for n in rng.integers(1, 5, 3))
        samples = [{"image": rng.integers(0, 99, shape).astype(dtype), "label": i} for i in range(3)]
        got = arrays_in(observe(combine, samples), samples)
        assert_same([str(got["image"].dtype), got["label"].dtype.kind], [dtype, "i"])


@grade("dataloader_batches")
def test_batches_for_random_sizes(observe, rng):
    """Batches have the right samples in the right order, for many sizes."""
    for _ in range(3):
        size, full = int(rng.integers(2, 8)), int(rng.integers(2, 5))
        for count in (full * size, full * size + int(rng.integers(1, size))):
            assert_same(observe(epochs, count, {"batch_size": size}), [cut(list(range(count)), size, False)])


@grade("dataloader_batches")
def test_small_batches_are_dropped_for_random_sizes(observe, rng):
    """With drop_last only the last batch is left out, and only if it is smaller than the others."""
    for _ in range(2):
        size, full = int(rng.integers(2, 8)), int(rng.integers(2, 5))
        for count in (full * size, full * size + int(rng.integers(1, size)), size - 1):
            options = {"batch_size": size, "drop_last": True}
            assert_same(observe(epochs, count, options), [cut(list(range(count)), size, True)])


@grade("dataloader_batches")
def test_loader_without_options(observe, rng):
    """DataLoader(dataset) gives batches of one sample each, in the dataset's order."""
    count = int(rng.integers(4, 9))
    assert_same(observe(epochs, count, {}), [[[i] for i in range(count)]])


@grade("dataloader_batches")
def test_images_and_labels_stay_together(observe, rng):
    """In every batch image i belongs to label i."""
    size = int(rng.integers(3, 7))
    count = size * int(rng.integers(6, 9)) + 1
    got = observe(pairs_by_batch, count, {"batch_size": size})
    assert_same(got, cut([[i, i] for i in range(count)], size, False))


@grade("dataloader_batches")
def test_each_sample_is_read_once_and_not_too_early(observe, rng):
    """Over an epoch each sample is read once, and after batch k no more than the samples of k batches have been."""
    size = int(rng.integers(2, 6))
    count = int(rng.integers(4, 9)) * size + 1
    got = observe(reads_of_an_epoch, count, {"batch_size": size})
    assert_same(got, [[*range(size, count, size), count], list(range(count))])


@grade("dataloader_batches")
def test_a_second_loop_starts_again(observe, rng):
    """Each loop over a loader gives all batches."""
    size = int(rng.integers(2, 5))
    count = size * int(rng.integers(4, 8)) + 1
    assert_same(observe(epochs, count, {"batch_size": size}, 3), [cut(list(range(count)), size, False)] * 3)


@grade("dataloader_batches")
def test_two_loops_at_once(observe, rng):
    """Two loops over one loader at the same time do not disturb each other."""
    size = int(rng.integers(2, 5))
    count = size * int(rng.integers(4, 8)) + 1
    want = [[piece, piece] for piece in cut(list(range(count)), size, False)]
    assert_same(observe(two_loops_at_once, count, size), want)


@grade("dataloader_batches")
def test_batch_larger_than_the_dataset(observe, rng):
    """If the dataset is smaller than one batch, there is one small batch."""
    count = int(rng.integers(3, 7))
    assert_same(observe(epochs, count, {"batch_size": count + 2}), [[list(range(count))]])


@grade("dataloader_shuffle")
def test_shuffled_batches_for_random_sizes(observe, rng):
    """A shuffled epoch has all samples, each once and with its own image, in another order than the dataset's."""
    for _ in range(2):
        size = int(rng.integers(2, 7))
        count = size * int(rng.integers(8, 14))
        options = {"batch_size": size, "shuffle": True, "seed": int(rng.integers(1000))}
        pairs = flat(observe(pairs_by_batch, count, options))
        order = [label for _, label in pairs]
        assert_same(sorted(order), list(range(count)))
        assert order != sorted(order), "the samples come in the dataset's order: nothing is shuffled"
        assert_same([image for image, _ in pairs], order)


@grade("dataloader_shuffle")
def test_orders_of_many_epochs_differ(observe, rng):
    """Five epochs have five orders, and in no epoch many neighbours stay neighbours."""
    options = {"batch_size": int(rng.choice([4, 5, 10, 20])), "shuffle": True, "seed": int(rng.integers(1000))}
    orders = [flat(batches) for batches in observe(epochs, 100, options, 5)]
    for order in orders:
        assert_same(sorted(order), list(range(100)))
        assert (np.abs(np.diff(order)) == 1).sum() < 15, "many samples still follow their neighbours"
    assert_same(len({tuple(order) for order in orders}), 5)


@grade("dataloader_shuffle")
def test_seed_decides_the_orders(observe, rng):
    """Loaders with equal seeds have equal orders, loaders with other seeds or with none have others."""
    seed = int(rng.integers(1000))
    same = observe(interleaved_epochs, 60, seed, seed)
    assert_same(sorted(flat(same[0][1])), list(range(60)))
    assert_same(same[1], same[0])
    for seeds in [(seed, seed + 1), (None, None)]:
        first, second = observe(interleaved_epochs, 60, *seeds)
        assert_same(sorted(flat(first[0])), list(range(60)))
        assert first[0] != second[0], f"the seeds {seeds} give the same order"


@grade("dataloader_shuffle")
def test_every_sample_can_come_first_and_last(observe, rng):
    """Over many epochs each sample is in the first batch at times, and in the last."""
    options = {"batch_size": 3, "shuffle": True, "seed": int(rng.integers(1000))}
    got = observe(epochs, 9, options, 50)
    for place in (slice(3), slice(-3, None)):
        assert_same(sorted({label for batches in got for label in flat(batches)[place]}), list(range(9)))


@grade("dataloader_shuffle")
def test_dropped_samples_change_from_epoch_to_epoch(observe, rng):
    """With shuffle and drop_last other samples are left out in other epochs, so that all are used in the end."""
    options = {"batch_size": 4, "shuffle": True, "drop_last": True, "seed": int(rng.integers(1000))}
    got = observe(epochs, 7, options, 30)
    assert_same(sorted({label for batches in got for label in flat(batches)}), list(range(7)))
