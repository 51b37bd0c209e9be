"""The checks that students do not see: what the visible ones ask for, on fresh inputs."""

import numpy as np

from exercise_code.common.testing import as_array, assert_same, grade
from exercise_code.ex07_pytorch.test_visible import (
    a_small_problem,
    committee_parts,
    descents_of,
    dimmed_images,
    distances_of,
    evaluations,
    expect_alone,
    expect_best,
    expect_committee,
    expect_descent,
    expect_dimmed,
    expect_distances,
    expect_dropout,
    expect_error,
    expect_fit,
    expect_gradient,
    expect_kept,
    expect_label_loss,
    expect_layer_outputs,
    expect_learned,
    expect_left_alone,
    expect_measured,
    expect_mlp,
    expect_modes,
    expect_parts,
    expect_resized,
    expect_rounded,
    expect_share,
    expect_standardized,
    expect_steps,
    expect_straight_through,
    expect_tensor,
    floats,
    gradient_of_a_parameter,
    gradient_through_rounding,
    gradients_of,
    layer_outputs,
    layer_parts,
    learned_by_heart,
    mlp_answers,
    outputs_one_by_one,
    outputs_with_dropout,
    resized_model,
    rounded,
    some_batches,
    standardized,
    tensor_of_images,
    watched_fit,
    watched_steps,
)


@grade("pytorch_images")
def test_random_pictures_become_tensors(observe, rng):
    """Pictures of any height and width become float32 (N, 3, height, width) from 0 to 1, and keep their values."""
    for shape in ((1, 3, 3, 3), (4, 5, 7, 3)):
        images = rng.integers(0, 256, shape, dtype=np.uint8)
        got, left = observe(tensor_of_images, images)
        expect_tensor(got, images)
        assert_same(left, images)


@grade("pytorch_distances")
def test_random_rows_have_their_distances(observe, rng):
    """There is a squared distance for each pair of rows, whatever the numbers of rows and columns."""
    sizes = ((3, 5, 7), (4, 4, 4), (6, 1, 2), (1, 3, 1))
    calls = {f"{n} and {m} rows of {d} numbers": (floats(rng, n, d), floats(rng, m, d)) for n, m, d in sizes}
    expect_distances(observe(distances_of, calls), calls)


@grade("pytorch_gradient")
def test_gradients_of_other_functions(observe, rng):
    """Gradients are right for other functions and tensors of any shape, at each call; nothing happens to x."""
    for name, shape in (("waves", (2, 3)), ("bowl", (4,)), ("sines", (1, 2, 2))):
        x = floats(rng, *shape)
        expect_gradient(observe(gradients_of, name, x), name, x)


@grade("pytorch_gradient", weight=0.5)
def test_other_parameters_keep_their_gradient(observe, rng):
    """A parameter with a gradient keeps it, and is still watched."""
    x = floats(rng, 3, 2)
    expect_kept(observe(gradient_of_a_parameter, "waves", x), "waves", x)


@grade("pytorch_descent")
def test_descent_on_other_functions(observe, rng):
    """Steps follow the gradient on other functions, from any start, with any learning rate."""
    for name, shape, lr, num_steps in (("waves", (2, 3), 0.1, 4), ("bowl", (5,), 0.7, 6), ("sines", (), 0.3, 1)):
        start = np.asarray(floats(rng, *shape), dtype=np.float32)
        expect_descent(observe(descents_of, name, start, lr, num_steps), name, start, lr, num_steps)


@grade("pytorch_detach")
def test_random_numbers_are_rounded_straight_through(observe, rng):
    """Numbers are rounded, and the gradient passes as if they were not, for any shape."""
    for shape in ((7,), (3, 2, 2)):
        x = 3 * floats(rng, *shape)
        expect_rounded(observe(rounded, x), x)
        expect_straight_through(observe(gradient_through_rounding, x), x)


@grade("pytorch_layer")
def test_layers_of_other_sizes_have_their_parameters(observe):
    """Weight and bias have the right shapes and start with random numbers within the bounds."""
    for num_in, num_out in ((400, 50), (25, 80)):
        expect_parts(observe(layer_parts, num_in, num_out), num_in, num_out)


@grade("pytorch_layer")
def test_random_samples_go_through_the_layer(observe, rng):
    """The layer computes y = x W^T + b, also where samples have more than one axis, and gradients reach both."""
    for shape in ((5, 4), (2, 3, 4)):
        weight, bias, x = floats(rng, 3, 4), floats(rng, 3), floats(rng, *shape)
        expect_layer_outputs(observe(layer_outputs, weight, bias, x), weight, bias, x)


@grade("pytorch_buffer")
def test_random_pictures_are_standardised(observe, rng):
    """Each channel is standardised, for pictures of any size; mean and std are saved and not trained."""
    for height, width in ((5, 3), (3, 3), (4, 6)):
        images = rng.random((3, 3, height, width), dtype=np.float32)
        # Whole numbers make a tensor of whole numbers, unless one asks for float32.
        for mean, std in ((rng.uniform(0.2, 0.6, 3).tolist(), rng.uniform(0.2, 2, 3).tolist()), ([0, 1, 0], [1, 2, 4])):
            expect_standardized(observe(standardized, images, mean, std), images, mean, std)


@grade("pytorch_mlp")
def test_networks_of_other_sizes(observe, rng):
    """Networks of two, three and four layers answer as their parameters say, for samples of any shape."""
    for sizes, shape in (([6, 9, 4], (7, 6)), ([12, 8, 8, 2], (3, 3, 2, 2)), ([5, 20, 3, 20, 6], (1, 5))):
        x = floats(rng, *shape)
        expect_mlp(observe(mlp_answers, sizes, 0.0, x), sizes, x)


@grade("pytorch_mlp")
def test_dropout_stands_between_the_layers(observe, rng):
    """Dropout is at work in training only, and nothing is dropped from the outputs."""
    for sizes in ([10, 30, 30, 4], [10, 4]):
        x = floats(rng, 9, 10)
        got = observe(mlp_answers, sizes, 0.4, x)
        expect_mlp(got, sizes, x)
        expect_dropout(got, len(sizes) - 2)


@grade("pytorch_mlp")
def test_the_right_share_is_dropped(observe, rng):
    """In training the share `dropout` of the numbers between the layers is dropped."""
    x = np.abs(floats(rng, 60, 50)) + np.float32(0.1)
    for dropout in (0.1, 0.3):
        expect_share(observe(outputs_with_dropout, x, dropout), x, dropout)


@grade("pytorch_step")
def test_steps_follow_the_gradients_of_random_samples(observe, rng):
    """Losses and parameters are those of gradient descent, in each of two steps."""
    problem = a_small_problem(rng, 5)
    expect_steps(observe(watched_steps, *problem, 0.02, 2), problem, 0.02, 2)


@grade("pytorch_step")
def test_a_step_starts_from_fresh_gradients(observe, rng):
    """Gradients that are there before the first step do not count."""
    problem = a_small_problem(rng, 4)
    got = observe(watched_steps, *problem, 0.02, 1, True, 3.0)
    expect_steps(got, problem, 0.02, 1, stale=3.0)


@grade("pytorch_step")
def test_a_step_keeps_either_mode(observe, rng):
    """The model predicts in the mode it is in, and is left in it."""
    problem = a_small_problem(rng, 3)
    for training in (True, False):
        got = observe(watched_steps, *problem, 0.01, 1, training)
        expect_modes(got["modes"], training)
        expect_steps(got, problem, 0.01, 1)


def adam_steps(code, inputs, labels, weight):
    """Losses of three steps with another optimizer and the default loss, and the weight that torch's own steps give."""
    import torch
    from torch import nn

    layers = [nn.Linear(weight.shape[1], weight.shape[0], bias=False) for _ in range(2)]
    x, y = torch.from_numpy(inputs), torch.from_numpy(labels)
    for layer in layers:
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight))
    optimizer = torch.optim.Adam(layers[0].parameters(), lr=0.1)
    losses = [code.training.train_step(layers[0], x, y, optimizer) for _ in range(3)]
    return losses, layers[0].weight.detach().numpy()


def cross_entropy_steps(inputs, labels, weight):
    """Losses and the weight after three steps of Adam on the cross-entropy, in numpy."""
    w, first, second, losses = weight.astype(np.float64), 0.0, 0.0, []
    for step in range(1, 4):
        shares = np.exp(inputs @ w.T)
        shares /= shares.sum(axis=1, keepdims=True)
        losses.append(float(-np.log(shares[np.arange(len(labels)), labels]).mean()))
        shares[np.arange(len(labels)), labels] -= 1
        gradient = shares.T @ inputs / len(labels)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        w = w - 0.1 * first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return losses, w.astype(np.float32)


@grade("pytorch_step")
def test_steps_of_another_optimizer(observe, rng):
    """With Adam and the cross-entropy, losses and weights are those of Adam."""
    inputs, labels, weight = floats(rng, 8, 4), rng.integers(0, 3, 8), floats(rng, 3, 4)
    losses, after = observe(adam_steps, inputs, labels, weight)
    want_losses, want = cross_entropy_steps(inputs, labels, weight)
    assert_same(losses, want_losses, rtol=1e-3)
    assert_same(after, want, rtol=1e-3, atol=1e-3)


@grade("pytorch_evaluate")
def test_random_batches_are_measured(observe, rng):
    """Loss and accuracy are those over all samples, for one batch and for several of different sizes."""
    for sizes in ((7,), (2, 9, 4)):
        batches, weight = some_batches(rng, sizes)
        expect_measured(observe(evaluations, batches, weight, True), batches, weight)


@grade("pytorch_evaluate")
def test_random_batches_leave_the_model_as_it_was(observe, rng):
    """The model is left in the mode it was in, and is measured without gradients."""
    batches, weight = some_batches(rng, (5, 3))
    for training in (True, False):
        got = observe(evaluations, batches, weight, training)
        expect_left_alone(got, training)
        expect_measured(got, batches, weight)


@grade("pytorch_fit")
def test_longer_trainings_have_their_epochs(observe, rng):
    """Each epoch is a step for each batch in training mode and a validation; all numbers are noted."""
    for num_batches, num_epochs, training in ((3, 4, True), (1, 2, False)):
        losses = rng.uniform(0, 3, num_batches * num_epochs).tolist()
        accuracies = rng.uniform(0.1, 0.9, num_epochs).tolist()
        got = observe(watched_fit, accuracies, losses, num_batches, training)
        expect_fit(got, accuracies, losses, num_batches)


@grade("pytorch_fit")
def test_the_first_of_the_best_epochs_is_kept(observe, rng):
    """The model ends with the parameters and buffers of the first of its best epochs."""
    for accuracies in ([0.7, 0.2, 0.7], [0.1, 0.2, 0.3], [0.0, 0.0], rng.uniform(0.1, 0.9, 5).tolist()):
        got = observe(watched_fit, accuracies, [1.0] * (3 * len(accuracies)), 3, True)
        expect_best(got, accuracies, 3)


@grade("pytorch_traps", weight=0.8)
def test_random_pictures_are_dimmed(observe, rng):
    """Dimmed pictures are new, and the ones that came in keep their values."""
    images, factor = floats(rng, 2, 3, 4, 4), float(rng.uniform(0.2, 0.8))
    expect_dimmed(observe(dimmed_images, images, factor), images, factor)


def error_and_gradient(code, predictions, targets):
    """The mean squared error, and its gradient for the predictions."""
    import torch

    given = torch.from_numpy(predictions).requires_grad_()
    error = code.traps.mean_squared_error(given, torch.from_numpy(targets))
    value = as_array(error)
    error.sum().backward()
    return value, given.grad.numpy()


def loss_and_gradient(code, logits, labels):
    """The label loss, and its gradient for the logits."""
    import torch

    given = torch.from_numpy(logits).requires_grad_()
    loss = code.traps.label_loss(given, torch.from_numpy(labels))
    value = as_array(loss)
    loss.sum().backward()
    return value, given.grad.numpy()


@grade("pytorch_traps", weight=0.8)
def test_random_predictions_meet_their_targets(observe, rng):
    """The squared error compares each prediction with its own target, for one sample and for several."""
    for n in (6, 1):
        predictions, targets = floats(rng, n, 1), floats(rng, n)
        value, gradient = observe(error_and_gradient, predictions, targets)
        expect_error(value, predictions, targets)
        assert_same(gradient, 2 * (predictions - targets[:, None]) / np.float32(n), rtol=1e-3, atol=1e-5)


@grade("pytorch_traps", weight=0.8)
def test_random_logits_have_their_cross_entropy(observe, rng):
    """The loss is the cross-entropy of the logits, with its gradient."""
    for n, num_classes in ((5, 3), (1, 7)):
        logits, labels = 4 * floats(rng, n, num_classes), rng.integers(0, num_classes, n)
        value, gradient = observe(loss_and_gradient, logits, labels)
        expect_label_loss(value, logits, labels)
        slope = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        slope[np.arange(n), labels] -= 1
        assert_same(gradient, (slope / n).astype(np.float32), rtol=1e-3, atol=1e-5)


@grade("pytorch_traps", weight=0.8)
def test_committees_of_other_sizes_are_trained(observe, rng):
    """All members are among the parameters, and the answer is their mean."""
    for num_members in (1, 4):
        x = floats(rng, 3, 6)
        expect_committee(observe(committee_parts, num_members, x), num_members, x)


@grade("cifar_model")
def test_other_pictures_do_not_depend_on_their_neighbours(observe, rng):
    """In evaluation mode each of several random pictures has logits of its own, alone and in a batch."""
    images = rng.random((5, 3, 32, 32), dtype=np.float32)
    expect_alone(observe(outputs_one_by_one, images), images)


@grade("cifar_model", weight=0.5)
def test_other_sizes_make_another_model(observe):
    """With hidden_sizes twice as large the model has larger layers."""
    expect_resized(observe(resized_model, 2), 2)


@grade("cifar_model")
def test_the_model_learns_other_pictures(observe, rng):
    """The loss on a batch falls by half, gradients reach every parameter, and all layers are fully connected."""
    images, labels = rng.random((20, 3, 32, 32), dtype=np.float32), rng.permutation(20) % 10
    expect_learned(observe(learned_by_heart, images, labels, 60))


@grade("cifar_score", step="beats a linear model")
def test_the_model_beats_a_linear_model_on_new_pictures(evaluation, model_info):
    """The saved model is within the limits and beats a linear model on pictures it has never seen."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats a linear model")


@grade("cifar_score", step="half way")
def test_the_model_is_half_way_on_new_pictures(evaluation, model_info):
    """On pictures it has never seen it is half way to the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("half way")


@grade("cifar_score", step="passes")
def test_the_model_passes_on_new_pictures(evaluation, model_info):
    """On pictures it has never seen it reaches the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
