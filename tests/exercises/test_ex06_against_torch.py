"""The reference of exercise 6 agrees with torch: LeakyReLU, dropout's two modes, and three steps of AdamW.

The comparison is a process of its own: other tests fork, and torch's threads would not survive that.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.authoring.run_notebooks import make_tree

RTOL = 1e-9
OPTIONS = (
    {"learning_rate": 0.02},
    {"learning_rate": 0.1, "weight_decay": 0.5},
    {"learning_rate": 0.05, "weight_decay": 2.0, "beta1": 0.6, "beta2": 0.8, "epsilon": 1e-3},
)
SHAPES = {"0.weight": (4, 3), "0.bias": (3,), "3.weight": (3, 2), "3.bias": (2,)}


@pytest.mark.timeout(300)
def test_the_reference_agrees_with_torch(tmp_path: Path) -> None:
    tree = make_tree(tmp_path, ["ex06_hyperparameters"])
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    run = subprocess.run(
        [sys.executable, __file__], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.split()[-1] == str(3 + 2 + len(OPTIONS)), "not everything was compared"


def compare() -> None:
    """Nothing; raises where the two differ, and prints how many comparisons agreed."""
    import torch

    from exercise_code.ex06_hyperparameters.layers import Dropout, LeakyReLU
    from exercise_code.ex06_hyperparameters.regularisation import AdamW

    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(6)
    count = 0
    for slope in (0.01, 0.3, 0.0):
        count += 1
        x, dout = rng.normal(size=(7, 5)), rng.normal(size=(7, 5))
        layer, its_x = LeakyReLU(slope), torch.from_numpy(x).requires_grad_()
        its_out = torch.nn.functional.leaky_relu(its_x, slope)
        its_out.backward(torch.from_numpy(dout))
        _expect_close(layer.forward(x), its_out)
        _expect_close(layer.backward(dout), its_x.grad)
    for rate in (0.2, 0.7):
        count += 1
        layer, its_layer = Dropout(rate, rng), torch.nn.Dropout(rate)
        ones = np.ones((400, 100))
        for training in (True, False):
            layer.training = training
            its_layer.train(training)
            out, its_out = layer.forward(ones), its_layer(torch.from_numpy(ones)).numpy()
            # The draws differ, what is drawn from does not.
            np.testing.assert_allclose(np.unique(out), np.unique(its_out))
            assert abs((out == 0).mean() - (its_out == 0).mean()) < 0.02
    for options in OPTIONS:
        count += 1
        params = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
        theirs = {name: torch.from_numpy(param.copy()).requires_grad_() for name, param in params.items()}
        decay = options.get("weight_decay", 1e-2)
        optimizer = AdamW(**options)
        its_optimizer = torch.optim.AdamW(
            [
                {"params": [theirs[name] for name in SHAPES if name.endswith("weight")], "weight_decay": decay},
                {"params": [theirs[name] for name in SHAPES if name.endswith("bias")], "weight_decay": 0.0},
            ],
            lr=options["learning_rate"],
            betas=(options.get("beta1", 0.9), options.get("beta2", 0.999)),
            eps=options.get("epsilon", 1e-8),
        )
        for _ in range(3):
            grads = {name: rng.normal(0, 2, shape) for name, shape in SHAPES.items()}
            for name, grad in grads.items():
                theirs[name].grad = torch.from_numpy(grad.copy())
            optimizer.step(params, grads)
            its_optimizer.step()
            for name, param in params.items():
                _expect_close(param, theirs[name])
    print(count)


def _expect_close(ours: object, theirs: object) -> None:
    want = theirs.detach().numpy()  # type: ignore[attr-defined]
    # Relative to the largest entry: one of rounding error may be 0.
    np.testing.assert_allclose(ours, want, rtol=RTOL, atol=RTOL * float(np.abs(want).max()))


if __name__ == "__main__":
    compare()
