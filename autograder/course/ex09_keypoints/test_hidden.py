"""The checks that students do not see."""

import numpy as np

from exercise_code.common.testing import assert_same, grade


def scale_both_ways(code, values):
    """Both scalings of the values, and the values afterwards."""
    import torch

    pixels, keypoints = torch.from_numpy(values.copy()), torch.from_numpy(values.copy())
    scaled = code.training.normalize_keypoints(pixels).numpy()
    unscaled = code.training.denormalize_keypoints(keypoints).numpy()
    return scaled, unscaled, pixels.numpy(), keypoints.numpy()


def loss_and_gradient(code, predictions, targets):
    import torch

    outputs = torch.from_numpy(predictions).requires_grad_()
    loss = code.training.keypoint_loss(outputs, torch.from_numpy(targets))
    loss.backward()
    return loss.detach().numpy(), outputs.grad.numpy()


def flip_once_and_twice(code, images, keypoints):
    """What a flip gives, what a second one gives, and the inputs afterwards."""
    import torch

    inputs = torch.from_numpy(images.copy()), torch.from_numpy(keypoints.copy())
    once = code.training.flip_faces(*inputs)
    twice = code.training.flip_faces(*once)
    return [[tensor.numpy() for tensor in pair] for pair in (once, twice, inputs)]


def untrained_outputs_in_training(code, images):
    """The outputs of one new model in training mode, and how many of its parameters got a gradient, of how many."""
    import torch

    torch.manual_seed(0)
    model = code.model.KeypointModel(dict(code.model.HPARAMS)).train()
    outputs = model(torch.from_numpy(images))
    outputs.square().sum().backward()
    parameters = list(model.parameters())
    return outputs.detach().numpy(), len(parameters), sum(p.grad is not None for p in parameters)


class PlainDescent:
    """Gradient descent and nothing else; torch's own optimizers import a compiler first, for seconds."""

    def __init__(self, parameters, lr):
        self.parameters, self.lr = list(parameters), lr

    def zero_grad(self, set_to_none=True):
        for parameter in self.parameters:
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.zero_()

    def step(self):
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.data.sub_(self.lr * parameter.grad)


def two_steps(code, images, keypoints, weight, lr, stale):
    """Losses of two steps, and the weight afterwards; before the first one the gradient holds `stale` everywhere."""
    import torch
    from torch import nn

    model = nn.Sequential(nn.Flatten(), nn.Linear(images[0].size, keypoints.shape[1], bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.from_numpy(weight))
    model[1].weight.grad = torch.full_like(model[1].weight, stale)
    optimizer = PlainDescent(model.parameters(), lr)
    samples, targets = torch.from_numpy(images), torch.from_numpy(keypoints)
    losses = [code.training.train_step(model, samples, targets, optimizer) for _ in range(2)]
    return losses, model[1].weight.detach().numpy()


def predict_in_both_modes(code, images, weight):
    """For a model that came in training and one that came in eval mode: predictions, modes seen and left, gradients."""
    import torch
    from torch import nn

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.modes = []
            self.linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            self.dropout = nn.Dropout(0.5)
            with torch.no_grad():
                self.linear.weight.copy_(torch.from_numpy(weight))

        def forward(self, images):
            self.modes.append(self.training)
            return self.dropout(self.linear(images.flatten(1)))

    answers = []
    for mode in (True, False):
        model = Watched().train(mode)
        got = code.training.predict_keypoints(model, torch.from_numpy(images))
        answers.append([got.detach().numpy(), model.modes, model.training, got.requires_grad])
    return answers


@grade("keypoints_scaling")
def test_scaling_works_for_any_shape(observe, rng):
    """Both scalings work for any shape, and leave what they are given as it is."""
    for shape in ((7,), (3, 30), (2, 15, 2)):
        values = rng.uniform(-2, 100, shape).astype(np.float32)
        scaled, unscaled, pixels, keypoints = observe(scale_both_ways, values)
        assert_same(scaled, (values - 48) / 48, atol=1e-5)
        assert_same(unscaled, values * 48 + 48, atol=1e-3)
        assert_same(pixels, values)
        assert_same(keypoints, values)


@grade("keypoints_loss")
def test_the_loss_is_right_for_any_batch(observe, rng):
    """The loss is the mean squared error for batches of different sizes."""
    for n in (1, 3, 8):
        predictions, targets = (rng.uniform(-1, 1, (n, 30)).astype(np.float32) for _ in range(2))
        loss, _ = observe(loss_and_gradient, predictions, targets)
        want = np.array(((predictions - targets) ** 2).mean(), dtype=np.float32)
        assert_same(loss, want, rtol=1e-4)


@grade("keypoints_loss")
def test_gradients_flow_back_to_the_predictions(observe, rng):
    """The gradient of the loss with respect to a prediction is 2 (prediction - target) / (30 N)."""
    predictions, targets = (rng.uniform(-1, 1, (5, 30)).astype(np.float32) for _ in range(2))
    _, gradient = observe(loss_and_gradient, predictions, targets)
    assert_same(gradient, 2 * (predictions - targets) / 150, rtol=1e-4, atol=1e-7)


@grade("keypoints_flip")
def test_two_flips_undo_each_other(observe, reference, rng):
    """One flip gives other faces than came in, two give the same again, and what came in stays as it was."""
    images = rng.random((3, 1, 96, 96), dtype=np.float32)
    keypoints = rng.uniform(-1, 1, (3, 30)).astype(np.float32)
    once, twice, inputs = observe(flip_once_and_twice, images, keypoints)
    assert_same(once, reference(flip_once_and_twice, images, keypoints)[0])
    assert_same(twice, [images, keypoints])
    assert_same(inputs, [images, keypoints])


@grade("keypoints_model")
def test_the_model_can_be_trained(observe, rng):
    """In training mode the model answers finite numbers of shape (batch_size, 30), and gradients reach its layers."""
    images = rng.random((6, 1, 96, 96), dtype=np.float32)
    outputs, parameters, reached = observe(untrained_outputs_in_training, images)
    assert np.shape(outputs) == (6, 30) and outputs.dtype == np.float32, "expected float32 of the shape (6, 30)"
    assert np.isfinite(outputs).all(), "expected finite outputs, got NaN or infinity"
    assert np.ptp(outputs, axis=0).max() > 0, "expected different outputs for different pictures"
    assert parameters > 0, "expected a model with parameters, got none"
    assert reached > 0, "expected gradients in the model's parameters, got none"


@grade("keypoints_training")
def test_each_step_starts_from_fresh_gradients(observe, rng):
    """Two steps give what two steps of gradient descent give; gradients from before do not count."""
    images = rng.random((5, 1, 4, 4), dtype=np.float32)
    keypoints = rng.uniform(-1, 1, (5, 30)).astype(np.float32)
    weight = rng.normal(0, 0.1, (30, 16)).astype(np.float32)
    x, w, want = images.reshape(5, 16).astype(np.float64), weight.astype(np.float64), []
    for _ in range(2):
        error = x @ w.T - keypoints
        want.append(float((error**2).mean()))
        w = w - 0.4 * (2 / error.size) * error.T @ x
    losses, new_weight = observe(two_steps, images, keypoints, weight, 0.4, 3.0)
    assert_same(losses, want, rtol=1e-4)
    assert_same(new_weight, w.astype(np.float32), rtol=1e-4, atol=1e-6)


@grade("keypoints_predict")
def test_prediction_uses_and_restores_the_mode(observe, rng):
    """Predictions are made in eval mode, without gradients, and the model is given back as it came."""
    images = rng.random((4, 1, 4, 4), dtype=np.float32)
    weight = rng.normal(0, 0.2, (30, 16)).astype(np.float32)
    want = (images.reshape(4, 16) @ weight.T * 48 + 48).reshape(4, 15, 2)
    answers = observe(predict_in_both_modes, images, weight)
    for mode, answer in zip((True, False), answers, strict=True):
        predictions, modes, left, gradients = answer
        assert_same(predictions, want.astype(np.float32), rtol=1e-4, atol=1e-3)
        assert modes and not any(modes), "expected the model to be used in eval mode"
        assert left is mode, "expected the model back in the mode it came in"
        assert gradients is False, "expected predictions without gradients"


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
