"""The checks that students see.

What these tests expect can be read here, so they earn little: their hidden twins, on fresh inputs, earn the points. A
later task uses what an earlier one wrote. So that a slip there costs points there alone, the probes put stand-ins in
the place of earlier blocks.
"""

import weakref
from contextlib import contextmanager
from itertools import pairwise

import numpy as np

from exercise_code.common.testing import (
    Failure,
    OddAnswer,
    as_array,
    assert_calls,
    assert_same,
    call,
    each_call,
    entry,
    grade,
    items,
    resembles,
    show,
)

SEEN = 0.1
VOID = -1
MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])


@contextmanager
def swapped(module, **functions):
    """The module with other functions under these names, until the end of the block."""
    kept = {name: getattr(module, name, None) for name in functions}
    vars(module).update(functions)
    try:
        yield
    finally:
        vars(module).update(kept)


# Scenes as tensors


def normalized(code, images):
    """The tensor of some images, and the images afterwards."""
    mine = images.copy()
    return [as_array(code.scenes.normalize_images(mine)), mine]


def expect_normalized(got, images):
    """Fail unless this is the tensor of the images, which are as they were."""
    tensor, after = items(got, 2)
    pixels = images.transpose(0, 3, 1, 2) / 255
    scaled = (images / 255 - MEAN) / STD
    mean, std = MEAN.reshape(3, 1, 1), STD.reshape(3, 1, 1)
    want = ((pixels - mean) / std).astype(np.float32)
    hints = {
        "the channels are still last: permute": scaled,
        "that is reshaped, not permuted: a pixel's colours are torn apart": scaled.reshape(want.shape),
        "divide by 255 first": (images.transpose(0, 3, 1, 2) - mean) / std,
        "divided by STD before MEAN is subtracted": pixels / std - mean,
        "MEAN and STD are missing": pixels,
        "height and width are exchanged": lambda got: resembles(got.swapaxes(2, 3), want),
    }
    with call(f"normalize_images(uint8 of shape {images.shape})"):
        assert_same(tensor, want, rtol=1e-4, atol=1e-5, hints=hints)
        if tensor.dtype != np.float32:
            raise Failure(f"expected float32, got {tensor.dtype}")
        assert_same(after, images, hint="the images that came in were changed")


@grade("scenes_tensors", weight=SEEN)
def test_images_become_tensors(observe, rng):
    """normalize_images gives float32 (N, 3, H, W), scaled, with the channels' means and deviations taken off."""
    for shape in ((2, 4, 6, 3), (1, 5, 5, 3)):
        images = rng.integers(0, 256, shape, dtype=np.uint8)
        expect_normalized(observe(normalized, images), images)


# Changes of image and labels together


def scenes_after(code, name, images, labels, calls):
    """Images and labels after several calls of a function of scenes.py."""
    import torch

    def answer(*arguments):
        scene = torch.from_numpy(images.copy()), torch.from_numpy(labels.copy())
        found = getattr(code.scenes, name)(*scene, *arguments)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise OddAnswer(f"expected images and labels, got {type(found).__name__}")
        return [as_array(part) for part in found]

    return each_call(answer, calls)


def a_batch(rng, n, height, width, dtype=np.int64):
    """Images, and labels of all classes with void among them."""
    images = rng.normal(size=(n, 3, height, width)).astype(np.float32)
    return images, rng.integers(VOID, 23, (n, height, width)).astype(dtype)


def expect_scenes(got, want, dtype, image_hints=None, label_hints=None):
    """Fail unless images and labels of each call are right, and labels keep their dtype."""
    if type(got) is not dict or list(got) != list(want):
        raise Failure("the calls were not all made")
    for text, (images, labels) in want.items():
        with call(text):
            found = items(got[text], 2, "images and labels")
            assert_same(found[0], images, rtol=1e-4, atol=1e-5, hints=(image_hints or {}).get(text))
            assert_same(found[1], labels, hints=(label_hints or {}).get(text))
            if found[1].dtype != dtype:
                raise Failure(f"expected labels of {np.dtype(dtype)} as they came, got {found[1].dtype}")


def flip_call(images):
    return f"flip_scenes(images {images.shape}, labels)"


def expect_flipped(got, images, labels):
    """Fail unless both are mirrored."""
    text = flip_call(images)
    hints = {
        "that is upside down: the last axis goes from left to right": labels[:, ::-1],
        "the labels stay where they were": labels,
    }
    want = {text: (images[..., ::-1], labels[..., ::-1])}
    image_hints = {"that is upside down: the last axis goes from left to right": images[..., ::-1, :]}
    expect_scenes(got, want, labels.dtype, {text: image_hints}, {text: hints})


@grade("scenes_augment", weight=SEEN)
def test_image_and_labels_are_mirrored_together(observe, rng):
    """flip_scenes mirrors images and labels left to right."""
    images, labels = a_batch(rng, 2, 3, 4)
    expect_flipped(observe(scenes_after, "flip_scenes", images, labels, {flip_call(images): ()}), images, labels)


def weights_between(before, after):
    """The share (after, before) of each old place in each new one, bilinear."""
    places = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    shares = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(before)))
    return shares


def nearest(before, after, middle=0.5):
    """The nearest old place of each new one."""
    return np.floor((np.arange(after) + middle) * before / after).astype(int)


def expect_resized(got, images, labels, sizes):
    """Fail unless images are resized bilinearly and labels to the nearest."""
    want, image_hints, label_hints = {}, {}, {}
    for text, (height, width) in sizes.items():
        down, across = weights_between(images.shape[2], height), weights_between(images.shape[3], width)
        rows, columns = nearest(images.shape[2], height), nearest(images.shape[3], width)
        new = np.einsum("hH,bcHW,wW->bchw", down, images, across).astype(np.float32)
        want[text] = new, labels[:, rows][:, :, columns]
        coarse = [images[:, :, nearest(images.shape[2], height, m)][..., nearest(images.shape[3], width, m)]
                  for m in (0, 0.5)]  # fmt: skip
        image_hints[text] = {"images are resized bilinearly, not to the nearest": lambda got, coarse=coarse: any(
            resembles(got, each) for each in coarse)}  # fmt: skip
        mixed = np.einsum("hH,bHW,wW->bhw", down, labels, across)
        shifted = labels[:, nearest(images.shape[2], height, 0)][:, :, nearest(images.shape[3], width, 0)]
        label_hints[text] = {
            "labels are mixed: between two classes there is no third one": lambda got, mixed=mixed: bool(
                (np.abs(got - mixed) <= 1).all()
            ),
            'that is "nearest", half a pixel beside the image: "nearest-exact"': shifted,
        }
    expect_scenes(got, want, labels.dtype, image_hints, label_hints)


def resize_calls(sizes):
    return {f"resize_scenes(images, labels, {height}, {width})": (height, width) for height, width in sizes}


@grade("scenes_augment", weight=SEEN)
def test_labels_are_never_mixed(observe, rng):
    """resize_scenes gives images bilinearly and labels of the nearest pixel."""
    for dtype in (np.int64, np.int8):
        images, labels = a_batch(rng, 2, 6, 8, dtype)
        calls = resize_calls([(12, 16), (3, 4), (9, 5), (6, 8)])
        expect_resized(observe(scenes_after, "resize_scenes", images, labels, calls), images, labels, calls)


def window_of(array, fill, top, left, height, width):
    """The window, found pixel by pixel."""
    new = np.full((*array.shape[:-2], height, width), fill, dtype=array.dtype)
    for row in range(height):
        for column in range(width):
            if 0 <= top + row < array.shape[-2] and 0 <= left + column < array.shape[-1]:
                new[..., row, column] = array[..., top + row, left + column]
    return new


def crop_calls(windows):
    return {f"crop_scenes(images, labels, {', '.join(map(str, window))})": window for window in windows}


def expect_cropped(got, images, labels, calls):
    """Fail unless the windows are right, filled up with 0 and void."""
    want, hints = {}, {}
    for text, window in calls.items():
        right = window_of(labels, VOID, *window)
        want[text] = window_of(images, 0, *window), right
        hints[text] = {
            "outside of the image the labels must be void, -1: 0 is a building": window_of(labels, 0, *window)
        }
        if resembles(window_of(labels, 0, *window), right):
            del hints[text]
    expect_scenes(got, want, labels.dtype, None, hints)


@grade("scenes_augment", weight=SEEN)
def test_a_window_may_reach_beyond_the_image(observe, rng):
    """crop_scenes cuts the same window of both; beyond the image there are zeros and void."""
    images, labels = a_batch(rng, 2, 5, 7)
    calls = crop_calls([(1, 2, 3, 4), (0, 0, 5, 7), (-2, 3, 4, 6), (3, -1, 4, 9), (-1, -1, 8, 9), (5, 0, 2, 2)])
    expect_cropped(observe(scenes_after, "crop_scenes", images, labels, calls), images, labels, calls)


@grade("scenes_augment", weight=SEEN)
def test_a_window_may_miss_the_image(observe, rng):
    """crop_scenes gives zeros and void where the window lies below, above, to the right or to the left of the image."""
    images, labels = a_batch(rng, 2, 5, 7)
    calls = crop_calls([(7, 0, 6, 4), (-9, 2, 4, 3), (1, 9, 3, 4), (0, -9, 3, 4)])
    expect_cropped(observe(scenes_after, "crop_scenes", images, labels, calls), images, labels, calls)


# The loss


def losses_of(code, logits, labels, weights):
    """The loss, and its gradient with respect to the logits."""
    import torch

    numbers = torch.from_numpy(logits).requires_grad_()
    extra = () if weights is None else (torch.from_numpy(weights),)
    loss = code.losses.segmentation_loss(numbers, torch.from_numpy(labels), *extra)
    value = as_array(loss)
    if not loss.requires_grad or loss.ndim:
        return [value, None]
    loss.backward()
    return [value, as_array(numbers.grad)]


def loss_values(code, logits, labels, weights):
    """The loss alone."""
    import torch

    extra = () if weights is None else (torch.from_numpy(weights),)
    return as_array(code.losses.segmentation_loss(torch.from_numpy(logits), torch.from_numpy(labels), *extra))


def loss_by_hand(logits, labels, weights=None):
    """The loss and its gradient in numpy."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    probabilities = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    known = labels != VOID
    safe = np.where(known, labels, 0).astype(np.int64)
    share = np.where(known, 1.0 if weights is None else weights.astype(np.float64)[safe], 0.0)
    truth = np.moveaxis(np.eye(logits.shape[1])[safe], -1, 1)
    each = -np.log((probabilities * truth).sum(axis=1))
    whole = share.sum()
    if whole == 0:
        return 0.0, np.zeros_like(logits, dtype=np.float32)
    gradient = (probabilities - truth) * share[:, None] / whole
    return float((each * share).sum() / whole), gradient.astype(np.float32)


def expect_loss(got, logits, labels, weights=None):
    """Fail unless value and gradient are right."""
    value, gradient = items(got, 2, "the loss and its gradient")
    slope = expect_loss_value(value, logits, labels, weights)
    with call("the loss's gradient with respect to the logits"):
        if gradient is None:
            raise Failure("no gradient flows back to the logits", hint="stay with torch's operations, without .item()")
        assert_same(gradient, slope, rtol=1e-3, atol=1e-6)


def expect_loss_value(value, logits, labels, weights=None):
    """Fail unless the value is right; what its gradient must be, in numpy."""
    want, slope = loss_by_hand(logits, labels, weights)
    total = want * ((labels != VOID).sum() if weights is None else weights[labels[labels != VOID]].sum())
    as_zero = loss_by_hand(logits, np.where(labels == VOID, 0, labels), weights)[0]
    as_last = loss_by_hand(logits, np.where(labels == VOID, logits.shape[1] - 1, labels), weights)[0]
    per_image = [loss_by_hand(logits[i : i + 1], labels[i : i + 1], weights)[0] for i in range(len(labels))]
    hints = {
        "void counts as class 0": as_zero,
        "void counts as the last class": as_last,
        "that is the mean of the images' means: all labelled pixels of the batch count alike": float(
            np.mean(per_image)
        ),
    }
    if (labels != VOID).any():
        hints["divide by the number of labelled pixels, not of all"] = total / labels.size
        summed = "that is the sum: divide it"
        if weights is not None and weights[labels[labels != VOID]].sum() < 1:
            summed = "that is the sum: divide it by the sum of the weights, even where this is less than 1"
        hints[summed] = total
    else:
        hints["the mean of no pixels is NaN: without a labelled pixel the loss is 0"] = np.nan
    if weights is not None and (labels != VOID).any():
        hints["the weights do not count"] = loss_by_hand(logits, labels)[0]
        hints["divide by the sum of the weights, not by the number of pixels"] = total / (labels != VOID).sum()
    with call(f"segmentation_loss(logits {logits.shape}, labels{'' if weights is None else ', weights'})"):
        assert_same(value, np.array(want, dtype=np.float32), rtol=1e-4, atol=1e-6, hints=hints)
    return slope


def some_logits(rng, n, classes, height, width, dtype=np.int64):
    """Logits, and labels of these classes with void among them."""
    logits = (2 * rng.normal(size=(n, classes, height, width))).astype(np.float32)
    return logits, rng.integers(VOID, classes, (n, height, width)).astype(dtype)


@grade("loss_pixels", weight=SEEN)
def test_the_loss_is_the_mean_over_labelled_pixels(observe, rng):
    """segmentation_loss is the mean cross-entropy of the pixels that have a class; void does not count."""
    logits, labels = some_logits(rng, 2, 4, 3, 5)
    labels[0, :2] = VOID
    expect_loss_value(observe(loss_values, logits, labels, None), logits, labels)
    narrow = labels.astype(np.int8)
    expect_loss_value(observe(loss_values, logits, narrow, None), logits, labels)


@grade("loss_pixels", weight=SEEN)
def test_rare_classes_may_weigh_more(observe, rng):
    """With weights, each pixel counts as much as its class weighs, and the sum of these weights divides."""
    logits, labels = some_logits(rng, 2, 3, 4, 4)
    weights = np.array([0.5, 3.0, 1.25], dtype=np.float32)
    expect_loss_value(observe(loss_values, logits, labels, weights), logits, labels, weights)


@grade("loss_pixels", weight=SEEN)
def test_weights_may_be_small(observe, rng):
    """The sum of the weights divides, even where it is less than 1."""
    logits, labels = some_logits(rng, 2, 3, 4, 4)
    weights = np.array([0.001, 0.005, 0.002], dtype=np.float32)
    expect_loss_value(observe(loss_values, logits, labels, weights), logits, labels, weights)


@grade("loss_pixels", weight=SEEN)
def test_a_batch_may_be_void_all_over(observe, rng):
    """Without a labelled pixel the loss is 0 and so are the gradients, with and without weights."""
    logits, labels = some_logits(rng, 1, 3, 2, 4)
    for weights in (None, np.array([1.0, 2.0, 0.5], dtype=np.float32)):
        got = observe(losses_of, logits, np.full_like(labels, VOID), weights)
        expect_loss(got, logits, np.full_like(labels, VOID), weights)
    # Where nothing is void, the loss is no 0.
    expect_loss(observe(losses_of, logits, np.abs(labels), None), logits, np.abs(labels))


def weights_of(code, labels, calls):
    """The weights of the classes for several settings."""
    import torch

    return each_call(lambda *settings: as_array(code.losses.class_weights(torch.from_numpy(labels), *settings)), calls)


def weights_by_hand(labels, classes, power=0.5):
    """The weights in numpy."""
    counts = np.bincount(labels[labels != VOID], minlength=classes)
    share = counts / counts.sum()
    occurs = share > 0
    weights = np.zeros(classes)
    weights[occurs] = share[occurs] ** -power / (share[occurs] ** (1 - power)).sum()
    return weights.astype(np.float32)


def expect_weights(got, labels, calls):
    """Fail unless these are the weights."""
    counts = {text: np.bincount(labels[labels != VOID], minlength=setting[0]) for text, setting in calls.items()}
    hints = {
        "a class that does not occur has the weight 0": lambda got: any(
            (got[text][count == 0] != 0).any() for text, count in counts.items()
        ),
        "the mean weight of a labelled pixel is not 1. The divisor is missing or wrong: shares are of labelled "
        "pixels, the sum goes over classes that occur": lambda got: any(
            not np.isclose(got[text][count > 0] @ count[count > 0] / count.sum(), 1, rtol=1e-3)
            for text, count in counts.items()
        ),
    }
    want = {text: weights_by_hand(labels, *setting) for text, setting in calls.items()}
    assert_calls(got, want, rtol=1e-4, atol=1e-6, hints=hints)


def weight_calls(settings):
    return {f"class_weights(labels, {', '.join(map(str, each))})": each for each in settings}


@grade("loss_weights", weight=SEEN)
def test_rare_classes_have_larger_weights(observe):
    """class_weights follows the formula; classes that do not occur have the weight 0, void plays no part."""
    labels = np.array([[[0, 0, 0, 0, 0], [0, 0, 0, 0, 2], [-1, -1, -1, 2, 3]]])
    calls = weight_calls([(4,), (4, 1.0), (6, 0.0), (5, 0.25)])
    expect_weights(observe(weights_of, labels, calls), labels, calls)


# Receptive field


def fields_of(code, calls):
    """The receptive fields of several stacks."""
    return each_call(lambda layers: code.layers.receptive_field([tuple(each) for each in layers]), calls)


def field_calls(stacks):
    return {f"receptive_field({stack})": (stack,) for stack in stacks}


def expect_fields(got, stacks):
    """Fail unless the fields are right; each stack is gone through place by place."""

    def sums(stack):
        return 1 + sum((k - 1) * d for k, _, d in stack), int(np.prod([s for _, s, _ in stack]))

    def dense(stack):
        return numbers([(k, s, 1) for k, s, _ in stack])

    def numbers(stack):
        (first, last), (second, _) = (pixels_seen(stack, output) for output in (0, 1))
        return last - first + 1, second - first

    def late(stack):
        field, step = 1, 1
        for k, s, d in stack:
            step *= s
            field += (k - 1) * d * step
        return field, step

    want = {text: numbers(stack) for text, (stack,) in field_calls(stacks).items()}
    hints = {
        "dilation is left out: it leaves gaps between the numbers that a kernel reads": dict(
            zip(want, [dense(s) for s in stacks], strict=True)
        ),
        "a layer behind a stride looks farther: multiply by the step": dict(
            zip(want, [sums(s) for s in stacks], strict=True)
        ),
        "the step grows after the layer, not before": dict(zip(want, [late(s) for s in stacks], strict=True)),
    }
    assert_calls(got, want, hints=hints)


def pixels_seen(stack, output):
    """The first and the last pixel that an output of a stack sees, found place by place."""
    places = {output}
    for kernel, stride, dilation in reversed(stack):
        places = {place * stride + tap * dilation for place in places for tap in range(kernel)}
    return min(places), max(places)


@grade("layers_field", weight=SEEN)
def test_a_layer_sees_its_kernel(observe):
    """A single layer without stride and dilation sees as many pixels as its kernel has, and its step is 1."""
    stacks = [[(3, 1, 1)], [(5, 1, 1)], [(1, 1, 1)]]
    expect_fields(observe(fields_of, field_calls(stacks)), stacks)


@grade("layers_field", weight=SEEN)
def test_layers_see_farther_and_farther(observe):
    """receptive_field gives field and step of stacks of convolutions and pooling."""
    stacks = [
        [(3, 1, 1)],
        [(3, 1, 1), (3, 1, 1)],
        [(3, 1, 1), (2, 2, 1), (3, 1, 1)],
        [(3, 2, 1), (5, 1, 2), (3, 2, 1)],
        [],
    ]
    expect_fields(observe(fields_of, field_calls(stacks)), stacks)


# The blocks of a U-Net


def randomized(module):
    """The module with other random parameters, the means and variances of normalisations included."""
    import torch

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if tensor.is_floating_point():
                noise = torch.randn(tensor.shape, generator=generator)
                tensor.copy_(noise.abs() + 0.5 if "var" in name else 0.5 * noise)
    return module


def double_conv(code, images, out_channels):
    """What a `DoubleConv` in eval mode gives, and what its layers hold."""
    import torch

    block = randomized(code.layers.DoubleConv(images.shape[1], out_channels)).eval()
    convs = [layer for layer in block.modules() if isinstance(layer, torch.nn.Conv2d)]
    norms = [layer for layer in block.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        answer = as_array(block(torch.from_numpy(images)))
    held = [
        [as_array(c.weight), as_array(c.bias) if c.bias is not None else np.zeros(len(c.weight), np.float32)]
        for c in convs
    ]
    normed = [[as_array(n.weight), as_array(n.bias), as_array(n.running_mean), as_array(n.running_var)] for n in norms]
    return [answer, held, normed]


def conv_by_hand(x, weight, bias):
    """A 3×3 convolution with padding 1 in numpy."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = x.shape[2:]
    parts = [
        np.einsum("oc,bchw->bohw", weight[..., i, j], padded[..., i : i + height, j : j + width])
        for i in range(3)
        for j in range(3)
    ]
    return sum(parts) + bias[:, None, None]


def expect_double_conv(got, images, out_channels):
    """Fail unless the block has two convolutions and two normalisations, and computes what they say."""
    answer, convs, norms = items(got, 3)
    if len(convs) != 2 or len(norms) != 2:
        raise Failure(f"expected 2 convolutions and 2 batch normalisations, got {len(convs)} and {len(norms)}")
    shapes = [(out_channels, images.shape[1], 3, 3), (out_channels, out_channels, 3, 3)]
    found = [weight.shape for weight, _ in convs]
    if found != shapes:
        raise Failure(f"expected kernels of the shapes {shapes}, got {found}")
    x = images.astype(np.float64)
    before = x
    for (weight, bias), (scale, shift, mean, var) in zip(convs, norms, strict=True):
        x = conv_by_hand(x, weight, bias)
        x = (x - mean[:, None, None]) / np.sqrt(var[:, None, None] + 1e-5) * scale[:, None, None]
        before = x + shift[:, None, None]
        x = np.maximum(before, 0)
    hints = {"the last ReLU is missing": before}
    with call(f"DoubleConv({images.shape[1]}, {out_channels})(x of shape {images.shape})"):
        assert_same(answer, x.astype(np.float32), rtol=1e-3, atol=1e-4, hints=hints)


@grade("layers_blocks", weight=SEEN)
def test_a_double_conv_is_two_convolutions(observe, rng):
    """DoubleConv: convolution, normalisation, ReLU, twice; height and width stay."""
    images = rng.normal(size=(2, 3, 5, 7)).astype(np.float32)
    expect_double_conv(observe(double_conv, images, 4), images, 4)


def up_block(code, x, skip, out_channels):
    """What an `UpBlock` hands to its `DoubleConv`, for which a stand-in notes it, and what it gives."""
    import torch

    seen = []

    class Noted(torch.nn.Module):
        def __init__(self, in_channels, out_channels):
            super().__init__()
            self.sizes = in_channels, out_channels

        def forward(self, x):
            seen.append([*self.sizes, as_array(x)])
            return 2 * x[:, : self.sizes[1]] + 1

    with swapped(code.layers, DoubleConv=Noted), torch.no_grad():
        block = code.layers.UpBlock(x.shape[1], skip.shape[1], out_channels)
        return [as_array(block(torch.from_numpy(x), torch.from_numpy(skip))), seen]


def weights_between_corners(before, after):
    """The same as `weights_between`, where the corners lie on each other (`align_corners=True`)."""
    places = np.linspace(0, before - 1, after)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(before)))


def joins(large, skip):
    """Whether an answer is these two, joined in either order."""
    return lambda got: any(resembles(got, np.concatenate(both, axis=1)) for both in ((large, skip), (skip, large)))


def expect_up(got, x, skip, out_channels):
    """Fail unless both, enlarged and joined, go through one `DoubleConv`."""
    answer, seen = items(got, 2)
    with call(f"UpBlock({x.shape[1]}, {skip.shape[1]}, {out_channels})(x {x.shape}, skip {skip.shape})"):
        if type(seen) is not list or len(seen) != 1:
            raise Failure("expected one pass through one DoubleConv", hint="join the two first, then DoubleConv")
        width_in, width_out, joined = items(seen[0], 3)
        assert_same([width_in, width_out], [x.shape[1] + skip.shape[1], out_channels])
        down, across = (weights_between(a, b) for a, b in zip(x.shape[2:], skip.shape[2:], strict=True))
        large = np.einsum("hH,bcHW,wW->bchw", down, x, across).astype(np.float32)
        orders = [np.concatenate(parts, axis=1) for parts in ((large, skip), (skip, large))]
        want = orders[1] if np.shape(joined) == orders[1].shape and resembles(joined, orders[1]) else orders[0]
        rows, columns = (nearest(a, b, 0) for a, b in zip(x.shape[2:], skip.shape[2:], strict=True))
        down, across = (weights_between_corners(a, b) for a, b in zip(x.shape[2:], skip.shape[2:], strict=True))
        aligned = np.einsum("hH,bcHW,wW->bchw", down, x, across)
        hints = {
            "that is nearest; it should be bilinear with align_corners=False": joins(x[:, :, rows][..., columns], skip),
            "that is bilinear with align_corners=True; it should be align_corners=False": joins(aligned, skip),
        }
        assert_same(joined, want, rtol=1e-4, atol=1e-5, hints=hints)
        assert_same(answer, 2 * joined[:, :out_channels] + 1, rtol=1e-4, atol=1e-5)


def a_step_up(rng, low, high):
    """Features from below (C, h, w) and a skip connection (C, H, W), for two images."""
    return tuple(rng.normal(size=(2, *shape)).astype(np.float32) for shape in (low, high))


@grade("layers_blocks", weight=SEEN)
def test_an_up_block_fits_any_size(observe, rng):
    """UpBlock enlarges to the size of the skip connection, odd or even, joins both and applies a DoubleConv."""
    for low, high in (((4, 2, 3), (3, 4, 6)), ((2, 3, 2), (5, 7, 5))):
        x, skip = a_step_up(rng, low, high)
        expect_up(observe(up_block, x, skip, 3), x, skip, 3)


# Models


def of_sizes(code, build, sizes):
    """The logits' shapes and whether they are finite, for images of several sizes, in eval mode."""
    import torch

    torch.manual_seed(0)
    model = build(code).eval()

    def answer(*shape):
        with torch.no_grad():
            logits = as_array(model(torch.rand(shape)))
        return [list(logits.shape), str(logits.dtype), bool(np.isfinite(logits).all())]

    return each_call(answer, sizes)


def unet_sizes(code, channels, in_channels, classes, sizes):
    with standing_in(code):
        return of_sizes(code, lambda code: code.model.UNet(in_channels, classes, list(channels)), sizes)


def model_sizes(code, sizes):
    with standing_in(code):
        return of_sizes(code, lambda code: code.model.SegmentationModel(dict(code.model.HPARAMS)), sizes)


def kinds_of(code, sizes):
    """Sizes of the logits of a model with an encoder, and what kinds of network the two kinds of models have."""
    with standing_in(code):
        got = of_sizes(code, lambda code: code.model.SegmentationModel(dict(code.model.MOBILENET_HPARAMS)), sizes)
        with_encoder = code.model.SegmentationModel(dict(code.model.MOBILENET_HPARAMS))
        plain = code.model.SegmentationModel(dict(code.model.HPARAMS))
        found = [hasattr(getattr(model, "net", None), "encoder") for model in (with_encoder, plain)]
    return [got, found]


def expect_kinds(got, shapes):
    """Fail unless a model with an encoder gives logits for each pixel, and only "kind" decides which one it is."""
    sizes, found = items(got, 2)
    expect_sizes(sizes, shapes, 23)
    with call("SegmentationModel(hparams).net has an encoder, for MOBILENET_HPARAMS and for HPARAMS"):
        assert_same(found, [True, False])


OF_WRONG_LEVEL = "is the skip connection that of the wrong level? The last one collected comes first"


@contextmanager
def standing_in(code):
    """The model's file with blocks of these tests in the place of a student's own."""
    import torch
    from torch import nn

    class Conv(nn.Sequential):
        def __init__(self, in_channels, out_channels):
            norm = nn.BatchNorm2d(out_channels)
            super().__init__(nn.Conv2d(in_channels, out_channels, 3, padding=1), norm, nn.ReLU())

    class Up(nn.Module):
        def __init__(self, in_channels, skip_channels, out_channels):
            super().__init__()
            self.sizes = in_channels, skip_channels, out_channels
            self.conv = Conv(in_channels + skip_channels, out_channels)

        def forward(self, x, skip):
            if (x.shape[1], skip.shape[1]) != self.sizes[:2]:
                found = f"x with {x.shape[1]} channels and a skip connection with {skip.shape[1]}"
                raise OddAnswer(f"UpBlock{self.sizes} got {found}: {OF_WRONG_LEVEL}")
            large = nn.functional.interpolate(x, size=skip.shape[-2:])
            return self.conv(torch.cat([skip, large], dim=1))

    class Encoder(nn.Module):
        def __init__(self, hparams, num_classes):
            super().__init__()
            self.encoder = nn.Sequential(nn.Conv2d(3, len(hparams["places"]), 7, stride=4, padding=3))
            self.head = nn.Conv2d(len(hparams["places"]), num_classes, 1)

        def forward(self, images):
            features = self.encoder(images)
            return self.head(features)

    with swapped(code.model, DoubleConv=Conv, UpBlock=Up, EncoderNet=Encoder, quiet_norms=lambda _model: None):
        yield


def size_calls(shapes):
    return {f"model(images of shape {shape})": shape for shape in shapes}


def expect_sizes(got, shapes, classes):
    """Fail unless there are finite float32 logits for each pixel."""
    want = {text: [[shape[0], classes, *shape[2:]], "float32", True] for text, shape in size_calls(shapes).items()}
    hints = {
        f"the logits are {height} high, the image {shape[2]}: enlarge them at the end": {text: got[text]}
        for text, shape in size_calls(shapes).items()
        if (height := height_of(got, text)) and height != shape[2]
    }
    assert_calls(got, want, hints=hints)


def height_of(got, text):
    """How high the logits of a call are, 0 where the answer does not say."""
    try:
        return int(got[text][0][2])
    except (KeyError, IndexError, TypeError, ValueError):
        return 0


@grade("unet_model", weight=SEEN)
def test_the_unet_takes_any_size(observe):
    """UNet gives logits of the images' height and width, even and odd, with one level and with five."""
    shapes = [(2, 3, 32, 48), (1, 3, 97, 61)]
    expect_sizes(observe(unet_sizes, [4, 6, 8, 8, 10], 3, 5, size_calls(shapes)), shapes, 5)
    shapes = [(3, 2, 7, 5)]
    expect_sizes(observe(unet_sizes, [4], 2, 3, size_calls(shapes)), shapes, 3)


def unet_path(code, channels, height, width):
    """What the blocks of a `UNet` are made for, and what comes to them, in their order."""
    import torch
    from torch import nn

    made, passed = [], []

    class Conv(nn.Module):
        def __init__(self, in_channels, out_channels):
            super().__init__()
            self.channels = out_channels
            made.append(["down", in_channels, out_channels])

        def forward(self, x):
            passed.append(["down", as_array(x)])
            return x.mean(dim=1, keepdim=True).repeat(1, self.channels, 1, 1) + self.channels

    class Up(nn.Module):
        def __init__(self, in_channels, skip_channels, out_channels):
            super().__init__()
            self.channels = out_channels
            made.append(["up", in_channels, skip_channels, out_channels])

        def forward(self, x, skip):
            passed.append(["up", as_array(x), as_array(skip)])
            large = nn.functional.interpolate(x, size=skip.shape[-2:])
            mean = large.mean(dim=1, keepdim=True) + skip.mean(dim=1, keepdim=True)
            return mean.repeat(1, self.channels, 1, 1)

    images = torch.arange(3.0 * height * width).reshape(1, 3, height, width).sin()
    with swapped(code.model, DoubleConv=Conv, UpBlock=Up), torch.no_grad():
        model = code.model.UNet(3, 2, list(channels))
        logits = as_array(model(images))
    convs = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    heads = [[as_array(layer.weight), as_array(layer.bias)] for layer in convs if layer.bias is not None]
    return [sorted(made), passed, logits, heads]


def pooled(x):
    """2×2 max pooling, rounded down."""
    height, width = (side // 2 * 2 for side in x.shape[2:])
    return x[..., :height, :width].reshape(*x.shape[:2], height // 2, 2, width // 2, 2).max(axis=(3, 5))


def expect_path(got, channels, height, width):
    """Fail unless the blocks are those of the docstring and the right tensors come to them."""
    made, passed, logits, heads = items(got, 4)
    steps = list(pairwise(channels))
    want = [["down", before, after] for before, after in zip([3, *channels], channels, strict=False)]
    with call(f"UNet(3, 2, {list(channels)})"):
        assert_same(made, sorted(want + [["up", below, here, here] for here, below in steps]))
    x = np.sin(np.arange(3.0 * height * width)).reshape(1, 3, height, width)
    skips, order = [], []
    for number, size in enumerate(channels):
        x = pooled(x) if number else x
        order.append(["down", x.astype(np.float32)])
        x = np.repeat(x.mean(axis=1, keepdims=True), size, axis=1) + size
        skips.append(x)
    for size, skip in zip(reversed(channels[:-1]), reversed(skips[:-1]), strict=True):
        order.append(["up", x.astype(np.float32), skip.astype(np.float32)])
        rows, columns = (nearest(a, b, 0) for a, b in zip(x.shape[2:], skip.shape[2:], strict=True))
        large = x[:, :, rows][..., columns]
        x = np.repeat(large.mean(axis=1, keepdims=True) + skip.mean(axis=1, keepdims=True), size, axis=1)
    with call("what comes to the blocks of UNet, in their order"):
        assert_same([step for step, *_ in passed], [step for step, *_ in order])
        for (step, *found), (_, *right) in zip(passed, order, strict=True):
            others = [skip for skip in skips if step == "up" and not resembles(skip, right[1])]
            hints = {
                "UpBlock got the skip of the wrong level: the last one collected comes first": (
                    lambda got, others=others: any(resembles(got[1], skip) for skip in others)
                )
            }
            assert_same(found, right, rtol=1e-3, atol=1e-4, hints=hints)
    if len(heads) != 1 or heads[0][0].shape != (2, channels[0], 1, 1):
        raise Failure("expected one convolution of size 1×1 behind the blocks, from channels[0] to the classes")
    weight, bias = heads[0]
    with call("the logits of UNet"):
        right = np.einsum("oc,bchw->bohw", weight[..., 0, 0], x) + bias[:, None, None]
        assert_same(logits, right.astype(np.float32), rtol=1e-3, atol=1e-3)


@grade("unet_model", weight=SEEN)
def test_each_level_has_its_skip_connection(observe):
    """The way down pools and convolves; the way up joins each level with what was there on the way down."""
    for channels, height, width in (([4, 6, 8], 9, 14), ([5, 3], 4, 4)):
        expect_path(observe(unet_path, channels, height, width), channels, height, width)


@grade("unet_model", weight=SEEN)
def test_the_model_takes_any_size(observe):
    """SegmentationModel(HPARAMS) gives 23 logits for each pixel, for even and odd sizes."""
    shapes = [(2, 3, 64, 48), (1, 3, 97, 61)]
    expect_sizes(observe(model_sizes, size_calls(shapes)), shapes, 23)


@grade("unet_model", weight=SEEN)
def test_the_model_may_have_an_encoder(observe):
    """SegmentationModel(MOBILENET_HPARAMS) has an `EncoderNet` as its net, and gives 23 logits for each pixel."""
    shapes = [(2, 3, 64, 48), (1, 3, 97, 61)]
    expect_kinds(observe(kinds_of, size_calls(shapes)), shapes)


def parts_of(code, hparams, shape):
    """What a model of these hyperparameters makes its `UNet` with, what comes to it, and the logits' shape."""
    import torch
    from torch import nn

    made, came = [], []

    class Noted(nn.Module):
        def __init__(self, in_channels, num_classes, channels):
            super().__init__()
            made.append([in_channels, num_classes, list(channels)])
            self.conv = nn.Conv2d(in_channels, num_classes, 1)

        def forward(self, images):
            came.append(list(images.shape))
            return self.conv(images)

    with standing_in(code), swapped(code.model, UNet=Noted), torch.no_grad():
        model = code.model.SegmentationModel(dict(hparams)).eval()
        logits = as_array(model(torch.rand(shape)))
    return [made, came, list(logits.shape), dict(code.model.HPARAMS)]


def expect_parts(got, hparams, shape):
    """Fail unless stem and U-Net are as the hyperparameters say."""
    made, came, logits, default = items(got, 4)
    stem, channels = hparams["stem"], hparams["channels"]
    hints = {
        "that is HPARAMS: build the model from the argument `hparams`": lambda got: (
            [got[0][0], got[0][2]] == [default["stem"][-1], default["channels"]]
        )
    }
    with call(f"SegmentationModel({hparams}) makes UNet(in_channels, num_classes, channels)"):
        assert_same(made, [[stem[-1], 23, channels]], hints=hints)
    sides = [side // 2 ** len(stem) for side in shape[2:]]
    with call(f"SegmentationModel({hparams})(images of shape {shape}): what comes to the UNet"):
        assert_same(came, [[shape[0], stem[-1], *sides]], hint="a convolution of stride 2 for each number in stem")
    with call(f"SegmentationModel({hparams})(images of shape {shape}): the logits' shape"):
        assert_same(logits, [shape[0], 23, *shape[2:]], hint="at the end, enlarge the logits to the images' size")


@grade("unet_model", weight=SEEN)
def test_the_model_is_what_its_hyperparameters_say(observe):
    """SegmentationModel(hparams) has as many layers and channels as hparams says, not always those of HPARAMS."""
    for stem, channels in (([6], [5, 7]), ([5, 9, 7], [8])):
        hparams = {"kind": "unet", "stem": stem, "channels": channels}
        expect_parts(observe(parts_of, hparams, (2, 3, 48, 64)), hparams, (2, 3, 48, 64))


def tensors_in_the_graph(code, images):
    """How many tensors the logits are made from, how many of them are strangers, and how many parameters are idle."""
    import torch

    from exercise_code.common.tracing import watched_leaves

    with standing_in(code):
        model = code.model.SegmentationModel(dict(code.model.HPARAMS)).train()
        logits = model(torch.from_numpy(images))
        as_array(logits)
    found = {id(leaf) for leaf in watched_leaves(logits)}
    owned = {id(parameter) for parameter in model.parameters()}
    return [len(found), len(found - owned), len(owned - found)]


def expect_owned(got):
    """Fail unless the logits are made from all of the model's own parameters and no others."""
    used, strangers, idle = items(got, 3)
    if not used:
        raise Failure("the logits are made from nothing that can be trained", hint="do the layers come in forward?")
    if strangers:
        raise Failure(
            f"{strangers} of the {used} tensors that the logits are made from are not among model.parameters()",
            hint="a plain Python list hides layers, nn.ModuleList does not",
        )
    if idle:
        raise Failure(f"{idle} of the model's parameters take no part in the logits", hint="use them, or take them out")


@grade("unet_model", weight=SEEN)
def test_all_layers_belong_to_the_model(observe, rng):
    """What the logits are made from is among model.parameters(), and each parameter takes part."""
    expect_owned(observe(tensors_in_the_graph, rng.normal(size=(2, 3, 64, 64)).astype(np.float32)))


def losses_on_one_batch(code, images, labels):
    """The losses of twenty steps on one batch."""
    import torch

    torch.manual_seed(0)
    inputs, targets = torch.from_numpy(images), torch.from_numpy(labels)
    with standing_in(code):
        model = code.model.SegmentationModel(dict(code.model.HPARAMS)).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        losses = []
        for _ in range(20):
            optimizer.zero_grad()
            logits = model(inputs)
            sides = as_array(logits).shape[2:]
            if sides != images.shape[2:]:
                raise OddAnswer(f"the logits have the size {sides}, the images {images.shape[2:]}: enlarge the logits")
            loss = torch.nn.functional.cross_entropy(logits, targets, ignore_index=VOID)
            losses.append(loss.item())
            if loss.requires_grad:
                loss.backward()
                optimizer.step()
    return losses


def blocks_of_colour(rng, n, size):
    """Images of four coloured quarters, and their labels: a colour for each class."""
    colours = rng.normal(size=(23, 3))
    quarters = rng.integers(0, 23, (n, 2, 2))
    labels = quarters.repeat(size // 2, axis=1).repeat(size // 2, axis=2)
    return colours[labels].transpose(0, 3, 1, 2).astype(np.float32), labels


@grade("unet_model", weight=SEEN)
def test_the_model_learns_one_batch(observe, rng):
    """Twenty steps on one small batch at least halve the loss."""
    expect_learning(observe(losses_on_one_batch, *blocks_of_colour(rng, 2, 48)))


def expect_learning(losses):
    """Fail unless the loss falls to half."""
    first, *_, last = items(losses, 20, "the losses of twenty steps")
    if not last < 0.5 * first:
        raise Failure(f"the loss was {first:.3f} and is {last:.3f} after twenty steps")


# The pretrained encoder


def features_of(code, count, calls):
    """Features and how many layers have run, for several places; layer i of `count` adds i + 1 and halves the sides."""
    import torch
    from torch import nn

    ran = []

    class Layer(nn.Module):
        def __init__(self, number):
            super().__init__()
            self.number = number

        def forward(self, x):
            ran.append(self.number)
            return x[..., ::2, ::2] + self.number + 1

    layers = nn.Sequential(*(Layer(number) for number in range(count)))

    def answer(places):
        ran.clear()
        found = code.transfer.features_at(layers, torch.zeros(2, 3, 2**count, 2**count), list(places))
        if not isinstance(found, list | tuple):
            raise OddAnswer(f"expected a list of tensors, got {type(found).__name__}")
        return [[[*as_array(each).shape, float(as_array(each).mean())] for each in found], len(ran)]

    return each_call(answer, calls)


def feature_calls(many):
    return {f"features_at(layers, images, {places})": (places,) for places in many}


def expect_features(got, count, many):
    """Fail unless the outputs of these layers came, and no layer ran in vain."""
    want = {}
    for text, (places,) in feature_calls(many).items():
        sides = [2 ** (count - 1 - place) for place in places]
        sums = [(place + 1) * (place + 2) / 2 for place in places]
        want[text] = [[[2, 3, side, side, total] for side, total in zip(sides, sums, strict=True)], max(places) + 1]

    def same(got, side_and_sum):
        for text, (places,) in feature_calls(many).items():
            found = [[2, 3, 2**side, 2**side, total] for side, total in map(side_and_sum, places)]
            if got[text][0] != found:
                return False
        return True

    hints = {
        "layers behind the last place are not needed: stop there": lambda got: any(
            got[text][0] == right[0] and got[text][1] > right[1] for text, right in want.items()
        ),
        "that is what goes in, not what comes out": lambda got: same(
            got, lambda place: (count - place, place * (place + 1) / 2)
        ),
        "each layer takes what the one before gave, not the images": lambda got: same(
            got, lambda place: (count - 1, place + 1)
        ),
    }
    assert_calls(got, want, hints=hints)


@grade("transfer_features", weight=SEEN)
def test_features_come_from_the_places_asked_for(observe):
    """features_at gives what comes out of these layers, and runs none behind the last of them."""
    many = [[0, 2, 3], [1], [0, 1, 2, 3, 4]]
    expect_features(observe(features_of, 5, feature_calls(many)), 5, many)


def head_logits(code, low, high, classes, inter):
    """The logits of an `LRASPPHead` in eval mode with random parameters, and what its layers hold."""
    import torch

    head = randomized(code.layers.LRASPPHead(low.shape[1], high.shape[1], classes, inter)).eval()
    with torch.no_grad():
        answer = as_array(head(torch.from_numpy(low), torch.from_numpy(high)))
    return [answer, {name: as_array(tensor) for name, tensor in head.state_dict().items()}]


def expect_head(got, low, high):
    """Fail unless these are the head's logits."""
    answer, held = items(got, 2)
    p = {name: np.asarray(entry(held, name), dtype=np.float64) for name in HEAD}

    def layer(name, x):
        return np.einsum("oc,bchw->bohw", p[name][..., 0, 0], x)

    x = layer("squeeze.0.weight", high) - p["squeeze.1.running_mean"][:, None, None]
    x = x / np.sqrt(p["squeeze.1.running_var"][:, None, None] + 1e-5) * p["squeeze.1.weight"][:, None, None]
    x = np.maximum(x + p["squeeze.1.bias"][:, None, None], 0)
    mean = high.mean(axis=(2, 3), keepdims=True)
    scaled = layer("scale.weight", mean)
    fine = layer("low_classifier.weight", low) + p["low_classifier.bias"][:, None, None]
    down, across = (weights_between(a, b) for a, b in zip(high.shape[2:], low.shape[2:], strict=True))

    def logits(product, fine=fine):
        large = np.einsum("hH,bcHW,wW->bchw", down, product, across)
        return fine + layer("high_classifier.weight", large) + p["high_classifier.bias"][:, None, None]

    hints = {
        "the sigmoid is missing": logits(x * scaled),
        "first `scale`, then the sigmoid": logits(x * layer("scale.weight", 1 / (1 + np.exp(-mean)))),
        "nothing is turned down: multiply by the sigmoid of what `scale` gives": logits(x),
        "the fine features do not count": logits(x / (1 + np.exp(-scaled)), 0),
    }
    with call(f"LRASPPHead(...)(low of shape {low.shape}, high of shape {high.shape})"):
        want = logits(x / (1 + np.exp(-scaled))).astype(np.float32)
        assert_same(answer, want, rtol=1e-3, atol=1e-4, hints=hints)


HEAD = [
    *("squeeze.0.weight", "squeeze.1.weight", "squeeze.1.bias", "squeeze.1.running_mean", "squeeze.1.running_var"),
    *("scale.weight", "low_classifier.weight", "low_classifier.bias"),
    *("high_classifier.weight", "high_classifier.bias"),
]


@grade("transfer_head", weight=SEEN)
def test_the_head_joins_coarse_and_fine(observe, rng):
    """LRASPPHead.forward: squeezed, turned down by the whole image's mean, enlarged, and added to the fine logits."""
    low, high = a_step_up(rng, (3, 6, 10), (4, 3, 5))
    expect_head(observe(head_logits, low, high, 5, 6), low, high)


def frozen_parts(code, frozen):
    """Which parameters of a small model get gradients after `freeze` of its first part, and again after undoing it."""
    from torch import nn

    model = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)), nn.Conv2d(4, 2, 1))
    states = []
    for arguments in frozen:
        code.transfer.freeze(model[0], *arguments)
        states.append([[p.requires_grad for p in part.parameters()] for part in model])
    return states


@grade("transfer_freeze", weight=SEEN)
def test_what_is_frozen_gets_no_gradients(observe):
    """freeze stops gradients for a module's parameters, and frozen=False lets them flow again."""
    states = observe(frozen_parts, [(), (False,), (True,)])
    off, on = [[False] * 4, [True] * 2], [[True] * 4, [True] * 2]
    hints = {
        "nothing is frozen: a module itself has no `requires_grad`, each of its parameters has": [on, on, on],
        "`frozen` is left out: with frozen=False the parameters learn again": [off, off, off],
        "the wrong way round: a frozen parameter requires no gradient": [on, off, on],
    }
    with call("freeze(encoder), then freeze(encoder, False), then freeze(encoder, True)"):
        assert_same(states, [off, on, off], hints=hints)


def modes_of_norms(code, frozen, training):
    """The mode of each layer of a model, some of whose normalisations are frozen, after `quiet_norms`."""
    from torch import nn

    blocks = [nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.5)) for _ in frozen]
    for block, off in zip(blocks, frozen, strict=True):
        for parameter in block.parameters():
            parameter.requires_grad = not off
    model = nn.Sequential(*blocks).train(training)
    code.transfer.quiet_norms(model)
    return [[layer.training for layer in block] for block in model] + [[model.training]]


@grade("transfer_freeze", weight=SEEN)
def test_frozen_normalisations_are_in_eval_mode(observe):
    """quiet_norms puts frozen batch normalisations into eval mode, and changes no other layer."""
    got = observe(modes_of_norms, [True, False], True)
    learns, quiet, off, whole = [True] * 3, [True, False, True], [False] * 3, [True]
    hints = {
        "the whole model is in eval mode: only its frozen normalisations should be": [off, off, [False]],
        "all batch normalisations are in eval mode: those that learn keep their mode": [quiet, quiet, whole],
        "the wrong way round: those that are frozen are put into eval mode": [learns, quiet, whole],
        "only batch normalisations: other frozen layers keep their mode": [off, learns, whole],
        "nothing is in eval mode: is the weight asked, and are layers inside of others found?": [learns, learns, whole],
    }
    with call("quiet_norms(a model, its first block frozen): is each layer in training mode?"):
        assert_same(got, [quiet, learns, whole], hints=hints)


def groups_of(code, frozen):
    """Names and learning rates of the groups, where all, some or no parts are frozen."""
    from torch import nn

    model = nn.ModuleDict({"encoder": nn.Linear(2, 2), "head": nn.Linear(2, 2), "more": nn.Linear(2, 2, bias=False)})
    names = {id(p): name for name, p in model.named_parameters()}
    with model_equal(model):
        for part in frozen:
            for parameter in model[part].parameters():
                parameter.requires_grad_(False)
        groups = code.transfer.parameter_groups(model, model["encoder"], 0.25, 0.5)
        if not isinstance(groups, list):
            raise OddAnswer(f"expected a list of dicts, got {type(groups).__name__}")
        found = []
        for group in groups:
            if not isinstance(group, dict) or not {"params", "lr"} <= set(group):
                raise OddAnswer('expected dicts with the keys "params" and "lr"')
            found.append([sorted(names.get(id(p), "?") for p in group["params"]), float(group["lr"])])
        return found


@contextmanager
def model_equal(model):
    """The model with all parameters alike, so that only which object it is tells them apart."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
    yield


def expect_groups(got, frozen):
    """Fail unless the groups hold what learns, each with its rate."""
    parts = {"encoder": ["encoder.bias", "encoder.weight"], "head": ["head.bias", "head.weight"],
             "more": ["more.weight"]}  # fmt: skip
    inside = [name for name in parts["encoder"] if "encoder" not in frozen]
    others = sorted(name for part in ("head", "more") if part not in frozen for name in parts[part])
    want = [[names, rate] for names, rate in ((inside, 0.25), (others, 0.5)) if names]
    with call(f"parameter_groups(model, model.encoder, 0.25, 0.5), frozen: {', '.join(frozen) or 'nothing'}"):
        everything = sorted(others + inside)
        hints = {
            "the learning rates are exchanged": lambda got: [g[0] for g in got] == [w[0] for w in want],
            "the encoder's parameters are in both groups": lambda got: bool(inside) and got[-1][0] == everything,
            "frozen parameters belong in no group": lambda got: any(
                name.split(".")[0] in frozen for names, _ in got for name in names
            ),
            "leave out a group that holds nothing": lambda got: any(not names for names, _ in got),
            "the encoder's group comes first": want[::-1],
        }
        assert_same(got, want, hints=hints)


@grade("transfer_freeze", weight=SEEN)
def test_encoder_and_head_have_learning_rates_of_their_own(observe):
    """parameter_groups puts each parameter that learns into the group of its learning rate."""
    for frozen in ([], ["encoder"], ["more"]):
        expect_groups(observe(groups_of, frozen), frozen)


# Measures


def accuracies_of(code, labels):
    """The accuracies of predictions that are the labels themselves."""
    return code.measures.image_accuracies(labels.copy(), labels.copy())


def measured(code, predictions, labels, classes):
    """Accuracies of the images and the confusion matrix."""
    accuracies = code.measures.image_accuracies(predictions.copy(), labels.copy())
    return [accuracies, code.measures.confusion_matrix(predictions.copy(), labels.copy(), classes)]


def counted(pairs, classes):
    """A matrix of counts, of pairs (row, column) with rows from 0 upwards."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    for row, column in pairs:
        counts[row, column] += 1
    return counts


def expect_measures(got, predictions, labels, classes, part):
    """Fail unless accuracies ("accuracies") or the confusion matrix ("confusion") are right."""
    accuracies, confusion = items(got, 2)
    known = labels != VOID
    right = known & (predictions == labels)
    if part == "accuracies":
        want = np.array([r.sum() / k.sum() for r, k in zip(right, known, strict=True)])
        hints = {
            "void pixels count: divide by the labelled ones": right.mean(axis=(1, 2)),
            "that is one number for all images: one for each": lambda got: np.ndim(got) == 0,
        }
        with call(f"image_accuracies(predictions, labels of shape {labels.shape})"):
            assert_same(accuracies, want, hints=hints)
        return
    matrix = counted(zip(labels[known].tolist(), predictions[known].tolist(), strict=True), classes)
    with call(f"confusion_matrix(predictions, labels of {labels.dtype}, {classes})"):
        hints = {
            "rows and columns are exchanged: rows are the true classes": matrix.T,
            "void counts": lambda got: np.shape(got) == matrix.shape and got.sum() > matrix.sum(),
        }
        assert_same(confusion, matrix, hints=hints)


def some_predictions(rng, n, height, width, classes, dtype=np.int8):
    """Predictions and labels, of which two of three agree, with void among the labels."""
    labels = rng.integers(VOID, classes, (n, height, width))
    other = rng.integers(0, classes, labels.shape)
    predictions = np.where((rng.random(labels.shape) < 0.66) & (labels != VOID), labels, other)
    labels[:, 0, 0] = 0
    return predictions.astype(np.uint8), labels.astype(dtype)


@grade("measures_scores", weight=SEEN)
def test_right_predictions_score_1(observe, rng):
    """Predictions that are right everywhere have an accuracy of 1 in each image."""
    labels = rng.integers(0, 3, (2, 4, 5))
    with call("image_accuracies(labels, labels)"):
        assert_same(observe(accuracies_of, labels), np.ones(2))


@grade("measures_scores", weight=SEEN)
def test_each_image_has_its_accuracy(observe, rng):
    """image_accuracies gives the share of right labelled pixels for each image."""
    predictions, labels = some_predictions(rng, 3, 4, 5, 4)
    labels[1, 1:] = VOID
    expect_measures(observe(measured, predictions, labels, 4), predictions, labels, 4, "accuracies")


@grade("measures_scores", weight=SEEN)
def test_the_confusion_matrix_counts_pairs(observe, rng):
    """confusion_matrix counts true (row) and predicted (column) classes of labelled pixels, int8 or not."""
    for classes, dtype in ((3, np.int64), (23, np.int8)):
        predictions, labels = some_predictions(rng, 2, 6, 7, classes, dtype)
        got = observe(measured, predictions, labels, classes)
        expect_measures(got, predictions, labels, classes, "confusion")


def ious_of(code, matrices):
    """The IoU of each class, for several confusion matrices."""
    return [code.measures.class_iou(matrix.copy()) for matrix in matrices]


@grade("measures_scores", weight=SEEN)
def test_areas_that_cover_each_other_have_an_iou_of_1(observe):
    """Where nothing is confused, the IoU of each class is 1."""
    matrices = [np.diag([3, 1, 4]), np.diag([2, 7])]
    expect_ious(observe(ious_of, matrices), matrices)


def expect_ious(got, matrices):
    """Fail unless the IoUs are right."""
    for found, matrix in zip(items(got, len(matrices)), matrices, strict=True):
        both = np.array([matrix[i, i] for i in range(len(matrix))])
        rows, columns = matrix.sum(axis=1), matrix.sum(axis=0)
        want = np.array([b / (r + c - b) if r + c else np.nan for b, r, c in zip(both, rows, columns, strict=True)])
        hints = {
            "the diagonal is in both sums: take it off once": lambda got, b=both, u=rows + columns: bool(
                np.allclose(got[u > 0], (b / np.maximum(u, 1))[u > 0])
            ),
            "that is the share of a class that was found (recall): what was wrongly taken for it counts, too": (
                lambda got, b=both, r=rows: bool(np.allclose(got[r > 0], (b / np.maximum(r, 1))[r > 0]))
            ),
            "a class without any pixel has NaN": lambda got, u=rows + columns: not np.isnan(got[u == 0]).all(),
        }
        with call(f"class_iou({matrix.tolist()})"):
            expect_numbers_or_nan(found, want, hints)


def expect_numbers_or_nan(got, want, hints):
    """`assert_same` for an array of floats that has NaN in the same places."""
    if not isinstance(got, np.ndarray) or got.shape != want.shape or got.dtype.kind != "f":
        assert_same(got, np.nan_to_num(want))
    other = np.flatnonzero(np.isnan(got) != np.isnan(want))
    if len(other):
        place = int(other[0])
        hint = next((text for text, fits in hints.items() if fits(got)), "")
        raise Failure(f"the value at [{place}] differs", want=show(want[place]), got=show(got[place]), hint=hint)
    assert_same(np.nan_to_num(got, nan=-1.0), np.nan_to_num(want, nan=-1.0), hints=hints)


@grade("measures_scores", weight=SEEN)
def test_iou_is_intersection_over_union(observe):
    """class_iou divides the common pixels by those of either; NaN for a class that neither has."""
    matrices = [np.array([[3, 1], [2, 4]]), np.array([[5, 0, 1], [0, 0, 0], [2, 0, 0]]), np.array([[1, 0], [0, 2]])]
    expect_ious(observe(ious_of, matrices), matrices)


def predictions_of(code, images, weight, batch_size, training):
    """What a model that drops in training predicts, its batches, and its modes and gradients then and afterwards.

    Its logits share the memory of an array. The array lives as long as a tensor that looks at this memory, so it tells
    how many earlier batches' logits are still kept when the next batch comes.
    """
    import torch
    from torch import nn

    memory = []

    class Drops(nn.Module):
        def __init__(self):
            super().__init__()
            self.scores = nn.Conv2d(3, len(weight), 1, bias=False)
            self.dropout = nn.Dropout(0.5)
            self.seen = []

        def forward(self, images):
            alive = sum(each() is not None for each in memory)
            self.seen.append([len(images), torch.is_grad_enabled(), alive])
            numbers = self.dropout(self.scores(images)).detach().numpy().copy()
            memory.append(weakref.ref(numbers))
            return torch.from_numpy(numbers)

    torch.manual_seed(0)
    model = Drops().train(training)
    with torch.no_grad():
        model.scores.weight.copy_(torch.from_numpy(weight)[..., None, None])
    found = code.measures.predict_labels(model, torch.from_numpy(images), batch_size)
    return [found, model.seen, model.training]


def expect_predictions(got, images, weight, batch_size, training, part):
    """Fail unless labels ("labels") are right, or memory is saved and the mode is as before ("manners")."""
    found, seen, after = items(got, 3)
    mode = "training" if training else "eval"
    with call(f"predict_labels(a model in {mode} mode, images of shape {images.shape}, {batch_size})"):
        if part == "labels":
            want = np.einsum("kc,nchw->nkhw", weight, images).argmax(axis=1).astype(np.uint8)
            assert_same(found, want, hint="is the model in eval mode?" if training else "")
            if found.dtype != np.uint8:
                raise Failure(f"expected uint8, got {found.dtype}")
            return
        sizes = [min(batch_size, len(images) - start) for start in range(0, len(images), batch_size)]
        assert_same([size for size, *_ in seen], sizes)
        if any(gradients for _, gradients, _ in seen):
            raise Failure("gradients are recorded", hint="predict inside torch.no_grad()")
        # A variable may hold those of the batch before until it gets the next ones.
        if (most := max(alive for *_, alive in seen)) > 1:
            raise Failure(
                f"the logits of {most} earlier batches are kept while the next one is predicted",
                hint="take the labels of a batch from its logits at once, and keep only these",
            )
        if after != training:
            raise Failure(f"expected the model back in {mode} mode", hint="keep model.training before you change it")


def a_classifier(rng, n, classes):
    """Images, and the weight of a linear classifier of pixels."""
    return rng.normal(size=(n, 3, 4, 5)).astype(np.float32), rng.normal(size=(classes, 3)).astype(np.float32)


@grade("measures_predict", weight=SEEN)
def test_predictions_are_labels(observe, rng):
    """predict_labels gives uint8 labels (N, H, W), predicted in eval mode."""
    for n, size in ((5, 2), (1, 8)):
        images, weight = a_classifier(rng, n, 6)
        got = observe(predictions_of, images, weight, size, True)
        expect_predictions(got, images, weight, size, True, "labels")


@grade("measures_predict", weight=SEEN)
def test_predicting_leaves_no_trace(observe, rng):
    """It goes batch by batch, keeps no logits, records no gradients, and the model has the mode that it had."""
    images, weight = a_classifier(rng, 5, 4)
    for training in (True, False):
        got = observe(predictions_of, images, weight, 2, training)
        expect_predictions(got, images, weight, 2, training, "manners")


# Who has the validation set has its labels too, so these bring no points. Their hidden twins score new scenes.
@grade("segmentation_score", weight=0, step="beats the commonest class")
def test_the_model_beats_the_commonest_class(evaluation, model_info):
    """The saved model is within the limits and beats one class everywhere on the validation set."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats the commonest class")


@grade("segmentation_score", weight=0, step="half way")
def test_the_model_is_half_way(evaluation, model_info):
    """On the validation set it is half way to the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("half way")


@grade("segmentation_score", weight=0, step="passes")
def test_the_model_passes(evaluation, model_info):
    """On the validation set it reaches the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
