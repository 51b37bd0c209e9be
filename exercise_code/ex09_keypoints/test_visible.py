"""The checks that students see.

A later task calls what an earlier one wrote. So that a slip there costs points there alone, the probes of `train_step`
and `predict_keypoints` put functions of their own in the places of `keypoint_loss` and `denormalize_keypoints`; who
computes these things without calling them is right too.
"""

from contextlib import contextmanager

import numpy as np

from exercise_code.common.testing import (
    Failure,
    OddAnswer,
    as_array,
    assert_calls,
    assert_same,
    call,
    each_call,
    grade,
    resembles,
)

SIZE = 96
# What these tests expect can be read here, so they earn little: their hidden twins, on fresh inputs, earn the points.
SEEN = 0.1
# The two eyes' centres, their inner and outer corners, the brows' ends, and the corners of the mouth.
PAIRS = [(0, 1), (2, 4), (3, 5), (6, 8), (7, 9), (11, 12)]


@contextmanager
def swapped(module, **functions):
    """The module with other functions under these names, until the end of the block."""
    kept = {name: getattr(module, name, None) for name in functions}
    vars(module).update(functions)
    try:
        yield
    finally:
        vars(module).update(kept)


# Scaling


def scale(code, pixels):
    """The scaled coordinates, and the pixels afterwards."""
    import torch

    given = torch.from_numpy(pixels.copy())
    return as_array(code.training.normalize_keypoints(given)), given.numpy()


def scale_back(code, keypoints):
    """The pixels, and the scaled coordinates afterwards."""
    import torch

    given = torch.from_numpy(keypoints.copy())
    return as_array(code.training.denormalize_keypoints(given)), given.numpy()


@grade("keypoints_scaling", weight=SEEN)
def test_pixels_become_coordinates_around_the_middle(observe):
    """normalize_keypoints makes -1, -0.5, 0 and 1 of 0, 24, 48 and 96 pixels."""
    pixels = np.array([[0, 24, 48, 96]], dtype=np.float32)
    hints = {
        "that is a share of the picture's width: measure from its middle, in halves of the width": pixels / 96,
        "the middle is at 48 pixels": (pixels - 47.5) / 47.5,
        "this goes from scaled coordinates to pixels": pixels * 48 + 48,
    }
    with call("normalize_keypoints(tensor([[0., 24., 48., 96.]]))"):
        got, _ = observe(scale, pixels)
        assert_same(got, np.array([[-1, -0.5, 0, 1]], dtype=np.float32), hints=hints)


@grade("keypoints_scaling", weight=SEEN)
def test_coordinates_become_pixels_again(observe):
    """denormalize_keypoints makes 0, 36, 48 and 96 pixels of -1, -0.25, 0 and 1."""
    keypoints = np.array([[-1, -0.25, 0, 1]], dtype=np.float32)
    hints = {"this goes from pixels to scaled coordinates": (keypoints - 48) / 48}
    with call("denormalize_keypoints(tensor([[-1., -0.25, 0., 1.]]))"):
        got, _ = observe(scale_back, keypoints)
        assert_same(
            got, np.array([[0, 36, 48, 96]], dtype=np.float32), hints=hints, hint="solve y = (x - 48) / 48 for x"
        )


@grade("keypoints_scaling", weight=SEEN)
def test_scaling_leaves_what_it_is_given_as_it_is(observe):
    """Both scalings give a new tensor: the one that comes in keeps its values."""
    values = np.array([[0.5, 24, 96]], dtype=np.float32)
    hint = "operations that end in an underscore, -= and /= change the tensor itself"
    with call("normalize_keypoints(pixels), then a look at pixels"):
        assert_same(observe(scale, values)[1], values, hint=hint)
    with call("denormalize_keypoints(keypoints), then a look at keypoints"):
        assert_same(observe(scale_back, values)[1], values, hint=hint)


# The loss


def losses_of(code, calls):
    """The losses of several pairs of predictions and targets."""
    import torch

    def loss(*arrays):
        return as_array(code.training.keypoint_loss(*(torch.from_numpy(array) for array in arrays)))

    return each_call(loss, calls)


def gradient_of_the_loss(code, predictions, targets):
    """The gradient that flows back to the predictions; None where the loss has lost the way back."""
    import torch

    outputs = torch.from_numpy(predictions).requires_grad_()
    loss = code.training.keypoint_loss(outputs, torch.from_numpy(targets))
    as_array(loss)
    if not loss.requires_grad:
        return None
    loss.sum().backward()
    return outputs.grad.numpy()


@grade("keypoints_loss", weight=SEEN)
def test_the_loss_is_a_mean(observe):
    """The loss is the mean of the squared differences over all samples and all coordinates."""
    targets = np.zeros((2, 30), dtype=np.float32)
    half = targets.copy()
    half[0] = 0.5
    calls = {
        "two samples, one 0.5 off in every coordinate, the other one perfect": (half, targets),
        "two samples, both 2.0 off in every coordinate": (targets + 2, targets),
    }
    want = dict(zip(calls, np.array([0.125, 4.0], dtype=np.float32), strict=True))
    hints = {
        "that is the sum: divide by the 2 * 30 numbers that were added": dict(zip(calls, (7.5, 240.0), strict=True)),
        "the mean over samples is right, the one over the 30 coordinates is missing": dict(
            zip(calls, (3.75, 120.0), strict=True)
        ),
        "those are absolute differences: square them": dict(zip(calls, (0.25, 2.0), strict=True)),
        "the root is one step too many": dict(zip(calls, (0.125**0.5, 2.0), strict=True)),
    }
    got = observe(losses_of, calls)
    assert_calls(got, {text: np.array(loss) for text, loss in want.items()}, hints=hints)


@grade("keypoints_loss", weight=SEEN)
def test_gradients_flow_from_the_loss(observe):
    """From the loss gradients flow back to the predictions."""
    predictions = np.linspace(-1, 1, 60, dtype=np.float32).reshape(2, 30)
    targets = np.zeros((2, 30), dtype=np.float32)
    with call("keypoint_loss(predictions, targets).backward()"):
        got = observe(gradient_of_the_loss, predictions, targets)
        if got is None:
            raise Failure(
                "the loss has no way back to the predictions",
                hint="stay with torch's operations: .item(), .detach(), numpy and torch.no_grad() cut the way",
            )
        assert_same(got, 2 * (predictions - targets) / 60, rtol=1e-4, atol=1e-7)


# Flipped faces


def flip(code, images, keypoints):
    """The flipped pictures and keypoints, and the given ones afterwards."""
    import torch

    given = torch.from_numpy(images.copy()), torch.from_numpy(keypoints.copy())
    flipped = code.training.flip_faces(*given)
    if not isinstance(flipped, tuple | list) or len(flipped) != 2:
        raise OddAnswer(f"expected new images and new keypoints, got {type(flipped).__name__}")
    return [as_array(tensor) for tensor in flipped], [tensor.numpy() for tensor in given]


def numbered_faces():
    """Two pictures without symmetry, and keypoints that tell from their value which one they are."""
    images = np.linspace(0, 1, 2 * SIZE * SIZE, dtype=np.float32).reshape(2, 1, SIZE, SIZE)
    keypoints = np.arange(60, dtype=np.float32).reshape(2, 30) / 60 - 0.4
    return images, keypoints


def mirrored(keypoints, negated=0):
    """Keypoints with the columns of left and right swapped, and one of the two coordinates negated."""
    points = keypoints.reshape(len(keypoints), 15, 2).copy()
    for one, other in PAIRS:
        points[:, [one, other]] = points[:, [other, one]]
    points[..., negated] *= -1
    return points.reshape(keypoints.shape)


@grade("keypoints_flip", weight=SEEN)
def test_flipped_pictures_are_mirrored(observe):
    """flip_faces turns each row of pixels round, and only the rows."""
    images, keypoints = numbered_faces()
    hints = {
        "the pictures are still as they came": images,
        "that is upside down: the last axis runs from left to right": np.ascontiguousarray(images[..., ::-1, :]),
        "the order of the pictures has changed": np.ascontiguousarray(images[::-1]),
    }
    with call("flip_faces(images, keypoints)[0]"):
        (got, _), _ = observe(flip, images, keypoints)
        assert_same(got, np.ascontiguousarray(images[..., ::-1]), hints=hints)


@grade("keypoints_flip", weight=SEEN)
def test_flipped_keypoints_change_sides_and_names(observe):
    """flip_faces changes the sign of x, keeps y, and swaps the columns of left and right."""
    images, keypoints = numbered_faces()
    points = keypoints.reshape(2, 15, 2)
    hints = {
        "the names are still the old ones: the person's left eye is the right eye in the mirror": (
            points * np.array([-1, 1], np.float32)
        ).reshape(2, 30),
        "x keeps its sign: the middle of the picture is 0": (
            mirrored(keypoints).reshape(2, 15, 2) * np.array([-1, 1], np.float32)
        ).reshape(2, 30),
        "y has changed its sign; a mirror on the wall swaps left and right": mirrored(keypoints, negated=1),
    }
    with call("flip_faces(images, keypoints)[1]"):
        (_, got), _ = observe(flip, images, keypoints)
        assert_same(got, mirrored(keypoints), hints=hints)


@grade("keypoints_flip", weight=SEEN)
def test_flipping_leaves_the_faces_as_they_are(observe):
    """flip_faces gives new tensors: the pictures and keypoints that come in keep their values."""
    images, keypoints = numbered_faces()
    with call("flip_faces(images, keypoints), then a look at both"):
        _, left = observe(flip, images, keypoints)
        hint = "reshape gives another view of the same numbers: change a clone()"
        assert_same(left, [images, keypoints], hint=hint)


# The model


def outputs_of_sizes(code, images, sizes):
    """The outputs of one new model for the first samples, for each batch size, in eval mode."""
    import torch

    torch.manual_seed(0)
    model = code.model.KeypointModel(dict(code.model.HPARAMS)).eval()
    with torch.no_grad():
        return each_call(
            lambda size: as_array(model(torch.from_numpy(images[:size]))),
            {f"KeypointModel(HPARAMS)(images of shape ({size}, 1, 96, 96))": (size,) for size in sizes},
        )


def briefly_trained(code, images, targets):
    """A model after two steps of training, in eval mode, its batch normalisation settled on these images.

    What a new network answers may hardly depend on the picture: a last layer may start at zero, and the statistics of
    batch normalisation start far from those of any picture.
    """
    import torch
    from torch import nn

    torch.manual_seed(0)
    model = code.model.KeypointModel(dict(code.model.HPARAMS)).train()
    samples = torch.from_numpy(images)
    with torch.no_grad():
        # Lazy layers get their sizes here.
        model(samples)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        loss = (model(samples).reshape(targets.shape) - torch.from_numpy(targets)).square().mean()
        # Where nothing can be trained, another check says so.
        if loss.requires_grad:
            loss.backward()
            optimizer.step()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        model(samples)
    return model.eval()


def outputs_one_by_one(code, images, targets):
    """The outputs of a briefly trained model for all samples at once, once more, and for each sample alone."""
    import torch

    model = briefly_trained(code, images, targets)
    samples = torch.from_numpy(images)
    with torch.no_grad():
        alone = [as_array(model(sample[None])) for sample in samples]
        return as_array(model(samples)), as_array(model(samples)), np.stack([np.ravel(one) for one in alone])


def tensors_in_the_graph(code, images):
    """How many tensors that can be trained the output of a new model is made from, and how many it does not own."""
    import torch

    from exercise_code.common.tracing import watched_leaves

    torch.manual_seed(0)
    model = code.model.KeypointModel(dict(code.model.HPARAMS)).train()
    found = watched_leaves(model(torch.from_numpy(images)))
    owned = {id(parameter) for parameter in model.parameters()}
    return len(found), sum(id(leaf) not in owned for leaf in found)


def dark_and_bright(rng, n):
    """Random pictures that are dark or bright as a whole, so that any network that looks tells them apart."""
    images = rng.random((n, 1, SIZE, SIZE), dtype=np.float32)
    return images * np.linspace(0.1, 1, n, dtype=np.float32).reshape(n, 1, 1, 1)


def expect_rows(got, n):
    """Fail unless it is one row of finite numbers for each of n pictures, whatever its shape is otherwise."""
    if np.shape(got)[:1] != (n,):
        raise Failure(f"expected one output for each of the {n} pictures, got the shape {np.shape(got)}")
    if not np.isfinite(got).all():
        raise Failure("expected finite outputs, got NaN or infinity")
    return np.reshape(got, (n, -1))


@grade("keypoints_model", weight=SEEN)
def test_the_model_takes_batches_of_any_size(observe, rng):
    """For 1, 2 and 5 pictures the model answers float32 of the shapes (1, 30), (2, 30) and (5, 30)."""
    images = rng.random((5, 1, SIZE, SIZE), dtype=np.float32)
    for (text, got), size in zip(observe(outputs_of_sizes, images, [1, 2, 5]).items(), (1, 2, 5), strict=True):
        with call(text):
            shape, wanted = np.shape(got), f"float32 of the shape ({size}, 30)"
            hints = {
                (30,): "the batch axis is lost: squeeze() removes every axis of length 1, flatten(1) keeps the batch",
                (size, 15, 2): "the 15 points are one row of 30 numbers: reshape(len(images), 30)",
                (1, 30): "the number of pictures may be any: take it from images, not from a constant",
            }
            if shape != (size, 30) or got.dtype != np.float32:
                raise Failure(
                    f"expected {wanted}, got {got.dtype} {shape}",
                    hint=hints.get(shape, "") if shape != (size, 30) else "",
                )


@grade("keypoints_model", weight=SEEN)
def test_pictures_do_not_depend_on_their_neighbours(observe, rng):
    """In eval mode a picture has the same output alone and in a batch, and other pictures have other outputs."""
    images, targets = dark_and_bright(rng, 4), rng.uniform(-1, 1, (4, 30)).astype(np.float32)
    together, again, alone = observe(outputs_one_by_one, images, targets)
    compare_outputs(together, again, alone)


def compare_outputs(together, again, alone):
    """Fail unless outputs repeat, do not depend on the batch, and differ from picture to picture."""
    n = len(alone)
    together, again = expect_rows(together, n), expect_rows(again, n)
    if not resembles(again, together):
        raise Failure(
            "in eval mode the same pictures give other numbers each time",
            hint="F.dropout needs training=self.training; nn.Dropout knows by itself",
        )
    hint = "is something computed over the axis of the batch?"
    with call("model(images)[i], beside model(images[i : i + 1])"):
        assert_same(alone, together, rtol=1e-3, atol=1e-5, hint=hint)
    if not np.ptp(together, axis=0).max() > 1e-6:
        raise Failure("expected other outputs for other pictures, got the same for all")


@grade("keypoints_model", weight=SEEN)
def test_all_layers_belong_to_the_model(observe, rng):
    """Every tensor that the output is made from and that can be trained is among model.parameters()."""
    images = rng.random((4, 1, SIZE, SIZE), dtype=np.float32)
    expect_owned(*observe(tensors_in_the_graph, images))


def expect_owned(used, strangers):
    """Fail unless the output is made from tensors that can be trained, all of them the model's own."""
    if not used:
        raise Failure("the output is made from no tensor that can be trained", hint="do the layers come in forward?")
    if strangers:
        raise Failure(
            f"{strangers} of the {used} tensors that the output is made from are not among model.parameters()",
            hint="no optimizer trains them and no file keeps them: a plain Python list hides layers, "
            "nn.Sequential and nn.ModuleList do not",
        )


# A step of training


def watched_steps(code, images, keypoints, weight, lr, count):
    """What some steps do to a linear model: losses, the gradient at each step of the optimizer, weights, modes."""
    import torch
    from torch import nn

    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            self.modes = []

        def forward(self, images):
            self.modes.append(self.training)
            return self.layer(images.flatten(1))

    model = Linear()
    with torch.no_grad():
        model.layer.weight.copy_(torch.from_numpy(weight))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    gradients = []

    def look(*_):
        gradient = model.layer.weight.grad
        gradients.append(None if gradient is None else gradient.clone().numpy())

    optimizer.register_step_pre_hook(look)
    losses, weights = [], []
    with swapped(code.training, keypoint_loss=lambda outputs, targets: torch.cosh(outputs - targets).sum()):
        for _ in range(count):
            losses.append(
                code.training.train_step(model, torch.from_numpy(images), torch.from_numpy(keypoints), optimizer)
            )
            weights.append(model.layer.weight.detach().clone().numpy())
    return {"losses": losses, "gradients": gradients, "weights": weights, "modes": [*model.modes, model.training]}


def squared(error):
    """Loss and its derivative for the mean squared error."""
    return (error**2).mean(), 2 * error / error.size


def summed_cosh(error):
    """Loss and its derivative for what stands in for keypoint_loss in the probe."""
    return np.cosh(error).sum(), np.sinh(error)


def descend(loss, images, keypoints, weight, lr, count, stale=0.0, keep=0.0):
    """Losses and weights of steps in numpy; with `keep` = 1 no gradient is forgotten."""
    x, w, gradient = images.reshape(len(images), -1).astype(np.float64), weight.astype(np.float64), stale
    losses, weights = [], []
    for _ in range(count):
        value, slope = loss(x @ w.T - keypoints)
        gradient = keep * gradient + slope.T @ x
        w = w - lr * gradient
        losses.append(float(value))
        weights.append(w.astype(np.float32))
    return losses, weights


def a_small_problem(rng, n):
    """Pictures, keypoints and the weight of a linear model."""
    images = rng.random((n, 1, 4, 4), dtype=np.float32)
    keypoints = rng.uniform(-1, 1, (n, 30)).astype(np.float32)
    return images, keypoints, rng.normal(0, 0.1, (30, 16)).astype(np.float32)


def expect_steps(got, problem, lr, count):
    """Fail unless the steps are those of gradient descent on one of the two losses."""
    losses, gradients, weights = got["losses"], got["gradients"], got["weights"]
    if len(gradients) != count:
        made = f"{len(gradients)} in {count} calls" if count > 1 else str(len(gradients))
        raise Failure(f"expected one step of the optimizer for each call of train_step, got {made}")
    if any(gradient is None for gradient in gradients):
        raise Failure("the optimizer's step finds no gradients", hint="loss.backward() comes before optimizer.step()")
    candidates = [descend(loss, *problem, lr, count) for loss in (squared, summed_cosh)]
    fitting = [each for each in candidates if resembles(weights[0], each[1][0]) or resembles(losses[0], each[0][0])]
    want_losses, want_weights = (fitting or candidates)[0]
    after = [descend(loss, *problem, lr, count + 1)[0][1:] for loss in (squared, summed_cosh)]
    kept = [descend(loss, *problem, lr, count, keep=1.0)[1] for loss in (squared, summed_cosh)]
    with call("train_step(model, images, keypoints, optimizer)"):
        hint = "that is the loss after the step: keep the one from before"
        assert_same(losses, want_losses, rtol=1e-4, hints={hint: lambda got: any(resembles(got, a) for a in after)})
    hint = "the gradients of the steps before are still in there: PyTorch adds, optimizer.zero_grad() forgets"
    with call("the parameters after each step"):
        hints = {hint: lambda got: any(resembles(got, k) for k in kept)}
        assert_same(weights, want_weights, rtol=1e-4, atol=1e-5, hints=hints)


@grade("keypoints_training", weight=SEEN)
def test_a_step_follows_the_gradient(observe, rng):
    """train_step returns the loss before the step as a float and moves the parameters by -lr times the gradient."""
    problem = a_small_problem(rng, 6)
    expect_steps(observe(watched_steps, *problem, 0.01, 1), problem, 0.01, 1)


@grade("keypoints_training", weight=SEEN)
def test_each_step_forgets_the_gradients_before(observe, rng):
    """Three steps follow three gradients, each of them that of its own step alone."""
    problem = a_small_problem(rng, 6)
    expect_steps(observe(watched_steps, *problem, 0.01, 3), problem, 0.01, 3)


@grade("keypoints_training", weight=SEEN)
def test_a_step_keeps_the_model_in_training_mode(observe, rng):
    """A model that comes in training mode predicts in training mode, and is in it afterwards."""
    problem = a_small_problem(rng, 3)
    *predicting, afterwards = observe(watched_steps, *problem, 0.01, 1)["modes"]
    if not predicting:
        raise Failure("expected predictions of the model, got none", hint="call model(images)")
    if not (all(predicting) and afterwards):
        raise Failure(
            "expected the model in training mode, got eval mode",
            hint="leave out model.eval(): dropout and batch normalisation have to work while it learns",
        )


# Predictions in pixels


def predictions_in_both_modes(code, images, weight):
    """For a model in training and one in eval mode: predictions, the mode it is left in, whether gradients flow."""
    import torch
    from torch import nn

    class DropsHalf(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            self.dropout = nn.Dropout(0.5)

        def forward(self, images):
            return self.dropout(self.layer(images.flatten(1)))

    answers = {}
    with swapped(code.training, denormalize_keypoints=lambda keypoints: 7 * keypoints - 3):
        for mode in ("training", "eval"):
            model = DropsHalf().train(mode == "training")
            with torch.no_grad():
                model.layer.weight.copy_(torch.from_numpy(weight))
            with call(f"predict_keypoints(a model in {mode} mode, {len(images)} images)"):
                got = code.training.predict_keypoints(model, torch.from_numpy(images))
                left = "training" if model.training else "eval"
                answers[mode] = as_array(got), left, bool(got.requires_grad)
    return answers


def expect_predictions(answers, images, weight, part):
    """Fail unless predictions are right in their `part`: "pixels", "mode" or "gradients"."""
    n = len(images)
    scaled = images.reshape(n, -1) @ weight.T
    # In the place of denormalize_keypoints the probe puts another function; both give predictions in pixels.
    candidates = [(scaled * 48 + 48).reshape(n, 15, 2), (scaled * 7 - 3).reshape(n, 15, 2)]
    # By name, so that no answers at all are not right ones.
    for mode in ("training", "eval"):
        got, left, gradients = answers[mode]
        with call(f"predict_keypoints(a model in {mode} mode, images of shape ({n}, 1, 4, 4))"):
            if part == "gradients" and gradients:
                raise Failure("the predictions still carry gradients", hint="compute them inside torch.no_grad()")
            if part == "mode" and left != mode:
                hint = "keep model.training before you change the mode, and put it back afterwards"
                raise Failure(f"expected the model back in {mode} mode, got {left} mode", hint=hint)
            if part == "pixels":
                expect_pixels(got, candidates, scaled)


def expect_pixels(got, candidates, scaled):
    """Fail unless these are the predictions of the model in eval mode, in pixels, by one of the two ways back."""
    n = len(scaled)
    hints = {
        "those are still scaled coordinates: go back to pixels": lambda got: resembles(
            np.reshape(got, -1), np.reshape(scaled, -1)
        ),
        "the batch axis is lost: squeeze() removes every axis of length 1": lambda got: n == 1 and got.ndim < 3,
        "some predictions are dropped, as in training: the model must be in eval mode": lambda got: any(
            got.shape == each.shape and bool(np.isclose(got, each.ravel()[0] * 0 + zero).any())
            for each, zero in zip(candidates, (48, -3), strict=True)
        ),
    }
    fitting = [each for each in candidates if resembles(got, each)]
    want = (fitting or candidates)[0].astype(np.float32)
    assert_same(got, want, rtol=1e-4, atol=1e-3, hints=hints)


@grade("keypoints_predict", weight=SEEN)
def test_predictions_are_in_pixels(observe, rng):
    """predict_keypoints answers pixels in the shape (batch_size, 15, 2), made by the model in eval mode."""
    images, _, weight = a_small_problem(rng, 3)
    for n in (3, 1):
        answers = observe(predictions_in_both_modes, images[:n], weight)
        expect_predictions(answers, images[:n], weight, "pixels")


@grade("keypoints_predict", weight=SEEN)
def test_the_model_is_given_back_in_its_mode(observe, rng):
    """A model that comes in training mode leaves in training mode, and the other way round."""
    images, _, weight = a_small_problem(rng, 3)
    expect_predictions(observe(predictions_in_both_modes, images, weight), images, weight, "mode")


@grade("keypoints_predict", weight=SEEN)
def test_predictions_carry_no_gradients(observe, rng):
    """The predictions are numbers only: no gradients flow back from them."""
    images, _, weight = a_small_problem(rng, 3)
    expect_predictions(observe(predictions_in_both_modes, images, weight), images, weight, "gradients")


# The score


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
