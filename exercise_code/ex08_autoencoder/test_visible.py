"""The checks that students see.

What these tests expect can be read here, so they earn little: their hidden twins, on fresh inputs, earn the points. A
later task calls what an earlier one wrote. So that a slip there costs points there alone, the probes of `Autoencoder`
and `Classifier` put a plain encoder and decoder in the places of the student's, and that of `augment_digits` puts
another function in the place of `affine_matrices`.
"""

import math
import re
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
    items,
    resembles,
)

SEEN = 0.1
SIZE = 28


@contextmanager
def swapped(module, **values):
    """The module with other values under these names, until the end of the block."""
    kept = {name: getattr(module, name, None) for name in values}
    vars(module).update(values)
    try:
        yield
    finally:
        vars(module).update(kept)


# Sizes


def sizes_of(code, name, calls):
    """The sizes that one of the two functions gives."""
    return each_call(lambda size, options: getattr(code.shapes, name)(size, **options), calls)


def expect_sizes(observe, name, sizes, hints=None):
    """Fail unless the function gives these sizes; `sizes` maps a size and options, as a text, to the answer."""
    calls, want = {}, {}
    for text, answer in sizes.items():
        size, *options = text.split(", ")
        label = f"{name}({text})"
        calls[label] = (int(size), {each.split("=")[0]: int(each.split("=")[1]) for each in options})
        want[label] = answer
    named = {hint: {f"{name}({text})": wrong for text, wrong in each.items()} for hint, each in (hints or {}).items()}
    assert_calls(observe(sizes_of, name, calls), want, hints=named)


@grade("shapes_sizes", weight=SEEN)
def test_a_convolution_has_a_size(observe):
    """conv_size gives the width of a convolution's output, an int."""
    sizes = {"8, kernel_size=3": 6, "28, kernel_size=5, padding=2": 28, "5, kernel_size=5, stride=3": 1}
    hints = {
        "the + 1 is missing: a kernel that fits once gives one number": dict(zip(sizes, (5, 27, 0), strict=True)),
        "padding is added on both sides": {"28, kernel_size=5, padding=2": 26},
    }
    expect_sizes(observe, "conv_size", sizes, hints)


@grade("shapes_sizes", weight=SEEN)
def test_a_size_is_rounded_down(observe):
    """Where the kernel does not fit once more, conv_size rounds down, and answers an int."""
    sizes = {
        "28, kernel_size=3, stride=2, padding=1": 14,
        "8, kernel_size=3, stride=3": 2,
        "9, kernel_size=2, stride=4": 2,
    }
    hints = {"round down: // in the place of /": {"28, kernel_size=3, stride=2, padding=1": 14.5}}
    expect_sizes(observe, "conv_size", sizes, hints)


@grade("shapes_sizes", weight=SEEN)
def test_a_transposed_convolution_has_a_size(observe):
    """transposed_size gives the width of a transposed convolution's output, an int."""
    sizes = {"6, kernel_size=3": 8, "7, kernel_size=4, stride=2, padding=1": 14}
    hints = {"that is the size of a plain convolution": dict(zip(sizes, (4, 3), strict=True))}
    expect_sizes(observe, "transposed_size", sizes, hints)


@grade("shapes_sizes", weight=SEEN)
def test_output_padding_adds_pixels(observe):
    """output_padding makes the output of a transposed convolution that many pixels wider."""
    sizes = {
        "14, kernel_size=3, stride=2, padding=1, output_padding=1": 28,
        "5, kernel_size=2, stride=3, output_padding=2": 16,
    }
    expect_sizes(observe, "transposed_size", sizes)


# Encoder and decoder


def hparams_of(code, **changed):
    """The student's hyperparameters, with some changed."""
    return {**code.model.HPARAMS, **changed}


def draw_pictures(rng, n):
    """Random pictures that are dark or bright as a whole, so that any network that looks tells them apart."""
    images = rng.random((n, 1, SIZE, SIZE), dtype=np.float32)
    return images * np.linspace(0.1, 1, n, dtype=np.float32).reshape(n, 1, 1, 1)


def outputs_of_sizes(code, name, inputs, latent_size, sizes):
    """What a new model of the module answers for the first inputs, for each batch size, in eval mode."""
    import torch

    torch.manual_seed(0)
    model = getattr(code.model, name)(hparams_of(code, latent_size=latent_size)).eval()
    shape = ", ".join(map(str, inputs.shape[1:]))
    with torch.no_grad():
        return each_call(
            lambda size: as_array(model(torch.from_numpy(inputs[:size]))),
            {
                f'{name}({{**HPARAMS, "latent_size": {latent_size}}})(a tensor ({size}, {shape}))': (size,)
                for size in sizes
            },
        )


def trained_outputs(code, name, inputs, targets, latent_size):
    """What a model answers, in eval mode, after some steps towards targets: for all inputs, again, and one by one."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    model = getattr(code.model, name)(hparams_of(code, latent_size=latent_size)).train()
    samples, wanted = torch.from_numpy(inputs), torch.from_numpy(targets)
    with torch.no_grad(), call(f'{name}({{**HPARAMS, "latent_size": {latent_size}}})(a tensor {tuple(samples.shape)})'):
        found, expected = as_array(model(samples)).shape, tuple(wanted.shape)
        if math.prod(found) != math.prod(expected):
            raise OddAnswer(f"expected the shape {expected}, got {found}")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(3):
        optimizer.zero_grad()
        loss = (model(samples).reshape(wanted.shape) - wanted).square().mean()
        if loss.requires_grad:
            loss.backward()
            optimizer.step()
    for module in model.modules():
        # What a new network answers may hardly depend on the picture: its statistics start far from those of any.
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        model(samples)
        model.eval()
        alone = [as_array(model(sample[None])) for sample in samples]
        return [as_array(model(samples)), as_array(model(samples)), np.concatenate(alone)]


def tensors_in_the_graph(code, name, inputs, latent_size):
    """Of the tensors that can be trained: how many an answer is made from, how many of these the model does not own,
    and how many it owns for nothing."""
    import torch

    from exercise_code.common.tracing import watched_leaves

    torch.manual_seed(0)
    model = getattr(code.model, name)(hparams_of(code, latent_size=latent_size)).train()
    outputs = model(torch.from_numpy(inputs))
    as_array(outputs)
    found = {id(leaf) for leaf in watched_leaves(outputs)}
    owned = {id(parameter) for parameter in model.parameters()}
    return [len(found), len(found - owned), len(owned - found)]


MISFIT = re.compile(r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)")


@contextmanager
def sizes_explained():
    """With a hint where a linear layer gets another number of inputs than it was made for."""
    try:
        yield
    except Failure as failure:
        if not failure.hint and (found := MISFIT.search(failure.reason)):
            failure.hint = explain_sizes(*map(int, found.groups()))
        raise


def explain_sizes(came, wanted):
    """What the number of inputs that came to a linear layer, and the number that it wants, may stand for."""
    shared = max(1, math.gcd(came, wanted))
    first, second = math.isqrt(came // shared), math.isqrt(wanted // shared)
    if shared * first**2 == came and shared * second**2 == wanted:
        # As many channels in both; of all such products the one of the hourglass, with pictures of 7×7.
        products = [(shared // k**2, k * first, k * second) for k in range(1, SIZE + 1) if shared % k**2 == 0]
        for channels, side, other in sorted(products, key=lambda product: product[2] != SIZE // 4):
            if min(side, other) > 1:
                sides = f"{came} = {channels} · {side} · {side} and {wanted} = {channels} · {other} · {other}"
                return f"{sides}: is padding or a stride missing in a convolution?"
    return f"a linear layer is made for {wanted} numbers and gets {came}: print the shape of what comes to it"


def expect_shapes(got, sizes, shape, hint=""):
    """Fail unless each answer is float32 of this shape behind its batch size, and finite."""
    if type(got) is not dict or len(got) != len(sizes):
        raise Failure("the calls were not all made")
    for (text, answer), size in zip(got.items(), sizes, strict=True):
        with call(text):
            found = np.shape(answer)
            if found != (size, *shape) or answer.dtype != np.float32:
                lost = "the batch axis is lost: squeeze() removes every axis of length 1" if found == shape else hint
                raise Failure(f"expected float32 of the shape {(size, *shape)}, got {answer.dtype} {found}", hint=lost)
            if not np.isfinite(answer).all():
                raise Failure("expected finite numbers, got NaN or infinity")


def expect_independent(got, what):
    """Fail unless answers repeat, do not depend on the batch, and differ from input to input."""
    together, again, alone = items(got, 3)
    if not isinstance(together, np.ndarray) or np.shape(together) != np.shape(alone):
        raise Failure(f"expected {what} of one shape, alone and in a batch")
    with call("the same batch twice, in eval mode"):
        assert_same(again, together, rtol=1e-4, atol=1e-5, hint="dropout must be an nn.Dropout, which eval mode stops")
    with call("each one alone, in eval mode"):
        hint = "is something computed over the axis of the batch? Batch normalisation is fine, batch statistics are not"
        assert_same(alone, together, rtol=1e-3, atol=1e-4, hint=hint)
    if not np.ptp(together, axis=0).max() > 1e-4:
        raise Failure(f"expected other {what} for other inputs, got the same for all")


def expect_owned(got):
    """Fail unless the answer is made from all of the model's own parameters and no others."""
    used, strangers, idle = items(got, 3)
    if not used:
        raise Failure("the answer is made from nothing that can be trained", hint="do the layers come in forward?")
    if strangers:
        hint = "a plain list hides layers: put them into an nn.Sequential or make them attributes"
        raise Failure(f"{strangers} tensors are trained by nobody: the model does not know them", hint=hint)
    if idle:
        raise Failure(f"{idle} parameters of the model take no part in the answer", hint="does forward use each layer?")


@grade("encoder", weight=SEEN)
def test_a_picture_becomes_a_code(observe, rng):
    """For any number of pictures the encoder gives codes of the length that hparams say."""
    for latent_size in (32, 5):
        sizes = [1, 2, 5]
        with sizes_explained():
            got = observe(outputs_of_sizes, "Encoder", draw_pictures(rng, 5), latent_size, sizes)
        expect_shapes(got, sizes, (latent_size,), 'the length of a code is hparams["latent_size"]')


@grade("encoder", weight=SEEN)
def test_codes_do_not_depend_on_their_neighbours(observe, rng):
    """In eval mode a code is the same alone and in a batch; it is made from all of the encoder's parameters."""
    targets = rng.normal(size=(4, 6)).astype(np.float32)
    with sizes_explained():
        expect_independent(observe(trained_outputs, "Encoder", draw_pictures(rng, 4), targets, 6), "codes")
        expect_owned(observe(tensors_in_the_graph, "Encoder", draw_pictures(rng, 3), 8))


def expect_negative(got, shape):
    """Fail unless codes of this shape differ from picture to picture, and some of their numbers are below 0."""
    codes = items(got, 3)[0]
    if np.shape(codes) != shape or not np.isfinite(codes).all() or not np.ptp(codes, axis=0).max() > 0:
        raise Failure(f"expected other codes for other pictures, finite numbers of the shape {shape}")
    with call(f'Encoder({{**HPARAMS, "latent_size": {shape[1]}}})({shape[0]} pictures)'):
        if not codes.min() < 0:
            hint = "nothing stands behind the last linear layer, no ReLU and no sigmoid"
            raise Failure(
                "expected codes of which some numbers are negative, got none below 0",
                got=f"{codes.min():.3g} to {codes.max():.3g}",
                hint=hint,
            )


@grade("encoder", weight=SEEN)
def test_a_code_may_have_negative_numbers(observe, rng):
    """Among the numbers of several encoders' codes are negative ones."""
    for latent_size in (30, 40):
        targets = rng.normal(size=(6, latent_size)).astype(np.float32)
        with sizes_explained():
            got = observe(trained_outputs, "Encoder", draw_pictures(rng, 6), targets, latent_size)
        expect_negative(got, (6, latent_size))


def expect_pixels(got):
    """Fail unless all numbers lie between 0 and 1."""
    for text, answer in got.items():
        with call(text):
            if answer.min() < 0 or answer.max() > 1:
                hint = "a sigmoid behind the last layer makes numbers from 0 to 1"
                raise Failure(f"expected pixels from 0 to 1, got {answer.min():.3g} to {answer.max():.3g}", hint=hint)


@grade("decoder", weight=SEEN)
def test_a_code_becomes_a_picture(observe, rng):
    """For any number of codes, of the length that hparams say, the decoder gives pictures with pixels from 0 to 1."""
    for latent_size in (32, 5):
        codes, sizes = 20 * rng.normal(size=(5, latent_size)).astype(np.float32), [1, 2, 5]
        with sizes_explained():
            got = observe(outputs_of_sizes, "Decoder", codes, latent_size, sizes)
        hint = "one channel, 28 rows, 28 columns: 7 → 14 → 28, if kernel, stride and padding fit"
        expect_shapes(got, sizes, (1, SIZE, SIZE), hint)
        expect_pixels(got)


@grade("decoder", weight=SEEN)
def test_pictures_do_not_depend_on_their_neighbours(observe, rng):
    """In eval mode a picture is the same alone and in a batch; it is made from all of the decoder's parameters."""
    codes = rng.normal(size=(4, 6)).astype(np.float32)
    with sizes_explained():
        expect_independent(observe(trained_outputs, "Decoder", codes, draw_pictures(rng, 4), 6), "pictures")
        expect_owned(observe(tensors_in_the_graph, "Decoder", rng.normal(size=(3, 8)).astype(np.float32), 8))


# The autoencoder


def plain_parts():
    """An encoder and a decoder of one linear layer each, which earlier tasks do not change."""
    import torch
    from torch import nn

    class PlainEncoder(nn.Module):
        def __init__(self, hparams):
            super().__init__()
            self.layer = nn.Linear(SIZE * SIZE, hparams["latent_size"])

        def forward(self, images):
            return self.layer(images.flatten(1))

    class PlainDecoder(nn.Module):
        def __init__(self, hparams):
            super().__init__()
            self.layer = nn.Linear(hparams["latent_size"], SIZE * SIZE)

        def forward(self, codes):
            return torch.sigmoid(self.layer(codes)).reshape(-1, 1, SIZE, SIZE)

    return {"Encoder": PlainEncoder, "Decoder": PlainDecoder}


def reconstructed(code, images, latent_size):
    """What an autoencoder of plain parts answers, what its parts give one by one, and the gradient of the encoder."""
    import torch

    torch.manual_seed(0)
    with swapped(code.model, **plain_parts()):
        model = code.model.Autoencoder(hparams_of(code, latent_size=latent_size)).eval()
        samples = torch.from_numpy(images)
        parts = [type(getattr(model, name, None)).__name__ for name in ("encoder", "decoder")]
        outputs = model(samples)
        answer = as_array(outputs)
        if parts != ["PlainEncoder", "PlainDecoder"]:
            return [parts, answer, None, 0.0]
        if outputs.requires_grad:
            outputs.square().sum().backward()
        found = model.encoder.layer.weight.grad
        with torch.no_grad():
            want = model.decoder(model.encoder(samples)).numpy()
        return [parts, answer, want, 0.0 if found is None else float(found.abs().max())]


def expect_reconstructed(got):
    """Fail unless the answer is that of the decoder on what the encoder gives."""
    parts, answer, want, gradient = items(got, 4)
    if parts != ["PlainEncoder", "PlainDecoder"]:
        hint = "make them with Encoder(hparams) and Decoder(hparams)"
        raise Failure("expected self.encoder, an Encoder, and self.decoder, a Decoder", got=str(parts), hint=hint)
    if not isinstance(want, np.ndarray) or not np.ptp(want) > 1e-3:
        raise Failure("expected pictures that differ")
    with call("Autoencoder(hparams)(images)"):
        assert_same(answer, want, rtol=1e-4, atol=1e-5, hint="encode the pictures, then decode the codes")
        if not gradient > 0:
            hint = "detach() and torch.no_grad() cut the way from the pictures back to the codes"
            raise Failure("no gradient reaches the encoder", hint=hint)


def losses_of(code, calls):
    """The losses of several pairs of outputs and pictures."""
    import torch

    return each_call(
        lambda *arrays: as_array(code.model.reconstruction_loss(*(torch.from_numpy(array) for array in arrays))), calls
    )


def gradient_of_the_loss(code, outputs, images):
    """The gradient that flows back to the outputs; None where the loss has lost the way back."""
    import torch

    given = torch.from_numpy(outputs).requires_grad_()
    loss = code.model.reconstruction_loss(given, torch.from_numpy(images))
    as_array(loss)
    if not loss.requires_grad:
        return None
    loss.sum().backward()
    return given.grad.numpy()


PIXELS = SIZE * SIZE


def expect_losses(got, want, hints):
    """Fail unless these are the losses; each hint has those of a mistake, in the same order."""
    wanted = {text: np.array(loss, dtype=np.float32) for text, loss in want.items()}
    named = {hint: dict(zip(want, losses, strict=True)) for hint, losses in hints.items()}
    assert_calls(got, wanted, rtol=1e-4, hints=named)


@grade("autoencoder", weight=SEEN)
def test_the_loss_is_a_mean_over_pixels(observe):
    """reconstruction_loss of one picture is the mean of the squared differences of its pixels."""
    black = np.zeros((1, 1, SIZE, SIZE), dtype=np.float32)
    calls = {"a picture that is 0.4 off": (black + 0.4, black), "0.5 too dark": (black, black + 0.5)}
    hints = {
        "that is the sum: divide by the number of all pixels": (0.16 * PIXELS, 0.25 * PIXELS),
        "those are absolute differences: square them": (0.4, 0.5),
    }
    expect_losses(observe(losses_of, calls), dict(zip(calls, (0.16, 0.25), strict=True)), hints)


@grade("autoencoder", weight=SEEN)
def test_the_loss_is_a_mean_over_pictures(observe):
    """reconstruction_loss of several pictures is the mean over all pixels of all of them."""
    black = np.zeros((2, 1, SIZE, SIZE), dtype=np.float32)
    half = black.copy()
    half[0] = 0.5
    calls = {"two pictures, one 0.5 off, the other one perfect": (half, black), "both 0.4 off": (black + 0.4, black)}
    hints = {
        "that is the sum: divide by the number of all pixels": (0.25 * PIXELS, 0.32 * PIXELS),
        "the mean over pixels is missing": (0.125 * PIXELS, 0.16 * PIXELS),
        "those are absolute differences: square them": (0.25, 0.4),
    }
    expect_losses(observe(losses_of, calls), dict(zip(calls, (0.125, 0.16), strict=True)), hints)


def expect_gradient(got, outputs, images):
    """Fail unless it is the gradient of the mean squared difference."""
    with call("reconstruction_loss(outputs, images).backward()"):
        if got is None:
            hint = "stay with torch's operations: .item(), .detach(), numpy and torch.no_grad() cut the way"
            raise Failure("the loss has no way back to the outputs", hint=hint)
        assert_same(got, 2 * (outputs - images) / outputs.size, rtol=1e-4, atol=1e-9)


@grade("autoencoder", weight=SEEN)
def test_pictures_are_encoded_and_decoded(observe, rng):
    """Autoencoder answers what its decoder makes of the codes; gradients flow from the loss to the outputs, and on."""
    for n in (3, 1):
        expect_reconstructed(observe(reconstructed, draw_pictures(rng, n), 4))
    outputs, images = draw_pictures(rng, 2), draw_pictures(rng, 2)[::-1].copy()
    expect_gradient(observe(gradient_of_the_loss, outputs, images), outputs, images)


# The classifier


def logits_of_sizes(code, images, latent_size, sizes):
    """The logits of a classifier with a plain encoder, for each batch size, in eval mode."""
    with swapped(code.model, **plain_parts()):
        return outputs_of_sizes(code, "Classifier", images, latent_size, sizes)


def classifier_in_the_graph(code, images, latent_size):
    """`tensors_in_the_graph` of a classifier with a plain encoder."""
    with swapped(code.model, **plain_parts()):
        return tensors_in_the_graph(code, "Classifier", images, latent_size)


def trained_logits(code, images, targets, latent_size):
    """`trained_outputs` of a classifier with a plain encoder."""
    with swapped(code.model, **plain_parts()):
        return trained_outputs(code, "Classifier", images, targets, latent_size)


def encoder_in_two_places(code, images, labels, latent_size):
    """A classifier that was made of an encoder: the encoder's weight at first, that of the classifier's own, and after
    some steps of the classifier the weights of both; whether the two share any parameter."""
    import torch

    torch.manual_seed(0)
    with swapped(code.model, **plain_parts()):
        given = code.model.Encoder(hparams_of(code, latent_size=latent_size))
        before = given.layer.weight.detach().clone()
        model = code.model.Classifier(hparams_of(code, latent_size=latent_size), given)
        if type(getattr(model, "encoder", None)).__name__ != "PlainEncoder":
            raise OddAnswer("expected self.encoder, an Encoder")
        answer = [before.numpy(), model.encoder.layer.weight.detach().numpy().copy()]
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(torch.from_numpy(images)), torch.from_numpy(labels)).backward()
            optimizer.step()
        after = [given.layer.weight.detach().numpy(), model.encoder.layer.weight.detach().numpy()]
        shared = {id(p) for p in given.parameters()} & {id(p) for p in model.parameters()}
        return [*answer, *after, len(shared)]


def expect_copied(got):
    """Fail unless the classifier starts with the encoder's numbers and learns on a copy of its own."""
    before, started, given, learned, shared = items(got, 5)
    with call("Classifier(hparams, encoder)"):
        hint = "the encoder that was given has learned something: load its state_dict() into the new one"
        assert_same(started, before, hint=hint)
    hint = "self.encoder = encoder is the same object under a second name: make a new Encoder and copy the numbers"
    with call("Classifier(hparams, encoder), then some steps of the classifier, and a look at encoder"):
        if shared:
            raise Failure("the classifier and the encoder that was given have parameters in common", hint=hint)
        assert_same(given, before, hint=hint)
    if resembles(learned, before):
        raise Failure("the classifier's encoder does not learn", hint="freezing comes later, in a task of its own")


@grade("classifier", weight=SEEN)
def test_pictures_get_ten_logits(observe, rng):
    """A picture has ten logits, the same ones alone and in a batch, made from all of the classifier's parameters."""
    sizes = [1, 2, 5]
    for latent_size in (32, 5):
        got = observe(logits_of_sizes, draw_pictures(rng, 5), latent_size, sizes)
        expect_shapes(got, sizes, (10,), "a digit has ten logits")
    targets = rng.normal(size=(4, 10)).astype(np.float32)
    # Long codes: of a few numbers a ReLU may leave nothing.
    expect_independent(observe(trained_logits, draw_pictures(rng, 4), targets, 40), "logits")
    expect_owned(observe(classifier_in_the_graph, draw_pictures(rng, 3), 8))


def expect_logits(got, n):
    """Fail unless these are ten logits for each of n pictures, other ones for other pictures, and no probabilities."""
    logits = items(got, 3)[0]
    if np.shape(logits) != (n, 10) or not np.isfinite(logits).all() or not np.ptp(logits, axis=0).max() > 0:
        raise Failure(f"expected other logits for other pictures, finite numbers of the shape {(n, 10)}")
    with call(f"Classifier(hparams)({n} pictures)"):
        if logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=1e-3):
            hint = "leave out the softmax: the loss has it"
            raise Failure("expected logits, got probabilities: the rows sum to 1", hint=hint)


@grade("classifier", weight=SEEN)
def test_logits_are_no_probabilities(observe, rng):
    """The ten logits of a picture are any numbers: no softmax turns them into probabilities."""
    targets = rng.normal(size=(4, 10)).astype(np.float32)
    expect_logits(observe(trained_logits, draw_pictures(rng, 4), targets, 40), 4)


@grade("classifier", weight=SEEN)
def test_a_learned_encoder_is_copied(observe, rng):
    """With an encoder the classifier starts from its numbers, and what it learns does not change the encoder."""
    expect_copied(observe(encoder_in_two_places, draw_pictures(rng, 4), np.array([1, 2, 3, 4]), 40))


# Frozen and slow parts


def small_model():
    """A small model with an encoder, a head, and one parameter more."""
    import torch
    from torch import nn

    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))
            self.encoder = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2, bias=False))
            self.encoder_of_words = nn.Linear(2, 2)
            self.head = nn.Linear(2, 4)

    return Small()


def what_learns(code, frozen):
    """Which parameters of a small model want a gradient after a part of it ("" for all of it) was frozen."""
    model = small_model()
    code.transfer.freeze(getattr(model, frozen) if frozen else model)
    return {name: parameter.requires_grad for name, parameter in model.named_parameters()}


def expect_frozen(got, frozen):
    """Fail unless exactly this part of a small model is frozen."""
    if type(got) is not dict or "head.weight" not in got:
        raise Failure("expected a small model")
    with call(f"freeze(model{'.' if frozen else ''}{frozen})"):
        for name, learns in got.items():
            inside = name.startswith(f"{frozen}.") or not frozen
            if learns is not (not inside):
                hint = "set requires_grad of each of module.parameters() to False" if inside else ""
                raise Failure(f"expected {name} {'frozen' if inside else 'to go on learning'}", hint=hint)


@grade("transfer", weight=SEEN)
def test_a_frozen_part_stops_learning(observe):
    """freeze stops all parameters of a module from learning, and no others."""
    expect_frozen(observe(what_learns, "encoder"), "encoder")
    expect_frozen(observe(what_learns, "head"), "head")


def groups_of(code, lr, encoder_lr, frozen=()):
    """The groups of a small model, some of it frozen: the names of their parameters, and their learning rates."""
    model = small_model()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for title, weight in model.named_parameters():
        weight.requires_grad = title not in frozen
    groups = code.transfer.parameter_groups(model, lr, encoder_lr)
    if not isinstance(groups, list | tuple) or not all(isinstance(group, dict) for group in groups):
        raise OddAnswer(f"expected a list of dicts, got {type(groups).__name__}")
    found = []
    for group in groups:
        members = list(group.get("params", ()))
        found.append({"params": sorted(names.get(id(each), "?") for each in members), "lr": group.get("lr")})
    return found


ENCODER = ["encoder.0.bias", "encoder.0.weight", "encoder.1.bias", "encoder.1.weight", "encoder.2.weight"]
OTHERS = ["encoder_of_words.bias", "encoder_of_words.weight", "head.bias", "head.weight", "scale"]


def wanted_groups(lr, encoder_lr, frozen=()):
    """The two groups of the small model."""
    groups = [{"params": ENCODER, "lr": encoder_lr}, {"params": OTHERS, "lr": lr}]
    left = [{**group, "params": [name for name in group["params"] if name not in frozen]} for group in groups]
    return [group for group in left if group["params"]]


def expect_groups(got, lr, encoder_lr, frozen=()):
    """Fail unless these are the groups."""
    want = wanted_groups(lr, encoder_lr, frozen)
    hints = {
        "the first group is the encoder's": want[::-1],
        "the learning rates are in the wrong groups": wanted_groups(encoder_lr, lr, frozen),
        "frozen parameters belong to no group": wanted_groups(lr, encoder_lr),
        '`encoder_of_words` is not in the encoder: compare with "encoder."': lambda got: (
            got[0]["lr"] == encoder_lr and any(name.startswith("encoder_of_words") for name in got[0]["params"])
        ),
        "all that is not in the encoder belongs to the second group, not the head alone": lambda got: (
            "scale" not in got[-1]["params"]
        ),
    }
    with call(f"parameter_groups(model, lr={lr}, encoder_lr={encoder_lr})"):
        assert_same(got, want, hints=hints)


@grade("transfer", weight=SEEN)
def test_parameters_come_in_two_groups(observe):
    """parameter_groups gives the encoder's parameters and all others; it leaves out frozen ones and empty groups."""
    for frozen in ([], ["encoder.0.weight", "head.bias"], ENCODER):
        expect_groups(observe(groups_of, 0.01, 0.001, frozen), 0.01, 0.001, frozen)


# Labels that are not there


def value_of(code, function, *arguments):
    """The loss alone."""
    import torch

    given = [torch.from_numpy(each) if isinstance(each, np.ndarray) else each for each in arguments]
    return as_array(getattr(code.labels, function)(*given))


def with_gradient(code, function, logits, *others):
    """The loss of some logits, and its gradient with respect to them; None where there is no way back."""
    import torch

    given = [torch.from_numpy(each).requires_grad_() for each in logits]
    rest = [torch.from_numpy(each) if isinstance(each, np.ndarray) else each for each in others]
    loss = getattr(code.labels, function)(*given, *rest)
    answer = as_array(loss)
    if not loss.requires_grad:
        return [answer, None]
    loss.sum().backward()
    return [
        answer,
        *(np.zeros_like(g) if (t := each.grad) is None else t.numpy() for each, g in zip(given, logits, strict=True)),
    ]


def log_probabilities(logits):
    """The logarithm of softmax, in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def cross_entropies(logits, labels):
    """The cross-entropy of each row, where a label is known; 0 elsewhere."""
    rows = -log_probabilities(logits)[np.arange(len(labels)), np.maximum(labels, 0)]
    return np.where(labels >= 0, rows, 0.0)


# What an answer that is not a number comes from, in both losses.
NOTHING = "a mean of nothing is not a number: what if no picture counts?"


def labelled_hints(logits, labels):
    """What known mistakes answer."""
    losses, known = cross_entropies(logits, labels), max(1, int((labels >= 0).sum()))
    wrong = {
        "that is divided by all pictures: those without a label do not count": losses.sum() / len(labels),
        "that is the sum: divide by the number of pictures that have a label": losses.sum(),
        "-1 is no label, and not the last digit": cross_entropies(logits, labels % 10).mean(),
        "label 0 is a label": losses[labels > 0].sum() / max(1, int((labels > 0).sum())),
        NOTHING: np.nan,
    }
    want = losses.sum() / known
    return {text: (lambda got, value=value: resembles(got, value)) for text, value in wrong.items() if value != want}


def expect_labelled(got, logits, labels):
    """Fail unless it is the mean loss of the labelled rows, and its gradient."""
    losses, known = cross_entropies(logits, labels), max(1, int((labels >= 0).sum()))
    with call(f"labelled_loss(logits, tensor({labels.tolist()}))"):
        if type(got) is not list or len(got) != 2:
            raise Failure("expected a loss")
        assert_same(
            got[0],
            np.array(losses.sum() / known, np.float32),
            rtol=1e-4,
            atol=1e-6,
            hints=labelled_hints(logits, labels),
        )
        if got[1] is None:
            raise Failure(
                "the loss has no way back to the logits", hint="backward() must work, with and without labels"
            )
        slope = np.exp(log_probabilities(logits)) - np.eye(logits.shape[1])[np.maximum(labels, 0)]
        want = np.where((labels >= 0)[:, None], slope / known, 0.0).astype(np.float32)
        hints = {NOTHING: lambda got: np.isnan(got).any()}
        hint = "no gradient may reach pictures without a label"
        assert_same(got[1], want, rtol=1e-3, atol=1e-6, hint=hint, hints=hints)


def expect_labelled_value(got, logits, labels):
    """Fail unless it is the mean loss of the labelled rows."""
    losses, known = cross_entropies(logits, labels), max(1, int((labels >= 0).sum()))
    with call(f"labelled_loss(logits, tensor({labels.tolist()}))"):
        hints = labelled_hints(logits, labels)
        assert_same(got, np.array(losses.sum() / known, np.float32), rtol=1e-4, atol=1e-6, hints=hints)


@grade("labels_loss", weight=SEEN)
def test_only_labelled_pictures_count(observe, rng):
    """labelled_loss is the mean cross-entropy of the pictures that have a label; 0 is a label."""
    logits = rng.normal(size=(5, 10)).astype(np.float32)
    labels = np.array([3, -1, 0, -1, 9])
    expect_labelled_value(observe(value_of, "labelled_loss", logits, labels), logits, labels)


@grade("labels_loss", weight=SEEN)
def test_all_pictures_may_have_labels(observe, rng):
    """If all have a label, labelled_loss is the mean cross-entropy."""
    logits = rng.normal(size=(5, 10)).astype(np.float32)
    labels = np.array([1, 2, 0, 4, 5])
    expect_labelled_value(observe(value_of, "labelled_loss", logits, labels), logits, labels)


@grade("labels_loss", weight=SEEN)
def test_a_batch_may_have_no_label(observe, rng):
    """If no picture of a batch has a label, the loss is 0; one label is enough, too."""
    logits = rng.normal(size=(3, 10)).astype(np.float32)
    for labels in (np.array([-1, 7, -1]), np.array([-1, -1, -1])):
        expect_labelled_value(observe(value_of, "labelled_loss", logits, labels), logits, labels)


@grade("labels_loss", weight=SEEN)
def test_gradients_reach_labelled_pictures_only(observe, rng):
    """From the loss gradients flow to the labelled pictures; backward works even if there are none."""
    logits = rng.normal(size=(3, 10)).astype(np.float32)
    for labels in (np.array([-1, 7, 2]), np.array([-1, -1, -1])):
        expect_labelled(observe(with_gradient, "labelled_loss", [logits], labels), logits, labels)


def chosen(code, logits, threshold):
    """Indices and labels."""
    import torch

    answer = code.labels.pseudo_labels(torch.from_numpy(logits), threshold)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise OddAnswer(f"expected indices and labels, got {type(answer).__name__}")
    return [as_array(part) for part in answer]


def expect_chosen(got, logits, threshold):
    """Fail unless these are the pictures that the model is sure of."""
    confidence, labels = np.exp(log_probabilities(logits)).max(axis=1), logits.argmax(axis=1)
    places = np.flatnonzero(confidence >= threshold - 1e-7)
    with call(f"pseudo_labels(logits of shape {logits.shape}, threshold={threshold})"):
        indices, found = items(got, 2, "indices and labels")
        hints = {
            "that is a mask: say where it is True": lambda got: got.dtype == bool,
            "one axis too many: nonzero() has a row for each": lambda got: got.ndim > 1,
            "those are the pictures that the model is not sure of": np.flatnonzero(confidence < threshold),
            "the threshold is for probabilities, not for logits": np.flatnonzero(logits.max(axis=1) >= threshold),
        }
        assert_same(indices, places, hints=hints)
        assert_same(found, labels[places], hints={"only the labels of the chosen pictures": labels})


def sure_and_unsure(rng, n):
    """Logits of which about half are sure; all are far from any threshold that is used here."""
    logits = rng.normal(size=(n, 10)).astype(np.float32) * 0.3
    sure = rng.permutation(n) % 2 == 0
    logits[np.arange(n), rng.integers(0, 10, n)] += np.where(sure, 8.0, 1.0).astype(np.float32)
    return logits


@grade("labels_pseudo", weight=SEEN)
def test_sure_pictures_get_labels(observe):
    """pseudo_labels gives the indices of the pictures that the model is sure of, and their most likely digits."""
    logits = np.zeros((6, 10), np.float32)
    # Two sure ones of the same digit; a softmax over the batch would make them unsure.
    logits[[0, 1, 2, 3, 5], [3, 3, 5, 9, 1]] = [8, 8.5, 1, 7, 9]
    expect_chosen(observe(chosen, logits, 0.9), logits, 0.9)


@grade("labels_pseudo", weight=SEEN)
def test_there_may_be_no_sure_picture(observe, rng):
    """With a high threshold none is chosen."""
    logits = sure_and_unsure(rng, 4)
    expect_chosen(observe(chosen, logits, 0.99999), logits, 0.99999)


@grade("labels_pseudo", weight=SEEN)
def test_all_pictures_may_be_chosen(observe, rng):
    """With the threshold 0 all are chosen."""
    logits = sure_and_unsure(rng, 4)
    expect_chosen(observe(chosen, logits, 0.0), logits, 0.0)


def consistency(weak, strong, threshold):
    """The loss and its gradient with respect to `strong`."""
    probabilities, labels = np.exp(log_probabilities(weak)), weak.argmax(axis=1)
    sure = probabilities.max(axis=1) >= threshold
    losses = cross_entropies(strong, labels)
    slope = np.exp(log_probabilities(strong)) - np.eye(strong.shape[1])[labels]
    return losses, sure, np.where(sure[:, None], slope / len(weak), 0.0).astype(np.float32)


def consistency_hints(weak, strong, threshold):
    """What known mistakes answer."""
    losses, sure, _ = consistency(weak, strong, threshold)
    swapped_losses, swapped_sure, _ = consistency(strong, weak, threshold)
    soft = -(np.exp(log_probabilities(weak)) * log_probabilities(strong)).sum(axis=1)
    wrong = {
        "the mean is over all pictures, also over those that count 0": losses[sure].mean() if sure.any() else np.inf,
        "that is the sum: take the mean": (losses * sure).sum(),
        "pictures that the model is not sure of count 0": losses.mean(),
        "the labels come from the weak logits, the losses are those of the strong ones": (
            swapped_losses * swapped_sure
        ).mean(),
        "the label is the most likely digit, not the probabilities": (soft * sure).mean(),
        NOTHING: np.nan,
    }
    want = (losses * sure).mean()
    return {text: (lambda got, value=value: resembles(got, value)) for text, value in wrong.items() if value != want}


def expect_consistency(got, weak, strong, threshold):
    """Fail unless it is the loss, with a gradient for the strong logits alone."""
    losses, sure, slope = consistency(weak, strong, threshold)
    with call(f"consistency_loss(weak, strong, threshold={threshold}), both of shape {weak.shape}"):
        if type(got) is not list or len(got) not in (2, 3):
            raise Failure("expected a loss")
        hints = consistency_hints(weak, strong, threshold)
        assert_same(got[0], np.array((losses * sure).mean(), np.float32), rtol=1e-4, atol=1e-6, hints=hints)
        if len(got) == 2:
            raise Failure("the loss has no way back to the strong logits", hint="detach the weak ones only")
        assert_same(got[1], np.zeros_like(weak), atol=1e-7, hint="the weak logits are the teacher: detach() them")
        assert_same(got[2], slope, rtol=1e-3, atol=1e-6)


def expect_consistency_value(got, weak, strong, threshold):
    """Fail unless it is the mean over all pictures, of which unsure ones count 0."""
    losses, sure, _ = consistency(weak, strong, threshold)
    with call(f"consistency_loss(weak, strong, threshold={threshold}), both of shape {weak.shape}"):
        hints = consistency_hints(weak, strong, threshold)
        assert_same(got, np.array((losses * sure).mean(), np.float32), rtol=1e-4, atol=1e-6, hints=hints)


@grade("labels_consistency", weight=SEEN)
def test_a_changed_picture_is_told_what_it_is(observe, rng):
    """consistency_loss is the cross-entropy of the strong logits where the weak ones are sure, in the mean over all."""
    weak, strong = sure_and_unsure(rng, 6), sure_and_unsure(rng, 6)
    expect_consistency_value(observe(value_of, "consistency_loss", weak, strong, 0.9), weak, strong, 0.9)


@grade("labels_consistency", weight=SEEN)
def test_all_pictures_may_count(observe, rng):
    """With the threshold 0 all pictures count."""
    weak, strong = sure_and_unsure(rng, 4), sure_and_unsure(rng, 4)
    expect_consistency_value(observe(value_of, "consistency_loss", weak, strong, 0.0), weak, strong, 0.0)


@grade("labels_consistency", weight=SEEN)
def test_no_picture_may_count(observe, rng):
    """If the model is sure of none, the loss is 0."""
    weak, strong = sure_and_unsure(rng, 4), sure_and_unsure(rng, 4)
    expect_consistency_value(observe(value_of, "consistency_loss", weak, strong, 0.99999), weak, strong, 0.99999)


@grade("labels_consistency", weight=SEEN)
def test_the_teacher_does_not_learn(observe, rng):
    """Gradients flow to the strong logits that count, and none reaches the weak ones."""
    weak, strong = sure_and_unsure(rng, 4), sure_and_unsure(rng, 4)
    expect_consistency(observe(with_gradient, "consistency_loss", [weak, strong], 0.9), weak, strong, 0.9)


# Changed digits


def matrices_of(code, *draws):
    """The matrices of some draws."""
    import torch

    return as_array(code.augmentation.affine_matrices(*(torch.from_numpy(each) for each in draws)))


def some_draws(angles=(), scales=(), shears=(), shifts=()):
    """Draws for as many pictures as the longest of them has; the others change nothing."""
    n = max(map(len, (angles, scales, shears, shifts)))
    filled = [angles or [0.0] * n, scales or [1.0] * n, shears or [0.0] * n, shifts or [[0.0, 0.0]] * n]
    return [np.array(each, dtype=np.float32) for each in filled]


def expect_matrix(observe, text, want, hints, **draws):
    """Fail unless it is the matrix of these draws."""
    with call(f"affine_matrices with {text}"):
        got = observe(matrices_of, *some_draws(**draws))
        assert_same(got, np.array([want], dtype=np.float32), rtol=1e-4, atol=1e-6, hints=hints)


@grade("augment_matrices", weight=SEEN)
def test_a_digit_is_moved(observe):
    """With a shift alone, pixels come from where the digit was before."""
    hints = {"a pixel comes from where the digit was before: -A d": np.array([[[1, 0, 0.5], [0, 1, -0.25]]])}
    expect_matrix(observe, "shifts=[[0.5, -0.25]]", [[1, 0, -0.5], [0, 1, 0.25]], hints, shifts=[[0.5, -0.25]])


@grade("augment_matrices", weight=SEEN)
def test_a_digit_is_resized(observe):
    """With a scale alone, a larger digit comes from a smaller place."""
    hints = {"a larger digit comes from a smaller place: divide by the scale": np.array([[[2, 0, 0], [0, 2, 0]]])}
    expect_matrix(observe, "scales=[2]", [[0.5, 0, 0], [0, 0.5, 0]], hints, scales=[2.0])


@grade("augment_matrices", weight=SEEN)
def test_a_digit_is_slanted_or_turned(observe):
    """With a shear or an angle alone, the matrix is that of the formula."""
    expect_matrix(observe, "shears=[0.3]", [[1, 0.3, 0], [0, 1, 0]], {}, shears=[0.3])
    hints = {
        "that turns the other way round": np.array([[[0, 1, 0], [-1, 0, 0]]]),
        "the angle is in radians already": lambda got: abs(got[0, 0, 1]) < 0.1,
    }
    expect_matrix(observe, "angles=[π / 2]", [[0, -1, 0], [1, 0, 0]], hints, angles=[np.pi / 2])


@grade("augment_matrices", weight=SEEN)
def test_all_changes_together(observe):
    """With all four at once, for two pictures, each matrix is (A | -A d)."""
    draws = some_draws(angles=[0.0, np.pi / 2], scales=[2.0, 0.5], shears=[0.5, 1.0], shifts=[[1.0, 0.0], [0.5, 1.0]])
    want = np.array([[[0.5, 0.25, -0.5], [0, 0.5, 0]], [[0, -2, 2], [2, 2, -3]]], dtype=np.float32)
    hints = {
        "the last column is -A d, not -d": lambda got: resembles(got[..., :2], want[..., :2]),
        "first the shear, then the rotation: R @ S": lambda got: resembles(got[1, :, :2], [[-2, -2], [2, 0]]),
    }
    with call("affine_matrices(angles=[0, π / 2], scales=[2, 0.5], shears=[0.5, 1], shifts=[[1, 0], [0.5, 1]])"):
        assert_same(observe(matrices_of, *draws), want, rtol=1e-4, atol=1e-5, hints=hints)


LIMITS = {"max_degrees": 40.0, "max_scale": 0.3, "max_shear": 0.25, "max_shift": 0.5}


def augmented(code, images, seed, again, limits):
    """What `augment_digits` makes of pictures with three seeds, its draws, and the pictures afterwards.

    In the place of `affine_matrices` stands a function that notes its draws and moves the digits only.
    """
    import torch

    noted = []

    def moves_only(angles, scales, shears, shifts):
        noted.append([as_array(each) for each in (angles, scales, shears, shifts)])
        matrices = torch.eye(2, 3).repeat(len(angles), 1, 1)
        matrices[:, :, 2] = -torch.as_tensor(shifts).reshape(-1, 2)
        return matrices

    given = torch.from_numpy(images.copy())
    with swapped(code.augmentation, affine_matrices=moves_only):
        found = []
        for number in (seed, seed, again):
            generator = torch.Generator().manual_seed(number)
            # The same for whoever draws without the generator, which has to show.
            torch.manual_seed(len(found))
            found.append(as_array(code.augmentation.augment_digits(given, generator, **limits)))
    return [found, noted, given.numpy()]


def moved(images, shifts):
    """Pictures moved by so many halves of their width, with black outside, between pixels linearly."""
    answer = np.zeros(images.shape, np.float64)
    height, width = images.shape[2:]
    for image, shift, out in zip(images[:, 0], shifts.astype(np.float64), answer[:, 0], strict=True):
        rows, columns = np.arange(height) - shift[1] * height / 2, np.arange(width) - shift[0] * width / 2
        for places, size, axis in ((rows, height, 0), (columns, width, 1)):
            low = np.floor(places).astype(int)
            share = (places - low)[:, None]
            padded = np.pad(np.moveaxis(image, axis, 0), ((1, 1), (0, 0)))
            take = [padded[np.clip(low + step + 1, 0, size + 1)] for step in (0, 1)]
            image = np.moveaxis((1 - share) * take[0] + share * take[1], 0, axis)
        out[:] = image
    return answer.astype(np.float32)


def draws_hint(name, values, middle, limit, max_degrees):
    """What the draws of one kind look like, where they do not fill their limits or lie beyond them."""
    low, high = values.min(), values.max()
    if len(values) > 1 and high - low < 1e-6:
        single = re.sub(r"s\b", "", name, count=1)
        return f"all pictures have the same {single}: draw one for each picture"
    if name == "angles" and 0.3 * max_degrees < max(-low, high) <= 1.001 * max_degrees:
        return "those look like degrees, and affine_matrices wants radians: degrees * π / 180"
    if name == "scales" and max(-low, high) <= 1.001 * limit:
        return "a scale lies around 1"
    if low >= middle:
        return "only scales above 1: draw from -1 to 1" if middle else f"only positive {name}: draw from -1 to 1"
    return "draw from -1 to 1, and multiply by the limit"


def expect_draws(noted, n, limits):
    """Fail unless each picture has draws of its own that fill their limits."""
    if type(noted) is not list or len(noted) != 3:
        hint = "make the matrices with affine_matrices(angles, scales, shears, shifts)"
        raise Failure(
            "expected one call of affine_matrices for a batch", got=f"{len(noted)} in three batches", hint=hint
        )
    angles, scales, shears, shifts = noted[0]
    radians = np.deg2rad(limits["max_degrees"])
    wanted = [
        ("angles", angles, 0.0, radians),
        ("scales", scales, 1.0, limits["max_scale"]),
        ("shears", shears, 0.0, limits["max_shear"]),
        ("shifts to the right", np.reshape(shifts, (n, -1))[:, 0], 0.0, limits["max_shift"]),
        ("shifts downwards", np.reshape(shifts, (n, -1))[:, -1], 0.0, limits["max_shift"]),
    ]
    for name, values, middle, limit in wanted:
        if np.shape(values) != (n,):
            raise Failure(f"expected {name} of the shape ({n},), one for each picture, got {np.shape(values)}")
        if not np.isfinite(values).all():
            raise Failure(f"expected {name} that are finite numbers")
        apart = values - middle
        beyond = np.abs(apart).max() > limit * 1.001 + 1e-6
        if beyond or (limit and (apart.min() > -0.6 * limit or apart.max() < 0.6 * limit)):
            raise Failure(
                f"expected {name} between {middle - limit:.3g} and {middle + limit:.3g}",
                got=f"{values.min():.3g} to {values.max():.3g}",
                hint=draws_hint(name, values, middle, limit, limits["max_degrees"]),
            )
    columns = np.stack([(values - middle) / limit for _, values, middle, limit in wanted if limit], axis=1)
    if n > 20 and np.abs(np.corrcoef(columns.T) - np.eye(columns.shape[1])).max() > 0.8:
        raise Failure("two of the draws are the same numbers", hint="each of the five is a draw of its own")


def expect_moved(got, images):
    """Fail unless the pictures are moved by the draws, are repeatable, and those that came in are as before."""
    (first, repeated, other), noted, left = items(got, 3)
    shifts = noted[0][3]
    hints = {
        "the pictures are still as they came": images,
        "outside the picture everything is black: leave padding_mode as it is": lambda got: bool(
            (got - moved(images, shifts)).max() > 0.2
        ),
    }
    assert_same(first, moved(images, shifts), rtol=1e-3, atol=2e-3, hints=hints)
    assert_same(repeated, first, hint="draw with generator=generator, so that the same seed gives the same pictures")
    if np.abs(other - first).max() < 0.05:
        raise Failure("another seed gives the same pictures", hint="draw with the generator that is given")
    assert_same(left, images, hint="new pictures: those that come in stay as they are")


def draw_blobs(rng, n, height=SIZE, width=SIZE):
    """Random smooth pictures without symmetry."""
    images = rng.random((n, 1, height // 4, width // 4), dtype=np.float32)
    return np.ascontiguousarray(images.repeat(4, axis=2).repeat(4, axis=3))


@grade("augment_digits", weight=SEEN)
def test_each_digit_has_its_own_draws(observe, rng):
    """Each picture has its own five draws within the limits, from the generator, and comes from where they say."""
    with call(f"augment_digits(64 images, generator, {', '.join(f'{k}={v:g}' for k, v in LIMITS.items())})"):
        _, noted, _ = items(observe(augmented, draw_blobs(rng, 64), 1, 2, LIMITS), 3)
        expect_draws(noted, 64, LIMITS)
    images = draw_blobs(rng, 5)
    with call("augment_digits(5 images, generator, max_shift=0.5)"):
        expect_moved(observe(augmented, images, 3, 4, LIMITS), images)


# The score


# These bring no points: who has the validation set has its labels too. Their hidden twins score new digits.
@grade("digits_score", weight=0, step="beats training from scratch")
def test_the_model_beats_training_from_scratch(evaluation, model_info):
    """The saved model is within the limits and beats a network trained from scratch, on the validation set."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats training from scratch")


@grade("digits_score", weight=0, step="half way")
def test_the_model_is_half_way(evaluation, model_info):
    """On the validation set it is half way to the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("half way")


@grade("digits_score", weight=0, step="passes")
def test_the_model_passes(evaluation, model_info):
    """On the validation set it reaches the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
