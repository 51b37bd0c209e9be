"""The checks that students do not see: what the visible ones ask for, on fresh inputs."""

import numpy as np

from exercise_code.common.testing import Failure, as_array, assert_same, grade
from exercise_code.ex09_keypoints.test_visible import (
    a_small_problem,
    compare_outputs,
    dark_and_bright,
    descend,
    expect_owned,
    expect_predictions,
    expect_rows,
    expect_steps,
    flip,
    gradient_of_the_loss,
    losses_of,
    outputs_one_by_one,
    predictions_in_both_modes,
    scale,
    scale_back,
    squared,
    summed_cosh,
    swapped,
    tensors_in_the_graph,
    watched_steps,
)


def outputs_in_training(code, images):
    """The outputs of one new model in training mode, and how many of its parameters got a gradient, of how many."""
    import torch

    torch.manual_seed(0)
    model = code.model.KeypointModel(dict(code.model.HPARAMS)).train()
    outputs = model(torch.from_numpy(images))
    outputs.square().sum().backward()
    parameters = list(model.parameters())
    return as_array(outputs), len(parameters), sum(p.grad is not None for p in parameters)


def step_from_stale_gradients(code, images, keypoints, weight, lr, stale):
    """Loss and weight after one step; before it the gradient holds `stale` everywhere."""
    import torch
    from torch import nn

    model = nn.Sequential(nn.Flatten(), nn.Linear(images[0].size, keypoints.shape[1], bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.from_numpy(weight))
    model[1].weight.grad = torch.full_like(model[1].weight, stale)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    samples, targets = torch.from_numpy(images), torch.from_numpy(keypoints)
    with swapped(code.training, keypoint_loss=lambda outputs, targets: torch.cosh(outputs - targets).sum()):
        loss = code.training.train_step(model, samples, targets, optimizer)
    return loss, model[1].weight.detach().numpy()


def batches_seen_in_training(code, images, keypoints):
    """How many batches a model's batch normalisation has learned from in two steps, and the mode it is left in."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(images[0].size, 30), nn.BatchNorm1d(30)).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with swapped(code.training, keypoint_loss=lambda outputs, targets: torch.cosh(outputs - targets).sum()):
        for _ in range(2):
            code.training.train_step(model, torch.from_numpy(images), torch.from_numpy(keypoints), optimizer)
    return int(model[2].num_batches_tracked), model.training


@grade("keypoints_scaling")
def test_scaling_works_for_any_shape(observe, rng):
    """normalize_keypoints works for tensors of any shape."""
    for shape in ((7,), (3, 30), (2, 15, 2)):
        pixels = rng.uniform(-2, 100, shape).astype(np.float32)
        scaled, left = observe(scale, pixels)
        assert_same(scaled, (pixels - 48) / 48, atol=1e-5)
        assert_same(left, pixels)


@grade("keypoints_scaling")
def test_scaling_back_works_for_any_shape(observe, rng):
    """denormalize_keypoints works for tensors of any shape."""
    for shape in ((7,), (3, 30), (2, 15, 2)):
        keypoints = rng.uniform(-1, 1, shape).astype(np.float32)
        pixels, left = observe(scale_back, keypoints)
        assert_same(pixels, keypoints * 48 + 48, atol=1e-3)
        assert_same(left, keypoints)


@grade("keypoints_loss")
def test_the_loss_is_right_for_any_batch(observe, rng):
    """The loss is the mean squared error for batches of different sizes."""
    calls = {f"{n} samples": tuple(rng.uniform(-1, 1, (2, n, 30)).astype(np.float32)) for n in (1, 3, 8)}
    losses = {text: np.array(((p - t) ** 2).mean(), dtype=np.float32) for text, (p, t) in calls.items()}
    assert_same(observe(losses_of, calls), losses, rtol=1e-4)


@grade("keypoints_loss")
def test_gradients_flow_back_to_the_predictions(observe, rng):
    """The gradient of the loss with respect to a prediction is 2 (prediction - target) / (30 N)."""
    predictions, targets = (rng.uniform(-1, 1, (5, 30)).astype(np.float32) for _ in range(2))
    gradient = observe(gradient_of_the_loss, predictions, targets)
    assert_same(gradient, 2 * (predictions - targets) / 150, rtol=1e-4, atol=1e-7)


def random_faces(rng, n):
    return rng.random((n, 1, 96, 96), dtype=np.float32), rng.uniform(-1, 1, (n, 30)).astype(np.float32)


@grade("keypoints_flip")
def test_random_pictures_are_mirrored(observe, reference, rng):
    """Of random faces the pictures are mirrored, for one face and for several."""
    for n in (1, 3):
        faces = random_faces(rng, n)
        assert_same(observe(flip, *faces)[0][0], reference(flip, *faces)[0][0])


@grade("keypoints_flip")
def test_random_keypoints_change_sides_and_names(observe, reference, rng):
    """Of random faces the keypoints change sides and names, for one face and for several."""
    for n in (1, 3):
        faces = random_faces(rng, n)
        assert_same(observe(flip, *faces)[0][1], reference(flip, *faces)[0][1])


@grade("keypoints_flip")
def test_flipping_leaves_random_faces_as_they_are(observe, rng):
    """New pictures and keypoints come back, and the random ones that come in keep their values."""
    faces = random_faces(rng, 2)
    flipped, left = observe(flip, *faces)
    if np.array_equal(flipped[1], faces[1]):
        raise Failure("expected a flip to change the keypoints")
    assert_same(left, list(faces))


@grade("keypoints_model")
def test_the_model_can_be_trained(observe, rng):
    """In training mode the model answers float32 of the shape (batch_size, 30), and gradients reach its layers."""
    images = rng.random((6, 1, 96, 96), dtype=np.float32)
    outputs, parameters, reached = observe(outputs_in_training, images)
    expect_rows(outputs, 6)
    if outputs.shape != (6, 30) or outputs.dtype != np.float32:
        raise Failure("expected float32 of the shape (6, 30)")
    if not parameters or not reached:
        raise Failure("expected a model with parameters, and gradients in them")


@grade("keypoints_model")
def test_new_pictures_do_not_depend_on_their_neighbours(observe, rng):
    """In eval mode each of several random pictures has an output of its own, alone and in a batch."""
    images, targets = dark_and_bright(rng, 5), rng.uniform(-1, 1, (5, 30)).astype(np.float32)
    compare_outputs(*observe(outputs_one_by_one, images, targets))


@grade("keypoints_model")
def test_the_model_owns_what_it_is_made_of(observe, rng):
    """Every tensor that the output is made from and that can be trained is among the model's parameters."""
    expect_owned(*observe(tensors_in_the_graph, rng.random((3, 1, 96, 96), dtype=np.float32)))


@grade("keypoints_training")
def test_steps_follow_the_gradients_of_random_faces(observe, rng):
    """Losses and parameters are those of gradient descent, in each of two steps."""
    problem = a_small_problem(rng, 5)
    expect_steps(observe(watched_steps, *problem, 0.02, 2), problem, 0.02, 2)


@grade("keypoints_training")
def test_a_step_starts_from_fresh_gradients(observe, rng):
    """Gradients that are there before the first step do not count."""
    problem = a_small_problem(rng, 5)
    loss, weight = observe(step_from_stale_gradients, *problem, 0.02, 3.0)
    found = [descend(each, *problem, 0.02, 1) for each in (squared, summed_cosh)]
    want_loss, want_weight = min(found, key=lambda each: float(np.abs(each[1][0] - weight).max()))
    assert_same(loss, want_loss[0], rtol=1e-4)
    assert_same(weight, want_weight[0], rtol=1e-4, atol=1e-5)


@grade("keypoints_training")
def test_batch_normalisation_learns_in_each_step(observe, rng):
    """A model that comes in training mode is trained in it: its batch normalisation learns from each batch."""
    images, keypoints, _ = a_small_problem(rng, 6)
    seen, training = observe(batches_seen_in_training, images, keypoints)
    if seen < 2 or training is not True:
        raise Failure("expected a model that is trained in training mode")


@grade("keypoints_predict")
def test_predictions_of_random_faces_are_in_pixels(observe, rng):
    """Predictions are those of the model in eval mode, in pixels, for one picture and for several."""
    for n in (1, 4):
        images, _, weight = a_small_problem(rng, n)
        expect_predictions(observe(predictions_in_both_modes, images, weight), images, weight, "pixels")


@grade("keypoints_predict")
def test_prediction_leaves_mode_and_gradients(observe, rng):
    """The model is given back in the mode in which it came, and the predictions carry no gradients."""
    images, _, weight = a_small_problem(rng, 4)
    answers = observe(predictions_in_both_modes, images, weight)
    expect_predictions(answers, images, weight, "mode")
    expect_predictions(answers, images, weight, "gradients")


@grade("keypoints_score", step="beats the mean face")
def test_the_model_beats_the_mean_face_on_new_faces(evaluation, model_info):
    """The saved model is within the limits and beats the mean face on faces it has never seen."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats the mean face")


@grade("keypoints_score", step="half way")
def test_the_model_is_half_way_on_new_faces(evaluation, model_info):
    """On faces it has never seen it is half way to the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("half way")


@grade("keypoints_score", step="passes")
def test_the_model_passes_on_new_faces(evaluation, model_info):
    """On faces it has never seen it reaches the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
