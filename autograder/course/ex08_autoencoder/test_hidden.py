"""Hidden tests: the visible ones on fresh inputs."""

import numpy as np

from exercise_code.common.testing import Failure, assert_calls, assert_same, call, grade, items
from exercise_code.ex08_autoencoder.test_visible import (
    ENCODER,
    OTHERS,
    augmented,
    chosen,
    classifier_in_the_graph,
    draw_blobs,
    draw_pictures,
    encoder_in_two_places,
    expect_chosen,
    expect_consistency,
    expect_copied,
    expect_draws,
    expect_frozen,
    expect_gradient,
    expect_groups,
    expect_independent,
    expect_labelled,
    expect_logits,
    expect_moved,
    expect_negative,
    expect_owned,
    expect_pixels,
    expect_reconstructed,
    expect_shapes,
    gradient_of_the_loss,
    groups_of,
    logits_of_sizes,
    losses_of,
    matrices_of,
    outputs_of_sizes,
    reconstructed,
    sizes_of,
    sure_and_unsure,
    tensors_in_the_graph,
    trained_logits,
    trained_outputs,
    what_learns,
    with_gradient,
)


def losses_on_one_batch(code, name, inputs, targets, steps):
    """How far the outputs of a new model are from targets, in each of some steps towards them."""
    import torch

    torch.manual_seed(0)
    model = getattr(code.model, name)(dict(code.model.HPARAMS)).eval()
    samples, wanted = torch.from_numpy(inputs), torch.from_numpy(targets)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(samples) - wanted).square().mean()
        losses.append(float(loss))
        loss.backward()
        optimizer.step()
    return losses


def draw_sizes(rng, names, n=12):
    """Calls with random options."""
    calls = {}
    for _ in range(n):
        options = {"kernel_size": int(rng.integers(1, 6))}
        for name in names:
            if rng.random() < 0.8:
                options[name] = int(rng.integers(1, 4)) if name == "stride" else int(rng.integers(0, 3))
        size = int(rng.integers(6, 40))
        calls[f"size {size}, {options}"] = (size, options)
    return calls


@grade("shapes_sizes")
def test_convolutions_of_random_sizes(observe, reference, rng):
    """conv_size is right for random kernels, strides and paddings, and for those that are left out."""
    calls = draw_sizes(rng, ("stride", "padding"))
    assert_calls(observe(sizes_of, "conv_size", calls), reference(sizes_of, "conv_size", calls))


@grade("shapes_sizes")
def test_transposed_convolutions_of_random_sizes(observe, reference, rng):
    """transposed_size is right for random kernels, strides and paddings, and for those that are left out."""
    calls = draw_sizes(rng, ("stride", "padding", "output_padding"))
    assert_calls(observe(sizes_of, "transposed_size", calls), reference(sizes_of, "transposed_size", calls))


@grade("encoder")
def test_the_encoder_takes_random_batches(observe, rng):
    """Batches of random sizes become codes of a random length."""
    for _ in range(2):
        size, sizes = int(rng.integers(2, 50)), sorted(rng.choice(np.arange(1, 8), 3, replace=False).tolist())
        got = observe(outputs_of_sizes, "Encoder", draw_pictures(rng, 8), size, sizes)
        expect_shapes(got, sizes, (size,))


@grade("encoder")
def test_random_codes_do_not_depend_on_their_neighbours(observe, rng):
    """In eval mode the codes of random pictures are the same alone and in a batch."""
    targets = rng.normal(size=(5, 9)).astype(np.float32)
    expect_independent(observe(trained_outputs, "Encoder", draw_pictures(rng, 5), targets, 9), "codes")


@grade("encoder")
def test_random_codes_may_have_negative_numbers(observe, rng):
    """Codes of random pictures and of a random length have negative numbers, too."""
    for _ in range(2):
        size = int(rng.integers(24, 60))
        targets = rng.normal(size=(6, size)).astype(np.float32)
        expect_negative(observe(trained_outputs, "Encoder", draw_pictures(rng, 6), targets, size), (6, size))


@grade("encoder")
def test_gradients_reach_the_whole_encoder(observe, rng):
    """Random codes are made from all of the encoder's parameters, and no others."""
    expect_owned(observe(tensors_in_the_graph, "Encoder", draw_pictures(rng, 4), int(rng.integers(2, 40))))


@grade("decoder")
def test_the_decoder_takes_random_batches(observe, rng):
    """Batches of random sizes, of codes of a random length, become pictures with pixels from 0 to 1."""
    for _ in range(2):
        size, sizes = int(rng.integers(2, 50)), sorted(rng.choice(np.arange(1, 8), 3, replace=False).tolist())
        codes = 20 * rng.normal(size=(8, size)).astype(np.float32)
        got = observe(outputs_of_sizes, "Decoder", codes, size, sizes)
        expect_shapes(got, sizes, (1, 28, 28))
        expect_pixels(got)


@grade("decoder")
def test_random_pictures_do_not_depend_on_their_neighbours(observe, rng):
    """In eval mode the pictures of random codes are the same alone and in a batch."""
    codes = rng.normal(size=(5, 7)).astype(np.float32)
    expect_independent(observe(trained_outputs, "Decoder", codes, draw_pictures(rng, 5), 7), "pictures")


@grade("decoder")
def test_gradients_reach_the_whole_decoder(observe, rng):
    """Pictures of random codes are made from all of the decoder's parameters, and no others."""
    size = int(rng.integers(2, 40))
    codes = rng.normal(size=(3, size)).astype(np.float32)
    expect_owned(observe(tensors_in_the_graph, "Decoder", codes, size))


def draw_halves(rng, n):
    """Pictures whose left and right half are bright or dark, each in its own way."""
    images = np.zeros((n, 1, 28, 28), np.float32)
    images[..., :14] = rng.uniform(0.1, 0.9, (n, 1, 1, 1))
    images[..., 14:] = rng.uniform(0.1, 0.9, (n, 1, 1, 1))
    return images


@grade("autoencoder")
def test_random_pictures_are_reconstructed(observe, rng):
    """Random pictures go through the encoder, then through the decoder."""
    for n in (1, 4):
        expect_reconstructed(observe(reconstructed, draw_pictures(rng, n), int(rng.integers(2, 20))))


@grade("autoencoder")
def test_the_reconstruction_loss_falls(observe, rng):
    """Thirty steps on a few pictures bring the whole autoencoder far below where it began."""
    images = draw_halves(rng, 6)
    losses = observe(losses_on_one_batch, "Autoencoder", images, images, 30)
    if type(losses) is not list or len(losses) != 30 or not losses[-1] < 0.6 * losses[0]:
        raise Failure("expected an autoencoder that learns a few pictures")


@grade("autoencoder")
def test_the_loss_of_random_pictures(observe, rng):
    """The loss is the mean squared difference, for any number of pictures, with its gradient."""
    calls = {f"{n} pictures": tuple(rng.random((2, n, 1, 28, 28)).astype(np.float32)) for n in (1, 3)}
    want = {text: np.array(((a - b) ** 2).mean(), dtype=np.float32) for text, (a, b) in calls.items()}
    assert_calls(observe(losses_of, calls), want, rtol=1e-4)
    expect_gradient(observe(gradient_of_the_loss, *calls["3 pictures"]), *calls["3 pictures"])


@grade("classifier")
def test_the_classifier_takes_random_batches(observe, rng):
    """Batches of random sizes get ten logits for each picture."""
    size, sizes = int(rng.integers(2, 50)), sorted(rng.choice(np.arange(1, 8), 3, replace=False).tolist())
    expect_shapes(observe(logits_of_sizes, draw_pictures(rng, 8), size, sizes), sizes, (10,))


@grade("classifier")
def test_random_logits_do_not_depend_on_their_neighbours(observe, rng):
    """In eval mode the logits of random pictures are the same alone and in a batch."""
    targets = rng.normal(size=(5, 10)).astype(np.float32)
    expect_independent(observe(trained_logits, draw_pictures(rng, 5), targets, 45), "logits")


@grade("classifier")
def test_random_logits_are_no_probabilities(observe, rng):
    """The logits of random pictures do not sum to 1: no softmax turns them into probabilities."""
    targets = rng.normal(size=(6, 10)).astype(np.float32)
    expect_logits(observe(trained_logits, draw_pictures(rng, 6), targets, int(rng.integers(40, 60))), 6)


@grade("classifier")
def test_gradients_reach_the_whole_classifier(observe, rng):
    """The logits are made from all of the classifier's parameters, and no others."""
    expect_owned(observe(classifier_in_the_graph, draw_pictures(rng, 4), int(rng.integers(2, 40))))


@grade("classifier")
def test_a_random_encoder_is_copied(observe, rng):
    """A classifier starts from the encoder that it gets, and learns on a copy of its own."""
    labels = rng.integers(0, 10, 5)
    expect_copied(observe(encoder_in_two_places, draw_pictures(rng, 5), labels, int(rng.integers(30, 60))))


@grade("transfer")
def test_any_part_can_be_frozen(observe):
    """Freezing works for any module, also for one without parts and for a whole model."""
    for frozen in ("", "encoder_of_words", "encoder"):
        expect_frozen(observe(what_learns, frozen), frozen)


@grade("transfer")
def test_groups_of_random_rates(observe, rng):
    """The groups have the right parameters and learning rates, whatever is frozen."""
    for count in (0, 3, 6):
        frozen = rng.permutation([*ENCODER, *OTHERS])[:count].tolist()
        rates = [round(float(each), 5) for each in rng.uniform(1e-4, 1e-1, 2)]
        expect_groups(observe(groups_of, *rates, frozen), *rates, frozen)


@grade("transfer")
def test_groups_that_are_frozen_as_a_whole(observe):
    """A group of which everything is frozen is left out, the encoder's as well as the other one."""
    for frozen in (ENCODER, OTHERS):
        expect_groups(observe(groups_of, 0.02, 0.003, frozen), 0.02, 0.003, frozen)


@grade("labels_loss")
def test_random_labels_some_of_them_missing(observe, rng):
    """The loss and its gradient are right for random logits, of which some have a label."""
    for n in (1, 6, 9):
        logits = (3 * rng.normal(size=(n, 10))).astype(np.float32)
        labels = np.where(rng.random(n) < 0.5, rng.integers(0, 10, n), -1)
        labels[0] = 0
        expect_labelled(observe(with_gradient, "labelled_loss", [logits], labels), logits, labels)


@grade("labels_loss")
def test_random_logits_without_a_label(observe, rng):
    """Without any label the loss is 0, and so are its gradients; with one label it is that picture's."""
    for labels in (np.full(4, -1), np.array([-1, -1, 3, -1])):
        logits = (3 * rng.normal(size=(4, 10))).astype(np.float32)
        expect_labelled(observe(with_gradient, "labelled_loss", [logits], labels), logits, labels)


@grade("labels_pseudo")
def test_random_pictures_get_labels(observe, rng):
    """The right pictures are chosen, for several thresholds."""
    for threshold in (0.5, 0.95, 0.0):
        logits = sure_and_unsure(rng, int(rng.integers(3, 20)))
        expect_chosen(observe(chosen, logits, threshold), logits, threshold)


@grade("labels_pseudo")
def test_a_confidence_at_the_threshold_is_enough(observe):
    """A picture whose confidence is exactly the threshold is chosen."""
    logits = np.zeros((3, 2), dtype=np.float32)
    logits[2] = [9.0, 0.0]
    expect_chosen(observe(chosen, logits, 0.5), logits, 0.5)


@grade("labels_consistency")
def test_random_pictures_are_consistent(observe, rng):
    """The loss and its gradients are right for random logits and several thresholds."""
    for threshold in (0.5, 0.95):
        n = int(rng.integers(4, 12))
        weak, strong = sure_and_unsure(rng, n), sure_and_unsure(rng, n)
        expect_consistency(
            observe(with_gradient, "consistency_loss", [weak, strong], threshold), weak, strong, threshold
        )


@grade("labels_consistency")
def test_an_unsure_teacher_teaches_nothing(observe, rng):
    """If the model is sure of none, the loss is 0; at exactly the threshold a picture counts."""
    weak, strong = sure_and_unsure(rng, 5), sure_and_unsure(rng, 5)
    expect_consistency(observe(with_gradient, "consistency_loss", [weak, strong], 0.99999), weak, strong, 0.99999)
    even, strong = np.zeros((3, 2), np.float32), rng.normal(size=(3, 2)).astype(np.float32)
    expect_consistency(observe(with_gradient, "consistency_loss", [even, strong], 0.5), even, strong, 0.5)


@grade("augment_matrices")
def test_random_changes_have_their_matrices(observe, reference, rng):
    """For random draws the matrices are right, picture by picture."""
    for n in (1, 4):
        draws = [rng.uniform(-2, 2, n), rng.uniform(0.5, 2, n), rng.uniform(-1, 1, n), rng.uniform(-1, 1, (n, 2))]
        draws = [each.astype(np.float32) for each in draws]
        assert_same(observe(matrices_of, *draws), reference(matrices_of, *draws), rtol=1e-4, atol=1e-5)


@grade("augment_digits")
def test_random_digits_have_their_own_draws(observe, rng):
    """The draws of each picture lie within other limits, and fill them."""
    degrees, scale, shear, shift = rng.uniform(0.2, 0.6, 4).round(2).tolist()
    limits = {"max_degrees": 100 * degrees, "max_scale": scale, "max_shear": shear, "max_shift": shift}
    with call("augment_digits(80 images, generator, ...)"):
        _, noted, _ = items(observe(augmented, draw_blobs(rng, 80), 5, 6, limits), 3)
        expect_draws(noted, 80, limits)


@grade("augment_digits")
def test_pictures_of_other_sizes_are_moved(observe, rng):
    """Pictures of any height and width, one or several, are moved by their draws."""
    limits = {"max_degrees": 20.0, "max_scale": 0.1, "max_shear": 0.1, "max_shift": 0.7}
    for n, height, width in ((1, 28, 28), (4, 20, 32)):
        images = draw_blobs(rng, n, height, width)
        with call(f"augment_digits(images of shape {images.shape}, generator, max_shift=0.7)"):
            got = observe(augmented, images, int(rng.integers(99)), 100 + int(rng.integers(99)), limits)
            if len(items(got, 3)[1]) != 3:
                raise Failure("expected matrices of affine_matrices")
            expect_moved(got, images)


@grade("digits_score", step="beats training from scratch")
def test_the_model_beats_training_from_scratch_on_new_digits(evaluation, model_info):
    """The saved model is within the limits and beats training from scratch on digits it has never seen."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats training from scratch")


@grade("digits_score", step="half way")
def test_the_model_is_half_way_on_new_digits(evaluation, model_info):
    """On digits it has never seen it is half way to the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("half way")


@grade("digits_score", step="passes")
def test_the_model_passes_on_new_digits(evaluation, model_info):
    """On digits it has never seen it reaches the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
