"""The tests that `check` runs in the notebooks of exercise 3."""

import os
from itertools import islice
from pathlib import Path

import numpy as np

from exercise_code.common.testing import Failure, assert_same, grade

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


def draw_pictures(rng, counts, height=4, width=6):
    """Random pictures for `write_folder`; `counts` says how many there are in each class."""
    return {name: rng.integers(0, 256, (n, height, width, 3), dtype=np.uint8) for name, n in counts.items()}


def in_order(pictures):
    """The images in the order in which a dataset should have them."""
    return [image for name in sorted(pictures) for image in pictures[name]]


def dataset_lengths(code, pictures):
    root = write_folder(pictures)
    make = code.image_folder.ImageFolderDataset
    return [len(make(root)), len(make(root, in_memory=True))]


def first_item(code, pictures):
    return code.image_folder.ImageFolderDataset(write_folder(pictures))[0]


def read_all(code, pictures, key):
    """What stands under `key` in each sample of a dataset on disk, and of one in memory."""
    root = write_folder(pictures)
    datasets = [code.image_folder.ImageFolderDataset(root, in_memory=keep) for keep in (False, True)]
    return [[dataset[i][key] for i in range(sum(map(len, pictures.values())))] for dataset in datasets]


def read_after_files_were_lost(code, pictures):
    """The images of a dataset in memory whose files are deleted after its creation."""
    root = write_folder(pictures)
    dataset = code.image_folder.ImageFolderDataset(root, in_memory=True)
    for path in root.rglob("*.png"):
        path.unlink()
    return [dataset[i]["image"] for i in range(sum(map(len, pictures.values())))]


def read_twice_with_transform(code, pictures):
    """Image 1, taken out twice from disk and twice from memory; the transform makes half of the mirrored image."""
    root = write_folder(pictures)
    images = []
    for keep in (False, True):
        make = code.image_folder.ImageFolderDataset
        dataset = make(root, transform=lambda image: image[:, ::-1] / 2, in_memory=keep)
        images += [dataset[1]["image"], dataset[1]["image"]]
    return images


@grade("dataset_len", writable=True)
def test_len_counts_the_images_of_all_classes(observe, rng):
    """len(dataset) is the number of images in all classes together, on disk and in memory."""
    pictures = draw_pictures(rng, {"ship": 3, "cat": 1, "dog": 2})
    assert_same(observe(dataset_lengths, pictures), [6, 6], hint="self.paths has one entry for each image")


@grade("dataset_getitem", writable=True)
def test_sample_is_a_dict_of_image_and_label(observe, rng):
    """dataset[0] is a dict: "image" is the first image as a uint8 array, "label" is its label, an int."""
    pictures = draw_pictures(rng, {"ship": 1, "cat": 1})
    want = {"image": pictures["cat"][0], "label": 0}
    assert_same(observe(first_item, pictures), want, hint="the keys are 'image' and 'label'")


@grade("dataset_getitem", writable=True)
def test_labels_are_numbers_of_the_sorted_classes(observe, rng):
    """Classes in alphabetical order get the labels 0, 1, 2; each sample has the label of its own folder."""
    pictures = draw_pictures(rng, {"ship": 2, "cat": 1, "dog": 2})
    want = [[0, 1, 1, 2, 2]] * 2
    assert_same(observe(read_all, pictures, "label"), want, hint="self.labels has the label of each file ready")


@grade("dataset_getitem", writable=True)
def test_every_image_is_the_one_in_its_file(observe, rng):
    """Sample i has the image of file i, from the first to the last, unchanged, from disk and from memory."""
    pictures = draw_pictures(rng, {"ship": 2, "cat": 1, "dog": 2}, height=5, width=3)
    want = [in_order(pictures)] * 2
    assert_same(observe(read_all, pictures, "image"), want, hint="load_image(path) gives the image of a file")


@grade("dataset_getitem", writable=True)
def test_images_in_memory_are_not_read_again(observe, rng):
    """With in_memory=True images come from self.images, even if the files are gone by then."""
    pictures = draw_pictures(rng, {"cat": 1, "dog": 1})
    got = observe(read_after_files_were_lost, pictures)
    assert_same(got, in_order(pictures), hint="use self.images where it is not None")


@grade("dataset_getitem", writable=True)
def test_transform_is_applied_to_each_access(observe, rng):
    """With a transform, "image" is the transform of the original image, at the second access too."""
    pictures = draw_pictures(rng, {"cat": 2})
    want = [pictures["cat"][1][:, ::-1] / 2] * 4
    hint = "call self.transform on the image, and leave self.images as it is"
    assert_same(observe(read_twice_with_transform, pictures), want, hint=hint)


# Transforms

FIRST_THE_RESULT = "this check looks at the result first, and that is not right yet"
IN_PLACE = "image -= ... changes the caller's array: make a new one"


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


@grade("transform_rescale")
def test_rescale_maps_0_to_255_onto_0_to_1(observe):
    """Without arguments 0 becomes 0, 51 becomes 0.2 and 255 becomes 1, as floats."""
    image = np.array([[0, 51, 255], [102, 204, 153]], dtype=np.uint8)
    want = np.array([[0, 0.2, 1], [0.4, 0.8, 0.6]])
    assert_same(observe(rescale, image), want, hint="255 / 5 = 51: work with floats, not with whole numbers")


@grade("transform_rescale")
def test_rescale_reaches_any_output_range(observe):
    """out_range=(-1, 1) maps 0 to -1 and 255 to 1."""
    image = np.array([[0, 51, 255], [102, 204, 153]], dtype=np.uint8)
    want = np.array([[-1, -0.6, 1], [-0.2, 0.6, 0.2]])
    hint = "stretch by (b_max - b_min), then shift by b_min"
    assert_same(observe(rescale, image, (-1, 1)), want, hint=hint)


@grade("transform_rescale")
def test_rescale_takes_any_input_range(observe):
    """in_range=(50, 150) maps 50 to the lower and 150 to the upper end; 30 ends below it, 250 above."""
    image = np.array([[50, 150, 100], [75, 30, 250]], dtype=np.uint8)
    want = np.array([[0, 10, 5], [2.5, -2, 20]])
    hint = "subtract a_min first, from floats: uint8 cannot be negative"
    assert_same(observe(rescale, image, (0, 10), (50, 150)), want, hint=hint)


@grade("transform_rescale")
def test_rescale_leaves_its_input_alone(observe):
    """The image that goes in is not changed."""
    image = np.array([[1.0, 2.0], [3.0, 1.5]])
    result, image_afterwards = observe(rescale_and_look_at_input, image, (10, 20), (1, 3))
    assert_same(result, np.array([[10.0, 15.0], [20.0, 12.5]]), hint=FIRST_THE_RESULT)
    assert_same(image_afterwards, image, hint=IN_PLACE)


def compare_statistics(got, mean, std):
    """Fail unless `got` is (mean, std)."""
    assert isinstance(got, tuple) and len(got) == 2, "expected a tuple of two arrays: return mean, std"
    hint = "the mean over images, height and width at once leaves one number for each channel"
    assert_same(got[0], mean, rtol=1e-4, hint=hint)
    hint = "over all pixels of a channel: the square root of the mean of (x - mean)²; divide by M, not by M - 1"
    assert_same(got[1], std, rtol=1e-4, hint=hint)


@grade("image_mean_std")
def test_mean_and_std_of_a_small_example(observe):
    """Red is 0 or 4, green is 1 everywhere, blue is 0, 0, 0 or 8: the means are 2, 1, 2, the stds 2, 0 and √12."""
    images = np.zeros((2, 1, 2, 3))
    images[..., 0] = [[[0, 4]], [[4, 0]]]
    images[..., 1] = 1
    images[1, 0, 1, 2] = 8
    compare_statistics(observe(mean_and_std, images), np.array([2.0, 1.0, 2.0]), np.array([2.0, 0.0, np.sqrt(12)]))


@grade("image_mean_std")
def test_mean_and_std_have_one_number_per_channel(observe, rng):
    """The result is a tuple of two float arrays of shape (3,), also for uint8 images that are not square."""
    images = rng.integers(0, 256, (5, 4, 7, 3), dtype=np.uint8)
    pixels = images.reshape(-1, 3) / 1.0
    spread = np.sqrt(((pixels - pixels.mean(0)) ** 2).mean(0))
    compare_statistics(observe(mean_and_std, images), pixels.mean(0), spread)


@grade("transform_normalize")
def test_normalize_treats_each_channel_by_itself(observe):
    """From each channel its own mean is subtracted, then it is divided by its own std."""
    image = np.array([[[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]]])
    want = np.array([[[0.0, 1.0, -2.0], [2.0, 5.0, 6.0]]])
    got = observe(normalize, image, [1.0, 1.0, 4.0], [2.0, 1.0, 0.5])
    assert_same(got, want, hint="divide by std, not by its square, and subtract first")


@grade("transform_normalize")
def test_normalize_leaves_its_input_alone(observe):
    """The image that goes in is not changed."""
    image = np.array([[[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]]])
    mean, std = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    result, image_afterwards = observe(normalize_and_look_at_input, image, mean, std)
    assert_same(result, np.array([[[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]]]), hint=FIRST_THE_RESULT)
    assert_same(image_afterwards, image, hint=IN_PLACE)


@grade("transform_normalize")
def test_normalized_images_have_mean_0_and_std_1(observe, rng):
    """Normalised with their own mean and std, images have mean 0 and std 1 in each channel."""
    images = rng.integers(0, 200, (6, 4, 5, 3), dtype=np.uint8) + np.array([0, 20, 50], dtype=np.uint8)
    pixels = (images / 2).reshape(-1, 3)
    got = observe(halve_then_normalize, images, pixels.mean(0), pixels.std(0))
    assert isinstance(got, np.ndarray) and got.shape == images.shape, "expected an array of the images' shape"
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


def combine(code, samples):
    return code.dataloader.combine_samples(samples)


def loader_lengths(code, settings):
    make = code.dataloader.DataLoader
    return [len(make(Recorder(n), batch_size=size, drop_last=drop)) for n, size, drop in settings]


def length_and_reads(code, count, batch_size):
    dataset = Recorder(count)
    return [len(code.dataloader.DataLoader(dataset, batch_size=batch_size)), dataset.reads]


def one_batch(code, count, batch_size):
    return next(iter(code.dataloader.DataLoader(Recorder(count), batch_size=batch_size)))


def epochs(code, count, options, num_epochs=1):
    """The labels in each batch of each epoch, as lists."""
    loader = code.dataloader.DataLoader(Recorder(count), **options)
    # A loader that never ends shall fail here, not hang.
    limit = count + 5
    return [[np.ravel(b["label"]).tolist() for b in islice(loader, limit)] for _ in range(num_epochs)]


def epochs_of_two_loaders(code, count, *seeds):
    """Two shuffled epochs of each of two loaders."""
    return [epochs(code, count, {"batch_size": 8, "shuffle": True, "seed": seed}, 2) for seed in seeds]


def pairs_of_an_epoch(code, count, options):
    """For each sample the number in its image and the number in its label."""
    loader = code.dataloader.DataLoader(Recorder(count), **options)
    pairs = []
    for batch in islice(loader, count + 5):
        pairs += [
            (int(np.mean(image)), int(label)) for image, label in zip(batch["image"], batch["label"], strict=True)
        ]
    return pairs


def reads_by_batch(code, count, batch_size, num_batches):
    """Which samples have been read before the first batch and after each of the next ones."""
    dataset = Recorder(count)
    batches = iter(code.dataloader.DataLoader(dataset, batch_size=batch_size))
    reads = [list(dataset.reads)]
    for _ in range(num_batches):
        next(batches)
        reads.append(list(dataset.reads))
    return reads


def flat(batches):
    """The labels of all batches in one list."""
    labels = [label for batch in batches for label in batch]
    for label in labels:
        assert type(label) is int, f"expected labels that are whole numbers, got {label!r}"
    return labels


@grade("dataloader_len")
def test_len_rounds_up_when_the_last_batch_is_kept(observe):
    """103 samples in batches of 10 are 11 batches, 3 samples in batches of 5 are one."""
    got = observe(loader_lengths, [(103, 10, False), (3, 5, False), (7, 1, False), (9, 2, False)])
    assert_same(got, [11, 1, 7, 5], hint="a rest of samples makes one more batch")


@grade("dataloader_len")
def test_len_rounds_down_when_the_last_batch_is_dropped(observe):
    """With drop_last 103 samples in batches of 10 are 10 batches, 3 samples in batches of 5 are none."""
    got = observe(loader_lengths, [(103, 10, True), (3, 5, True), (7, 1, True), (9, 2, True)])
    assert_same(got, [10, 0, 7, 4], hint="only full batches count; // rounds down")


@grade("dataloader_len")
def test_len_when_batches_come_out_even(observe):
    """60 samples in batches of 20 are 3 batches, whether the last batch is dropped or not."""
    settings = [(60, 20, False), (60, 20, True), (4, 4, False), (4, 4, True)]
    assert_same(observe(loader_lengths, settings), [3, 3, 1, 1], hint="no rest, no extra batch")


@grade("dataloader_len")
def test_len_reads_no_sample(observe):
    """len(loader) is found from numbers alone: no sample is read for it."""
    assert_same(observe(length_and_reads, 22, 4), [6, []], hint="len(self.dataset) says how many there are")


@grade("dataloader_combine")
def test_combined_images_and_labels_are_arrays(observe, rng):
    """3 images of shape (2, 4, 3) become one array of shape (3, 2, 4, 3), 3 labels one of shape (3,)."""
    images = rng.integers(0, 256, (3, 2, 4, 3), dtype=np.uint8)
    samples = [{"image": image, "label": label} for image, label in zip(images, [7, 0, 4], strict=True)]
    want = {"image": images, "label": np.array([7, 0, 4])}
    assert_same(observe(combine, samples), want, hint="np.stack puts arrays on top of each other")


@grade("dataloader_combine")
def test_combine_works_for_any_keys(observe):
    """Samples with other keys than "image" and "label" give a batch with their keys."""
    samples = [
        {"weight": 0.5, "ok": True, "box": np.array([1, 2])},
        {"weight": 1.5, "ok": False, "box": np.array([3, 4])},
    ]
    want = {"weight": np.array([0.5, 1.5]), "ok": np.array([True, False]), "box": np.array([[1, 2], [3, 4]])}
    assert_same(observe(combine, samples), want, hint="take the keys from the first sample")


@grade("dataloader_batches")
def test_batch_is_a_dict_of_arrays(observe):
    """A batch of 4 samples is a dict with an array of 4 images and an array of 4 labels."""
    labels = np.arange(4)
    want = {"image": np.ones((4, 2, 3, 3)) * labels[:, None, None, None], "label": labels}
    assert_same(observe(one_batch, 10, 4), want, hint="combine_samples makes a batch of a list of samples")


@grade("dataloader_batches")
def test_batches_go_through_the_dataset_in_order(observe):
    """Without shuffle 7 samples in batches of 3 come as 0 1 2, 3 4 5 and 6: none is lost, none comes twice."""
    got = observe(epochs, 7, {"batch_size": 3})
    hint = "look at where the first and the last piece of the order begin and end"
    assert_same(got, [[[0, 1, 2], [3, 4, 5], [6]]], hint=hint)


@grade("dataloader_batches")
def test_drop_last_leaves_the_small_batch_out(observe):
    """With drop_last 7 samples in batches of 3 come as 0 1 2 and 3 4 5; 6 samples come completely."""
    got = [observe(epochs, n, {"batch_size": 3, "drop_last": True}) for n in (7, 6)]
    assert_same(got, [[[[0, 1, 2], [3, 4, 5]]]] * 2, hint="a batch is dropped only if it is smaller than batch_size")


@grade("dataloader_batches")
def test_samples_are_read_when_their_batch_is_asked_for(observe):
    """Nothing is read before the first batch, 3 samples for the first batch, 3 more for the second."""
    want = [[], [0, 1, 2], [0, 1, 2, 3, 4, 5]]
    hint = "collect the samples of one batch, yield it, and only then go on"
    assert_same(observe(reads_by_batch, 50, 3, 2), want, hint=hint)


@grade("dataloader_batches")
def test_each_loop_starts_again(observe):
    """A second loop over the loader gives all batches again."""
    got = observe(epochs, 5, {"batch_size": 2}, 2)
    assert_same(got, [[[0, 1], [2, 3], [4]]] * 2, hint="keep nothing in self that is used up by the first loop")


def expect_shuffled(order, count):
    """Fail unless `order` has each of the numbers 0 ... count-1 once, in another order."""
    missing = sorted(set(range(count)) - set(order))
    if missing or len(order) != count:
        extra = len(order) - len(set(order))
        reason = f"{len(missing)} of {count} samples never come, {extra} come once more than they should"
        hint = f"sample {missing[0]} is missing" if missing else "a permutation has every index exactly once"
        raise Failure(reason, want=f"{count} different samples", got=f"{len(set(order))} different ones", hint=hint)
    assert order != list(range(count)), "the samples come in the dataset's order: nothing is shuffled"


@grade("dataloader_shuffle")
def test_shuffle_takes_each_sample_once(observe):
    """In a shuffled epoch each of 50 samples comes exactly once, in another order than the dataset's."""
    expect_shuffled(flat(observe(epochs, 50, {"batch_size": 8, "shuffle": True, "seed": 1})[0]), 50)


@grade("dataloader_shuffle")
def test_each_epoch_has_a_new_order(observe):
    """Three epochs of one loader have three different orders."""
    got = [flat(batches) for batches in observe(epochs, 50, {"batch_size": 8, "shuffle": True, "seed": 2}, 3)]
    for order in got:
        expect_shuffled(order, 50)
    assert got[0] != got[1] and got[1] != got[2] and got[0] != got[2], (
        "an order comes back: draw a new one in __iter__, from self.rng as it is, without seeding it again"
    )


@grade("dataloader_shuffle")
def test_shuffle_mixes_the_whole_dataset(observe):
    """Samples that are neighbours in the dataset are rarely neighbours in a shuffled epoch."""
    order = flat(observe(epochs, 200, {"batch_size": 10, "shuffle": True, "seed": 4})[0])
    expect_shuffled(order, 200)
    neighbours = int((np.abs(np.diff(order)) == 1).sum())
    assert neighbours < 20, (
        f"{neighbours} of 199 pairs that follow each other do so in the dataset too (about 2 are expected): "
        "shuffle single samples, not batches, and over the whole dataset"
    )


@grade("dataloader_shuffle")
def test_images_move_with_their_labels(observe):
    """In a shuffled epoch each image still has its own label."""
    pairs = observe(pairs_of_an_epoch, 50, {"batch_size": 8, "shuffle": True, "seed": 5})
    expect_shuffled([label for _, label in pairs], 50)
    apart = sum(image != label for image, label in pairs)
    assert apart == 0, f"{apart} of 50 images have another image's label: shuffle indices, so that both come along"


@grade("dataloader_shuffle")
def test_same_seed_gives_the_same_orders(observe):
    """Two loaders with the same seed have the same orders, epoch by epoch."""
    first, second = observe(epochs_of_two_loaders, 50, 3, 3)
    for batches in (*first, *second):
        expect_shuffled(flat(batches), 50)
    assert first == second, "two loaders with seed=3 give different orders: draw from self.rng, not from np.random"
