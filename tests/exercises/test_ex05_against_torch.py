"""The reference network of exercise 5 agrees with the same network in torch: outputs, gradients, optimizers' steps.

The comparison is a process of its own: other tests fork, and torch's threads would not survive that.
"""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.authoring.run_notebooks import make_tree

RTOL = 1e-9
SHAPES = ([5, 3], [7, 6, 4], [4, 8, 8, 8, 3])
OPTIMIZERS = {
    "SGDMomentum": ({"learning_rate": 0.1, "momentum": 0.9}, "SGD", {"lr": 0.1, "momentum": 0.9}),
    "Adam": ({"learning_rate": 0.02}, "Adam", {"lr": 0.02}),
    "Adam with other betas": (
        {"learning_rate": 0.02, "beta1": 0.6, "beta2": 0.8, "epsilon": 1e-3},
        "Adam",
        {"lr": 0.02, "betas": (0.6, 0.8), "eps": 1e-3},
    ),
}


@pytest.mark.timeout(300)
def test_the_reference_agrees_with_torch(tmp_path: Path) -> None:
    tree = make_tree(tmp_path, ["ex05_neural_networks"])
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    run = subprocess.run(
        [sys.executable, __file__], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.split()[-1] == str(3 * len(SHAPES) * len(OPTIMIZERS)), "not everything was compared"


def compare() -> None:
    """Nothing; raises where the two differ, and prints how many networks agreed."""
    import torch

    from exercise_code.ex05_neural_networks import optimizers
    from exercise_code.ex05_neural_networks.losses import SoftmaxCrossEntropy
    from exercise_code.ex05_neural_networks.network import Network

    torch.set_default_dtype(torch.float64)
    activations = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}
    count = 0
    for sizes, activation, name in itertools.product(SHAPES, activations, OPTIMIZERS):
        count += 1
        rng = np.random.default_rng(count)
        network, loss = Network(sizes, activation, seed=count), SoftmaxCrossEntropy()
        parts = []
        for layer in network.layers:
            if not layer.params:
                parts.append(activations[activation]())
                continue
            linear = torch.nn.Linear(*layer.params["weight"].shape)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(layer.params["weight"].T))
                linear.bias.copy_(torch.from_numpy(layer.params["bias"]))
            parts.append(linear)
        twin = torch.nn.Sequential(*parts)
        assert sorted(network.params) == sorted(key for key, _ in twin.named_parameters())
        ours, theirs, options = OPTIMIZERS[name]
        optimizer = getattr(optimizers, name.split()[0])(**ours)
        its_optimizer = getattr(torch.optim, theirs)(twin.parameters(), **options)
        for _ in range(3):
            x, labels = rng.normal(size=(9, sizes[0])), rng.integers(0, sizes[-1], 9)
            scores, its_scores = network.forward(x), twin(torch.from_numpy(x))
            its_loss = torch.nn.functional.cross_entropy(its_scores, torch.from_numpy(labels))
            its_optimizer.zero_grad()
            its_loss.backward()
            grads = network.backward(loss.backward(scores, labels))
            _expect_close(scores, its_scores)
            _expect_close(loss.forward(scores, labels), its_loss)
            for key, param in twin.named_parameters():
                _expect_close(grads[key].T, param.grad)
            optimizer.step(network.params, grads)
            its_optimizer.step()
            for key, param in twin.named_parameters():
                _expect_close(network.params[key].T, param)
    print(count)


def _expect_close(ours: object, theirs: object) -> None:
    want = theirs.detach().numpy()  # type: ignore[attr-defined]
    # Relative to the largest entry: one of rounding error may be 0.
    np.testing.assert_allclose(ours, want, rtol=RTOL, atol=RTOL * float(np.abs(want).max()))


if __name__ == "__main__":
    compare()
