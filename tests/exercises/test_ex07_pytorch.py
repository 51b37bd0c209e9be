"""Exercise 7: autograd against exercise 5, given code, hints, the recipe's first layer, a network that convolves."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from autograder.authoring.recipe import load_recipe
from autograder.authoring.run_notebooks import make_tree
from autograder.sources.exercise import sources
from exercise_code.common.exercise import load_exercise
from exercise_code.common.probing.failures import Failure, OddAnswer
from exercise_code.ex07_pytorch.augmentation import flip_and_shift
from exercise_code.ex07_pytorch.complaints import complaint
from exercise_code.ex07_pytorch.scoring import predict
from exercise_code.ex07_pytorch.test_visible import expect_best, expect_measured, expect_parts, measured, some_batches

SIZES = [[7, 3], [7, 6, 3], [5, 8, 4, 6]]


@pytest.mark.timeout(300)
def test_autograd_equals_the_gradients_of_exercise_5(tmp_path: Path) -> None:
    tree = make_tree(tmp_path, ["ex05_neural_networks", "ex07_pytorch"])
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    run = subprocess.run(
        [sys.executable, __file__], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.split()[-1] == str(sum(2 * (len(sizes) - 1) for sizes in SIZES)), "not everything was compared"


def compare() -> None:
    """Nothing; raises where a gradient differs, and prints how many agreed."""
    from exercise_code.ex05_neural_networks.losses import SoftmaxCrossEntropy
    from exercise_code.ex05_neural_networks.network import Network
    from exercise_code.ex07_pytorch.network import MLP

    agreed = 0
    for seed, sizes in enumerate(SIZES):
        rng = np.random.default_rng(seed)
        X, labels = rng.normal(size=(9, sizes[0])), rng.integers(0, sizes[-1], 9)
        network, loss = Network(sizes, seed=seed), SoftmaxCrossEntropy()
        scores = network.forward(X)
        value, grads = loss.forward(scores, labels), network.backward(loss.backward(scores, labels))
        model = MLP(sizes).double()
        parameters = list(model.parameters())
        with torch.no_grad():
            for parameter, name in zip(parameters, network.params, strict=True):
                parameter.copy_(torch.from_numpy(network.params[name].T.copy()))
        ours = nn.functional.cross_entropy(model(torch.from_numpy(X)), torch.from_numpy(labels))
        ours.backward()
        np.testing.assert_allclose(ours.item(), value, rtol=1e-9)
        for parameter, name in zip(parameters, network.params, strict=True):
            assert parameter.grad is not None
            np.testing.assert_allclose(parameter.grad.numpy().T, grads[name], rtol=1e-7, atol=1e-12)
            agreed += 1
    print(agreed)


def test_pictures_are_mirrored_and_moved_each_in_its_own_way() -> None:
    images = torch.rand(200, 3, 6, 8)
    changed, labels = flip_and_shift(images, torch.arange(200), torch.Generator().manual_seed(0), most_pixels=2)
    assert changed.shape == images.shape and torch.equal(labels, torch.arange(200))
    padded = nn.functional.pad(images, (2, 2, 2, 2), mode="reflect")
    ways = set()
    for number in range(200):
        for flipped in (False, True):
            source = padded[number].flip(2) if flipped else padded[number]
            found = [
                (flipped, down, right)
                for down in range(5)
                for right in range(5)
                if torch.equal(source[:, down : down + 6, right : right + 8], changed[number])
            ]
            ways.update(found)
    assert len(ways) > 40, "all 50 ways occur among 200 pictures, but for a few"


def test_a_complaint_is_shown_and_the_notebook_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with complaint():
        torch.ones(2, 3) @ torch.ones(2, 3)
    with complaint():
        pass
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("RuntimeError: ") and said[1] == "No complaint at all."
    with pytest.raises(KeyboardInterrupt), complaint():
        raise KeyboardInterrupt


def hint_of(expect: Any, *arguments: Any) -> str:
    """What a student reads of this answer beside what came."""
    with pytest.raises(Failure) as caught:
        expect(*arguments)
    return caught.value.hint


def test_a_validation_with_a_mistake_gets_its_own_hint() -> None:
    rng = np.random.default_rng(3)
    batches, weight = some_batches(rng, (6, 6, 1))
    (loss, accuracy), by_batch = measured(batches, weight)
    assert 0 < accuracy < 1
    added = sum(measured([batch], weight)[0][0] for batch in batches)
    for answer, words in (
        ([added / 13, accuracy], "the loss of a batch is a mean"),
        ([loss, accuracy * 13 / 3], "not by the number of batches"),
        ([loss * 13 / 3, accuracy], "not by the number of batches"),
        ([loss, accuracy * 13], "accuracy is a share"),
        ([loss / 3, accuracy], "given as an argument"),
        (by_batch, "do not count alike"),
        ([loss * 5, accuracy], "evaluation mode"),
    ):
        assert words in hint_of(expect_measured, {"answer": answer}, batches, weight), words


@pytest.mark.parametrize(
    ("value", "loaded", "words"), [(4, 1, "not with >="), (5, 0, "load the state"), (5, 1, "deepcopy")]
)
def test_parameters_of_the_wrong_epoch_get_their_own_hint(value: int, loaded: int, words: str) -> None:
    state = {"weight": np.full(2, value, dtype=np.float32), "steps": np.full(1, value, dtype=np.float32)}
    assert words in hint_of(expect_best, {"state": state, "loaded": loaded}, [0.3, 0.6, 0.2, 0.6, 0.4], 1)


@pytest.mark.parametrize(("names", "words"), [(["bias", "w"], "the names have to be"), (["bias"], "attribute counts")])
def test_a_parameter_that_is_missing_and_one_with_another_name_get_their_own_hint(names: list[str], words: str) -> None:
    assert words in hint_of(expect_parts, [dict.fromkeys(names, np.zeros(1))] * 2, 4, 1)


def test_the_recipe_makes_whitened_components() -> None:
    recipe: Any = load_recipe(sources(load_exercise("ex07_pytorch")))
    torch.manual_seed(0)
    images = (torch.rand(3000, 3, 4, 4) + torch.rand(3000, 1, 1, 1)) / 2
    model = nn.Module()
    model.layers = nn.Sequential(nn.Linear(48, 5))
    recipe.whiten(model, images)
    with torch.no_grad():
        components = model.layers(((torch.cat([images, images.flip(3)]) - 0.5) / 0.25).flatten(1))
    covariance = torch.cov(components.T)
    assert torch.allclose(covariance, torch.diag(torch.diag(covariance)), atol=1e-3)
    assert components.mean(dim=0).abs().max() < 1e-3
    variances = torch.diag(covariance)
    assert torch.all(variances[:-1] >= variances[1:] - 1e-4) and variances.max() < 1
    assert not any(parameter.requires_grad for parameter in model.parameters())


class Net(nn.Module):
    """A fully connected network, or one that convolves with the weights of a matrix."""

    def __init__(self, hparams: dict[str, Any]) -> None:
        super().__init__()
        self.convolves = hparams["convolves"]
        self.kernel = nn.Parameter(torch.ones(3, 27))
        self.layer = nn.Linear(3 * 32 * 32, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.convolves:
            images = nn.functional.conv2d(images, self.kernel.view(3, 3, 3, 3), padding=1)
        return self.layer(images.flatten(1))


@pytest.mark.parametrize("convolves", [False, True])
def test_a_network_that_convolves_gets_no_score(tmp_path: Path, convolves: bool) -> None:
    net = Net({"convolves": convolves})
    save_file(net.state_dict(), tmp_path / "cifar.safetensors")
    (tmp_path / "cifar.json").write_text(f'{{"convolves": {str(convolves).lower()}}}')
    code = SimpleNamespace(model=SimpleNamespace(CifarModel=Net), models=tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    if convolves:
        with pytest.raises(OddAnswer, match=r"got the operator aten\.convolution"):
            predict(code, "cifar", images)
        return
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(255))
    with torch.no_grad():
        want = net(pixels).numpy()
    np.testing.assert_allclose(predict(code, "cifar", images), want, rtol=1e-4, atol=1e-5)


if __name__ == "__main__":
    compare()
