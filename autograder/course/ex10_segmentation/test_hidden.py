"""Hidden tests: the visible ones on fresh inputs."""

import numpy as np

from exercise_code.common.testing import assert_same, grade
from exercise_code.ex10_segmentation.test_visible import (
    VOID,
    a_batch,
    a_classifier,
    a_step_up,
    blocks_of_colour,
    crop_calls,
    double_conv,
    expect_cropped,
    expect_double_conv,
    expect_features,
    expect_fields,
    expect_flipped,
    expect_groups,
    expect_head,
    expect_ious,
    expect_kinds,
    expect_learning,
    expect_loss,
    expect_measures,
    expect_normalized,
    expect_owned,
    expect_parts,
    expect_path,
    expect_predictions,
    expect_resized,
    expect_sizes,
    expect_up,
    expect_weights,
    feature_calls,
    features_of,
    field_calls,
    fields_of,
    flip_call,
    frozen_parts,
    groups_of,
    head_logits,
    ious_of,
    kinds_of,
    losses_of,
    losses_on_one_batch,
    measured,
    model_sizes,
    modes_of_norms,
    normalized,
    parts_of,
    predictions_of,
    resize_calls,
    scenes_after,
    size_calls,
    some_logits,
    some_predictions,
    tensors_in_the_graph,
    unet_path,
    unet_sizes,
    up_block,
    weight_calls,
    weights_of,
)


def draw(rng, low, high):
    return int(rng.integers(low, high))


@grade("scenes_tensors")
def test_random_images_become_tensors(observe, rng):
    """Random images of random sizes get the right tensors, and stay as they are."""
    for _ in range(3):
        shape = draw(rng, 1, 4), draw(rng, 3, 9), draw(rng, 3, 9), 3
        images = rng.integers(0, 256, shape, dtype=np.uint8)
        expect_normalized(observe(normalized, images), images)


@grade("scenes_augment")
def test_random_scenes_are_mirrored(observe, rng):
    """Random scenes are mirrored with their labels, whatever integers these are."""
    for dtype in (np.int64, np.int8):
        images, labels = a_batch(rng, draw(rng, 1, 4), draw(rng, 2, 7), draw(rng, 2, 7), dtype)
        expect_flipped(observe(scenes_after, "flip_scenes", images, labels, {flip_call(images): ()}), images, labels)


@grade("scenes_augment")
def test_random_scenes_are_resized(observe, rng):
    """Random scenes are resized to random sizes, larger and smaller ones."""
    for dtype in (np.int64, np.int8):
        images, labels = a_batch(rng, 2, draw(rng, 4, 9), draw(rng, 4, 9), dtype)
        calls = resize_calls([(draw(rng, 2, 15), draw(rng, 2, 15)) for _ in range(4)])
        expect_resized(observe(scenes_after, "resize_scenes", images, labels, calls), images, labels, calls)


@grade("scenes_augment")
def test_random_windows_are_cut(observe, rng):
    """Random windows, inside of the image, across its edges and beside it, are cut and filled up."""
    for dtype in (np.int64, np.int8):
        images, labels = a_batch(rng, 2, draw(rng, 4, 9), draw(rng, 4, 9), dtype)
        windows = [(draw(rng, -5, 7), draw(rng, -5, 7), draw(rng, 1, 10), draw(rng, 1, 10)) for _ in range(6)]
        windows += [(-3, -3, 3, 4), (0, 9, 4, 4), (-1, -2, 12, 12), (20, 0, 3, 3), (0, -20, 3, 3), (-9, 0, 4, 2)]
        calls = crop_calls(windows)
        expect_cropped(observe(scenes_after, "crop_scenes", images, labels, calls), images, labels, calls)


@grade("loss_pixels")
def test_losses_of_random_logits(observe, rng):
    """The loss of random logits is right, without weights, with large and with small ones, and with void."""
    for weighted, dtype in ((False, np.int64), (True, np.int64), (True, np.int8), (0.001, np.int64)):
        classes = draw(rng, 3, 8)
        logits, labels = some_logits(rng, draw(rng, 2, 4), classes, draw(rng, 2, 6), draw(rng, 2, 6))
        labels[0] = np.where(rng.random(labels[0].shape) < 0.7, VOID, labels[0])
        weights = (float(weighted) * rng.uniform(0.2, 3, classes)).astype(np.float32) if weighted else None
        expect_loss(observe(losses_of, logits, labels.astype(dtype), weights), logits, labels, weights)


@grade("loss_pixels")
def test_random_batches_without_labels(observe, rng):
    """A batch that is void all over has the loss 0 and gradients of 0; a single labelled pixel is enough for a loss."""
    # The weight of a single pixel is less than 1.
    for weights in (None, rng.uniform(0.2, 0.9, 4).astype(np.float32)):
        logits, labels = some_logits(rng, 2, 4, 3, 3)
        void = np.full_like(labels, VOID)
        expect_loss(observe(losses_of, logits, void, weights), logits, void, weights)
        void[1, 2, 0] = draw(rng, 0, 4)
        expect_loss(observe(losses_of, logits, void, weights), logits, void, weights)


@grade("loss_weights")
def test_weights_of_random_labels(observe, rng):
    """Random labels have the right weights for random powers, in any integer dtype."""
    for dtype in (np.int64, np.int8):
        labels = rng.integers(VOID, draw(rng, 2, 7), (2, 5, 6)).astype(dtype)
        labels[0, 0, 0] = 1
        powers = (0.5, 0.0, 1.0, round(float(rng.uniform(0.1, 0.9)), 2))
        calls = weight_calls([(9, power) for power in powers] + [(7,)])
        expect_weights(observe(weights_of, labels, calls), labels, calls)


@grade("layers_field")
def test_fields_of_random_stacks(observe, rng):
    """Random stacks of kernels, strides and dilations have the right receptive field and step."""
    stacks = [[(draw(rng, 1, 6), draw(rng, 1, 4), draw(rng, 1, 4)) for _ in range(draw(rng, 2, 6))] for _ in range(6)]
    expect_fields(observe(fields_of, field_calls(stacks)), stacks)


@grade("layers_blocks")
def test_random_double_convs(observe, rng):
    """DoubleConv is right for random channels and sizes."""
    for _ in range(2):
        images = rng.normal(size=(2, draw(rng, 1, 6), draw(rng, 3, 9), draw(rng, 3, 9))).astype(np.float32)
        out_channels = draw(rng, 2, 7)
        expect_double_conv(observe(double_conv, images, out_channels), images, out_channels)


@grade("layers_blocks")
def test_random_up_blocks(observe, rng):
    """UpBlock fits random sizes of what comes from below and of the skip connection."""
    for _ in range(3):
        height, width = draw(rng, 2, 6), draw(rng, 2, 6)
        low = draw(rng, 2, 6), height, width
        high = draw(rng, 2, 6), 2 * height + draw(rng, 0, 2), 2 * width + draw(rng, 0, 2)
        x, skip = a_step_up(rng, low, high)
        out_channels = draw(rng, 2, 5)
        expect_up(observe(up_block, x, skip, out_channels), x, skip, out_channels)


@grade("unet_model")
def test_the_unet_takes_random_sizes(observe, rng):
    """UNet gives logits of the images' size, for random sizes and levels."""
    for levels in (2, 4):
        channels = [draw(rng, 2, 9) for _ in range(levels)]
        classes, in_channels = draw(rng, 2, 9), draw(rng, 1, 5)
        shapes = [(2, in_channels, draw(rng, 17, 40), draw(rng, 17, 40)) for _ in range(2)]
        got = observe(unet_sizes, channels, in_channels, classes, size_calls(shapes))
        expect_sizes(got, shapes, classes)


@grade("unet_model")
def test_each_level_of_random_unets_has_its_skip_connection(observe, rng):
    """The way down and the way up of a U-Net with random channels are as described."""
    for levels in (1, 2, 4):
        channels = [int(number) for number in rng.permutation(np.arange(3, 10))[:levels]]
        height, width = draw(rng, 16, 30), draw(rng, 16, 30)
        expect_path(observe(unet_path, channels, height, width), channels, height, width)


@grade("unet_model")
def test_the_model_takes_random_sizes(observe, rng):
    """SegmentationModel gives 23 logits for each pixel, for random sizes and batches of one."""
    shapes = [(1, 3, draw(rng, 40, 90), draw(rng, 40, 90)), (2, 3, 33, 32)]
    expect_sizes(observe(model_sizes, size_calls(shapes)), shapes, 23)


@grade("unet_model")
def test_an_encoder_takes_random_sizes(observe, rng):
    """A model with an encoder gives 23 logits for each pixel of images of random sizes."""
    shapes = [(draw(rng, 1, 3), 3, draw(rng, 33, 70), draw(rng, 33, 70))]
    expect_kinds(observe(kinds_of, size_calls(shapes)), shapes)


@grade("unet_model")
def test_models_are_what_random_hyperparameters_say(observe, rng):
    """SegmentationModel has as many layers and channels as its hyperparameters say, whatever these are."""
    for length in (1, 3):
        stem = [draw(rng, 3, 12) for _ in range(length)]
        hparams = {"kind": "unet", "stem": stem, "channels": [draw(rng, 3, 12) for _ in range(draw(rng, 1, 4))]}
        shape = draw(rng, 1, 3), 3, 16 * draw(rng, 3, 6), 16 * draw(rng, 3, 6)
        expect_parts(observe(parts_of, hparams, shape), hparams, shape)


@grade("unet_model")
def test_gradients_reach_every_parameter(observe, rng):
    """The logits are made from all of the model's parameters, and no others."""
    expect_owned(observe(tensors_in_the_graph, rng.normal(size=(2, 3, 48, 80)).astype(np.float32)))


@grade("unet_model")
def test_the_loss_falls_on_a_random_batch(observe, rng):
    """Twenty steps on one batch at least halve the loss."""
    expect_learning(observe(losses_on_one_batch, *blocks_of_colour(rng, 3, 48)))


@grade("transfer_features")
def test_features_of_random_places(observe, rng):
    """features_at gives the outputs of random places, and runs no layer in vain."""
    many = [sorted(int(p) for p in rng.permutation(5)[: draw(rng, 1, 5)]) for _ in range(4)] + [[0]]
    expect_features(observe(features_of, 6, feature_calls(many)), 6, many)


@grade("transfer_head")
def test_the_head_of_random_features(observe, rng):
    """LRASPPHead is right for random features, channels and sizes."""
    for _ in range(2):
        height, width = draw(rng, 2, 5), draw(rng, 2, 5)
        low = draw(rng, 2, 6), 2 * height + draw(rng, 0, 2), 3 * width + draw(rng, 0, 2)
        low, high = a_step_up(rng, low, (draw(rng, 2, 6), height, width))
        expect_head(observe(head_logits, low, high, draw(rng, 2, 6), draw(rng, 2, 6)), low, high)


@grade("transfer_freeze")
def test_freezing_in_any_order(observe, rng):
    """freeze and freeze(..., False), in random order, leave the gradients as the last one says."""
    order = [bool(each) for each in rng.integers(0, 2, 5)] + [True, False]
    got = observe(frozen_parts, [(each,) for each in order])
    assert_same(got, [[[not each] * 4, [True] * 2] for each in order])


@grade("transfer_freeze")
def test_random_normalisations_are_quiet(observe, rng):
    """Of several blocks those that are frozen have their normalisations in eval mode; nothing else changes."""
    for training in (True, False):
        frozen = [True, False, *(bool(each) for each in rng.integers(0, 2, 3))]
        got = observe(modes_of_norms, frozen, training)
        want = [[training, training and not off, training] for off in frozen]
        assert_same(got, [*want, [training]])


@grade("transfer_freeze")
def test_random_parameter_groups(observe, rng):
    """Whatever is frozen, the groups hold what learns."""
    for frozen in (["head", "more"], ["encoder", "more"], ["head"], []):
        order = [frozen[int(place)] for place in rng.permutation(len(frozen))]
        expect_groups(observe(groups_of, order), order)


@grade("measures_scores")
def test_accuracies_of_random_predictions(observe, rng):
    """The accuracy of each image is right for random predictions."""
    for dtype in (np.int8, np.int64):
        predictions, labels = some_predictions(rng, draw(rng, 2, 5), draw(rng, 3, 8), draw(rng, 3, 8), 23, dtype)
        labels[0, 2:] = VOID
        expect_measures(observe(measured, predictions, labels, 23), predictions, labels, 23, "accuracies")


@grade("measures_scores")
def test_confusion_of_random_predictions(observe, rng):
    """The confusion matrix is right for random predictions, however many classes there are."""
    for classes, dtype in ((23, np.int8), (5, np.int64), (40, np.int8)):
        predictions, labels = some_predictions(rng, 2, draw(rng, 4, 9), draw(rng, 4, 9), classes, dtype)
        got = observe(measured, predictions, labels, classes)
        expect_measures(got, predictions, labels, classes, "confusion")


@grade("measures_scores")
def test_ious_of_random_matrices(observe, rng):
    """class_iou is right for random matrices, with classes that are missing in the labels, the predictions or both."""
    matrices = []
    for size in (3, 5, 6):
        matrix = rng.integers(0, 20, (size, size))
        matrix[0] = 0
        matrix[:, size - 1] = 0
        matrix[1], matrix[:, 1] = 0, 0
        matrices.append(matrix)
    # A class of a single pixel, found or not.
    matrices += [np.diag([draw(rng, 2, 9), 1, 0]), np.eye(3, dtype=np.int64)[::-1]]
    expect_ious(observe(ious_of, matrices), matrices)


@grade("measures_predict")
def test_random_predictions_are_labels(observe, rng):
    """predict_labels is right for random images and batch sizes, from a model in either mode."""
    for training in (True, False):
        images, weight = a_classifier(rng, draw(rng, 1, 7), draw(rng, 3, 24))
        size = draw(rng, 1, 5)
        got = observe(predictions_of, images, weight, size, training)
        expect_predictions(got, images, weight, size, training, "labels")


@grade("measures_predict")
def test_predicting_random_images_leaves_no_trace(observe, rng):
    """Random numbers of images go batch by batch, without gradients or old logits, and the model keeps its mode."""
    for training in (True, False):
        # Three batches at least, the last one smaller.
        size = draw(rng, 2, 4)
        images, weight = a_classifier(rng, size * draw(rng, 2, 4) + 1, 5)
        got = observe(predictions_of, images, weight, size, training)
        expect_predictions(got, images, weight, size, training, "manners")


@grade("segmentation_score", step="beats the commonest class")
def test_the_model_beats_the_commonest_class_on_new_scenes(evaluation, model_info):
    """The saved model is within the limits and beats one class everywhere on scenes it has never seen."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats the commonest class")


@grade("segmentation_score", step="half way")
def test_the_model_is_half_way_on_new_scenes(evaluation, model_info):
    """On scenes it has never seen it is half way to the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("half way")


@grade("segmentation_score", step="passes")
def test_the_model_passes_on_new_scenes(evaluation, model_info):
    """On scenes it has never seen it reaches the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
