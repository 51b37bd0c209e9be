"""The checks that students see."""

import numpy as np

from exercise_code.common.testing import assert_same, grade

SIZE = 96


def scale(code, pixels):
    import torch

    return code.training.normalize_keypoints(torch.from_numpy(pixels)).numpy()


def scale_back(code, keypoints):
    import torch

    return code.training.denormalize_keypoints(torch.from_numpy(keypoints)).numpy()


def loss_of(code, predictions, targets):
    import torch

    return code.training.keypoint_loss(torch.from_numpy(predictions), torch.from_numpy(targets)).numpy()


def flip(code, images, keypoints):
    import torch

    new_images, new_keypoints = code.training.flip_faces(torch.from_numpy(images), torch.from_numpy(keypoints))
    return new_images.numpy(), new_keypoints.numpy()


def untrained_outputs(code, images, sizes):
    """The outputs of one new model for the first samples, for each batch size, in eval mode."""
    import torch

    torch.manual_seed(0)
    model = code.model.KeypointModel(dict(code.model.HPARAMS)).eval()
    with torch.no_grad():
        return [model(torch.from_numpy(images[:size])).numpy() for size in sizes]


def outputs_one_by_one(code, images):
    """The outputs of one new model for all samples at once, and for each sample alone, in eval mode."""
    import torch

    torch.manual_seed(0)
    model = code.model.KeypointModel(dict(code.model.HPARAMS)).eval()
    samples = torch.from_numpy(images)
    with torch.no_grad():
        return model(samples).numpy(), torch.cat([model(sample[None]) for sample in samples]).numpy()


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


def linear_step(code, images, keypoints, weight, lr):
    """Loss and new weight of a linear model without bias after one step of plain gradient descent."""
    import torch
    from torch import nn

    model = nn.Sequential(nn.Flatten(), nn.Linear(images[0].size, keypoints.shape[1], bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.from_numpy(weight))
    optimizer = PlainDescent(model.parameters(), lr)
    loss = code.training.train_step(model, torch.from_numpy(images), torch.from_numpy(keypoints), optimizer)
    return loss, model[1].weight.detach().numpy()


def predicted_pixels(code, keypoints):
    """What is predicted by a model that answers the given keypoints, whatever the pictures are."""
    import torch
    from torch import nn

    class Fixed(nn.Module):
        def forward(self, images):
            return torch.from_numpy(keypoints)[: len(images)]

    images = torch.zeros(len(keypoints), 1, 96, 96)
    return code.training.predict_keypoints(Fixed(), images).numpy()


def numbered_faces():
    """Two pictures without symmetry, and keypoints that tell from their value which one they are."""
    images = np.linspace(0, 1, 2 * SIZE * SIZE, dtype=np.float32).reshape(2, 1, SIZE, SIZE)
    keypoints = np.arange(60, dtype=np.float32).reshape(2, 30) / 60 - 0.4
    return images, keypoints


# The two eyes' centres, their inner and outer corners, the brows' ends, and the corners of the mouth.
PAIRS = [(0, 1), (2, 4), (3, 5), (6, 8), (7, 9), (11, 12)]


@grade("keypoints_scaling")
def test_pixels_become_coordinates_around_the_middle(observe):
    """normalize_keypoints makes -1, -0.5, 0 and 1 of 0, 24, 48 and 96 pixels."""
    pixels = np.array([[0, 24, 48, 96]], dtype=np.float32)
    want = np.array([[-1, -0.5, 0, 1]], dtype=np.float32)
    assert_same(observe(scale, pixels), want, hint="how far is it to the middle, in halves of the picture's width?")


@grade("keypoints_scaling")
def test_coordinates_become_pixels_again(observe):
    """denormalize_keypoints makes 0, 36, 48 and 96 pixels of -1, -0.25, 0 and 1."""
    keypoints = np.array([[-1, -0.25, 0, 1]], dtype=np.float32)
    want = np.array([[0, 36, 48, 96]], dtype=np.float32)
    assert_same(observe(scale_back, keypoints), want, hint="solve y = (x - 48) / 48 for x")


@grade("keypoints_loss")
def test_the_loss_is_a_mean(observe):
    """For two samples, one of them 0.5 off in every coordinate and the other one perfect, the loss is 0.125."""
    targets = np.zeros((2, 30), dtype=np.float32)
    predictions = targets.copy()
    predictions[0] = 0.5
    got = observe(loss_of, predictions, targets)
    assert_same(got, np.array(0.125, dtype=np.float32), hint="the mean over all 2 * 30 squared differences")


@grade("keypoints_flip")
def test_flipped_pictures_are_mirrored(observe):
    """flip_faces turns each row of pixels round, and only the rows."""
    images, keypoints = numbered_faces()
    got, _ = observe(flip, images, keypoints)
    assert_same(got, np.ascontiguousarray(images[..., ::-1]), hint="the last axis runs from left to right")


@grade("keypoints_flip")
def test_flipped_keypoints_change_sides_and_names(observe):
    """flip_faces changes the sign of x, keeps y, and swaps the columns of left and right."""
    images, keypoints = numbered_faces()
    want = keypoints.reshape(2, 15, 2).copy()
    for one, other in PAIRS:
        want[:, [one, other]] = want[:, [other, one]]
    want[..., 0] *= -1
    _, got = observe(flip, images, keypoints)
    assert_same(got, want.reshape(2, 30), hint="after the flip the person's left eye is the right eye")


@grade("keypoints_model")
def test_the_model_takes_batches_of_any_size(observe, rng):
    """For 1, 2 and 5 pictures the model answers float32 of the shapes (1, 30), (2, 30) and (5, 30)."""
    images = rng.random((5, 1, SIZE, SIZE), dtype=np.float32)
    for size, got in zip((1, 2, 5), observe(untrained_outputs, images, [1, 2, 5]), strict=True):
        kind = f"{got.dtype} {got.shape}" if isinstance(got, np.ndarray) else str(got)
        assert kind == f"float32 ({size}, 30)", f"expected float32 of the shape ({size}, 30), got {kind}"


@grade("keypoints_model")
def test_pictures_do_not_depend_on_their_neighbours(observe, rng):
    """In eval mode a picture has the same output alone and in a batch, and other pictures have other outputs."""
    images = rng.random((4, 1, SIZE, SIZE), dtype=np.float32)
    # Pictures that are dark or bright as a whole: even a network that was never trained tells them apart.
    images *= np.array([0.1, 0.4, 0.7, 1.0], dtype=np.float32).reshape(4, 1, 1, 1)
    together, alone = observe(outputs_one_by_one, images)
    assert np.shape(together) == (4, 30), f"expected the shape (4, 30), got {np.shape(together)}"
    assert_same(alone, together, rtol=1e-4, atol=1e-5, hint="is something computed over the axis of the batch?")
    spread = float(np.ptp(together, axis=0).max())
    assert spread > 1e-6, "expected different outputs for different pictures, got the same for all"


@grade("keypoints_training")
def test_a_step_follows_the_gradient(observe, rng):
    """train_step returns the loss as a float and moves the parameters by -lr times the gradient."""
    images = rng.random((6, 1, 4, 4), dtype=np.float32)
    keypoints = rng.uniform(-1, 1, (6, 30)).astype(np.float32)
    weight = rng.normal(0, 0.1, (30, 16)).astype(np.float32)
    x = images.reshape(6, 16).astype(np.float64)
    error = x @ weight.T.astype(np.float64) - keypoints
    loss, new_weight = observe(linear_step, images, keypoints, weight, 0.5)
    assert_same(loss, float((error**2).mean()), rtol=1e-4, hint="return the number in the loss: loss.item()")
    want = weight - 0.5 * (2 / error.size) * error.T @ x
    assert_same(new_weight, want.astype(np.float32), rtol=1e-4, atol=1e-6, hint="zero_grad, loss, backward, step")


@grade("keypoints_predict")
def test_predictions_are_in_pixels(observe, rng):
    """predict_keypoints answers pixels in the shape (batch_size, 15, 2)."""
    keypoints = rng.uniform(-1, 1, (3, 30)).astype(np.float32)
    want = (keypoints * 48 + 48).reshape(3, 15, 2)
    assert_same(observe(predicted_pixels, keypoints), want, atol=1e-4, hint="use denormalize_keypoints")


# These bring no points: who has the validation set has its labels too. Their hidden twins score new faces.
@grade("keypoints_score", weight=0, step="beats the mean face")
def test_the_model_beats_the_mean_face(evaluation, model_info):
    """The saved model is within the limits and beats the mean face on the validation set."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats the mean face")


@grade("keypoints_score", weight=0, step="half way")
def test_the_model_is_half_way(evaluation, model_info):
    """On the validation set it is half way to the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("half way")


@grade("keypoints_score", weight=0, step="passes")
def test_the_model_passes(evaluation, model_info):
    """On the validation set it reaches the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
