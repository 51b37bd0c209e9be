"""The hidden tests of exercise 3: the properties of the visible tests, on fresh inputs, and some more."""

import os
from itertools import islice
from pathlib import Path

import numpy as np

from exercise_code.common.testing import assert_same, grade

# Image folders


def write_folder(pictures):
    """The path of a new image folder, from a dict: class name -> array (n, height, width, 3)."""
    from PIL import Image

    root = Path(os.getcwd()) / "images"
    for name, images in pictures.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for i, image in enumerate(images):
            Image.fromarray(image).save(root / name / f"{i:03}.png")
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
    return [len(make(root)), len(make(root, in_memory=True))]


def read_all(code, pictures):
    """All samples of a dataset on disk, and of one in memory."""
    root = write_folder(pictures)
    datasets = [code.image_folder.ImageFolderDataset(root, in_memory=keep) for keep in (False, True)]
    return [[dataset[i] for i in range(sum(map(len, pictures.values())))] for dataset in datasets]


def read_after_files_changed(code, before, after):
    """The images of a dataset on disk and of one in memory; the files change after both were created."""
    root = write_folder(before)
    datasets = [code.image_folder.ImageFolderDataset(root, in_memory=keep) for keep in (False, True)]
    for path in root.rglob("*.png"):
        path.unlink()
    write_folder(after)
    return [[dataset[i]["image"] for i in range(sum(map(len, before.values())))] for dataset in datasets]


def read_with_transform(code, pictures, indices, factor):
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
    """The labels that a plain for-loop over the dataset sees; it ends with an IndexError."""
    dataset = code.image_folder.ImageFolderDataset(write_folder(pictures))
    return [sample["label"] for sample in islice(dataset, 1000)]


@grade("dataset_len", writable=True)
def test_len_of_a_random_folder(observe, rng):
    """len(dataset) is the number of images, for any number of classes and images."""
    pictures = draw_pictures(rng, int(rng.integers(3, 6)), least=2)
    count = sum(map(len, pictures.values()))
    assert_same(observe(dataset_lengths, pictures), [count, count])


@grade("dataset_getitem", writable=True)
def test_samples_of_a_random_folder(observe, rng):
    """Every sample of a random folder has its image and its label, on disk and in memory."""
    pictures = draw_pictures(rng, 6, most=2)
    samples = [{"image": image, "label": label} for image, label in zip(*in_order(pictures), strict=True)]
    assert_same(observe(read_all, pictures), [samples, samples])


@grade("dataset_getitem", writable=True)
def test_disk_is_read_at_access_and_memory_before(observe, rng):
    """With in_memory=False an image is read when it is asked for, with in_memory=True when the dataset is created."""
    before = draw_pictures(rng, 2, most=2)
    after = {name: rng.integers(0, 256, images.shape, dtype=np.uint8) for name, images in before.items()}
    got = observe(read_after_files_changed, before, after)
    assert_same(got, [in_order(after)[0], in_order(before)[0]])


@grade("dataset_getitem", writable=True)
def test_transform_sees_each_original_image_once(observe, rng):
    """Each access calls the transform once, with the original image, and returns what the transform returns."""
    pictures = draw_pictures(rng, 2, most=3)
    images, labels = in_order(pictures)
    indices = [int(i) for i in rng.integers(0, len(images), 5)]
    indices += indices[:2]
    factor = float(rng.uniform(0.5, 2))
    samples = [{"image": images[i][1:].astype(float) * factor, "label": labels[i]} for i in indices]
    want = [samples, [images[i] for i in indices], 0]
    assert_same(observe(read_with_transform, pictures, indices, factor), [want, want])


@grade("dataset_getitem", writable=True)
def test_loop_over_a_dataset_ends(observe, rng):
    """A for-loop over the dataset sees each sample once and ends: an index that is too large raises IndexError."""
    pictures = draw_pictures(rng, 3, most=2)
    assert_same(observe(loop_over, pictures), in_order(pictures)[1])


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
    for out_range in [(-1, 1), (0.5, 0.25)]:
        image = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)
        inputs = image, out_range, (int(rng.integers(90, 110)), int(rng.integers(150, 200)))
        assert_same(observe(rescale, *inputs), reference(rescale, *inputs), atol=1e-4)


@grade("transform_rescale")
def test_rescale_all_byte_values(observe):
    """Without arguments each of the 256 values of a byte becomes that value divided by 255."""
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert_same(observe(rescale_by_default, values), np.linspace(0, 1, 256).reshape(16, 16), atol=1e-5)


@grade("image_mean_std")
def test_mean_and_std_of_random_images(observe, reference, rng):
    """Mean and standard deviation are right for float and uint8 images of any size and number of channels."""
    for channels in (3, 1, 4):
        shape = (*(int(n) for n in rng.integers(2, 7, 3)), channels)
        scale = rng.uniform(1, 20, channels)
        for images in (
            rng.normal(size=shape) * scale + rng.uniform(-50, 50, channels),
            rng.integers(0, 256, shape, dtype=np.uint8),
        ):
            assert_same(observe(mean_and_std, images), reference(mean_and_std, images), rtol=1e-4, atol=1e-4)


@grade("image_mean_std")
def test_statistics_take_images_of_unlike_brightness_together(observe):
    """The std is taken over all pixels at once: two images of one colour each, 0 and 10, have std 5, not 0."""
    images = np.zeros((2, 3, 2, 3))
    images[1] = 10
    assert_same(observe(mean_and_std, images), (np.full(3, 5.0), np.full(3, 5.0)), rtol=1e-4)


@grade("transform_normalize")
def test_normalize_random_images(observe, reference, rng):
    """One image, many images and uint8 images are normalised with any mean and std; the input stays as it is."""
    for shape in [(5, 4, 3), (2, 5, 4, 3), (3, 3, 3)]:
        mean, std = rng.uniform(-2, 2, 3), rng.uniform(0.5, 3, 3)
        for image in (rng.normal(size=shape), rng.integers(0, 256, shape, dtype=np.uint8)):
            for inputs in [(image, mean, std), (image, mean.tolist(), std.tolist())]:
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


def combine(code, samples):
    batch = code.dataloader.combine_samples(samples)
    return [batch, {key: str(getattr(array, "dtype", "none")) for key, array in batch.items()}]


def loader_lengths(code, settings):
    make = code.dataloader.DataLoader
    return [len(make(Recorder(n), batch_size=size, drop_last=drop)) for n, size, drop in settings]


def length_and_reads(code, count, batch_size, drop_last):
    dataset = Recorder(count)
    loader = code.dataloader.DataLoader(dataset, batch_size=batch_size, drop_last=drop_last)
    return [len(loader), dataset.reads]


def epochs(code, count, options, num_epochs=1):
    """The labels in each batch of each epoch, as lists."""
    loader = code.dataloader.DataLoader(Recorder(count), **options)
    # A loader that never ends shall fail here, not hang.
    limit = count + 5
    return [[np.ravel(b["label"]).tolist() for b in islice(loader, limit)] for _ in range(num_epochs)]


def epochs_of_two_loaders(code, count, *seeds):
    """Two shuffled epochs of each of two loaders."""
    return [epochs(code, count, {"batch_size": 6, "shuffle": True, "seed": seed}, 2) for seed in seeds]


def batches_of(code, count, options):
    return list(islice(code.dataloader.DataLoader(Recorder(count), **options), count + 5))


def reads_of_an_epoch(code, count, options):
    """Which samples were read after each batch, and in the whole epoch."""
    dataset = Recorder(count)
    loader = code.dataloader.DataLoader(dataset, **options)
    after_each = [len(dataset.reads) for _ in islice(loader, count + 5)]
    return [after_each, dataset.reads]


def two_loops_at_once(code, count, batch_size):
    loader = code.dataloader.DataLoader(Recorder(count), batch_size=batch_size)
    pairs = islice(zip(loader, loader, strict=False), count)
    return [[np.ravel(batch["label"]).tolist() for batch in pair] for pair in pairs]


def flat(batches):
    """The labels of all batches in one list."""
    labels = [label for batch in batches for label in batch]
    for label in labels:
        assert type(label) is int, f"expected labels that are whole numbers, got {label!r}"
    return labels


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


@grade("dataloader_combine")
def test_combine_random_samples(observe, reference, rng):
    """Values of any shape become arrays with one axis more, in order, and their dtype stays."""
    for count in (1, 4):
        samples = [
            {
                "image": rng.uniform(size=(3, 2, 3)).astype(np.float32),
                "mask": rng.integers(0, 2, (3, 2)).astype(bool),
                "raw": rng.integers(0, 256, (2, 2, 3), dtype=np.uint8),
                "label": int(rng.integers(0, 100)),
                "price": float(rng.uniform()),
            }
            for _ in range(count)
        ]
        assert_same(observe(combine, samples), reference(combine, samples))


@grade("dataloader_batches")
def test_batches_for_random_sizes(observe, rng):
    """Batches have the right samples in the right order, for many sizes and both values of drop_last."""
    for _ in range(3):
        size, full = int(rng.integers(2, 8)), int(rng.integers(2, 5))
        for count in (full * size, full * size + int(rng.integers(1, size))):
            for drop in (False, True):
                options = {"batch_size": size, "drop_last": drop}
                assert_same(observe(epochs, count, options), [cut(list(range(count)), size, drop)])


@grade("dataloader_batches")
def test_loader_without_options(observe, rng):
    """DataLoader(dataset) gives batches of one sample each, in the dataset's order."""
    count = int(rng.integers(4, 9))
    labels = np.arange(count)
    images = np.ones((count, 1, 2, 3, 3), dtype=np.float32) * labels[:, None, None, None, None]
    want = [{"image": images[i], "label": labels[i : i + 1]} for i in range(count)]
    assert_same(observe(batches_of, count, {}), want)


@grade("dataloader_batches")
def test_images_and_labels_stay_together(observe, rng):
    """In every batch, also in a shuffled one, image i belongs to label i, and both are arrays of the batch's size."""
    size = int(rng.integers(3, 7))
    count = size * int(rng.integers(6, 9)) + 1
    for shuffle in (False, True):
        batches = observe(batches_of, count, {"batch_size": size, "shuffle": shuffle, "seed": 5})
        for batch in batches:
            labels = batch["label"]
            assert isinstance(labels, np.ndarray) and labels.ndim == 1, "expected the labels as an array of one axis"
            assert_same(batch["image"], np.ones((len(labels), 2, 3, 3)) * labels[:, None, None, None])
        assert_same(np.sort(np.concatenate([batch["label"] for batch in batches])), np.arange(count))


@grade("dataloader_batches")
def test_each_sample_is_read_once_and_not_too_early(observe, rng):
    """Over an epoch each sample is read once, and after batch k no more than the samples of k batches have been."""
    size = int(rng.integers(2, 6))
    full = int(rng.integers(4, 9))
    count = full * size + 1
    for shuffle in (False, True):
        got = observe(reads_of_an_epoch, count, {"batch_size": size, "shuffle": shuffle, "seed": 6})
        assert_same(got[0], [*range(size, count, size), count])
        assert_same(sorted(got[1]), list(range(count)))


@grade("dataloader_batches")
def test_two_loops_at_once(observe, rng):
    """Two loops over one loader at the same time do not disturb each other."""
    size = int(rng.integers(2, 5))
    count = size * int(rng.integers(4, 8)) + 1
    want = [[piece, piece] for piece in cut(list(range(count)), size, False)]
    assert_same(observe(two_loops_at_once, count, size), want)


@grade("dataloader_batches")
def test_batch_larger_than_the_dataset(observe, rng):
    """If the dataset is smaller than one batch, there is one small batch, or none with drop_last."""
    count = int(rng.integers(3, 7))
    got = [observe(epochs, count, {"batch_size": count + 2, "drop_last": drop}) for drop in (False, True)]
    assert_same(got, [[[list(range(count))]], [[]]])


@grade("dataloader_shuffle")
def test_shuffled_batches_for_random_sizes(observe, rng):
    """Shuffled batches have the right sizes and no sample twice; only with drop_last some samples are left out."""
    for rest in (0, 1):
        size = int(rng.integers(2, 7))
        count = size * int(rng.integers(8, 14)) + rest
        for drop in (False, True):
            options = {"batch_size": size, "shuffle": True, "drop_last": drop, "seed": int(rng.integers(1000))}
            batches = observe(epochs, count, options)[0]
            assert_same([len(batch) for batch in batches], [len(p) for p in cut(list(range(count)), size, drop)])
            taken = set(flat(batches))
            assert_same(len(taken), sum(len(batch) for batch in batches))
            assert taken <= set(range(count)), "there are labels that the dataset does not have"
            assert flat(batches) != sorted(taken), "the samples come in the dataset's order: nothing is shuffled"


@grade("dataloader_shuffle")
def test_orders_of_many_epochs_differ(observe, rng):
    """Five epochs have five orders, and in no epoch many neighbours stay neighbours."""
    options = {"batch_size": int(rng.integers(5, 20)), "shuffle": True, "seed": int(rng.integers(1000))}
    orders = [flat(batches) for batches in observe(epochs, 101, options, 5)]
    for order in orders:
        assert_same(sorted(order), list(range(101)))
        assert (np.abs(np.diff(order)) == 1).sum() < 15, "many samples still follow their neighbours"
    assert_same(len({tuple(order) for order in orders}), 5)


@grade("dataloader_shuffle")
def test_seed_decides_the_orders(observe, rng):
    """Loaders with equal seeds have equal orders, loaders with other seeds or with none have others."""
    seed = int(rng.integers(1000))
    same = observe(epochs_of_two_loaders, 60, seed, seed)
    assert_same(sorted(flat(same[0][1])), list(range(60)))
    assert_same(same[1], same[0])
    for seeds in [(seed, seed + 1), (None, None)]:
        first, second = observe(epochs_of_two_loaders, 60, *seeds)
        assert_same(sorted(flat(first[0])), list(range(60)))
        assert first[0] != second[0], f"the seeds {seeds} give the same order"


@grade("dataloader_shuffle")
def test_every_sample_can_come_first_and_last(observe, rng):
    """Over many epochs each sample is in the first batch at times, and in the last."""
    options = {"batch_size": 3, "shuffle": True, "seed": int(rng.integers(1000))}
    got = observe(epochs, 9, options, 50)
    for place in (0, -1):
        assert_same(sorted(set(flat([batches[place] for batches in got]))), list(range(9)))


@grade("dataloader_shuffle")
def test_dropped_samples_change_from_epoch_to_epoch(observe, rng):
    """With shuffle and drop_last other samples are left out in other epochs, so that all are used in the end."""
    options = {"batch_size": 4, "shuffle": True, "drop_last": True, "seed": int(rng.integers(1000))}
    got = observe(epochs, 7, options, 30)
    assert_same([len(flat(batches)) for batches in got], [4] * 30)
    assert_same(sorted({label for batches in got for label in flat(batches)}), list(range(7)))
