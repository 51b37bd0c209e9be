"""How exercise 6's reference for photographs becomes a plain classifier: whitening and mirroring end in its weights."""

from typing import Any

import numpy as np
import pytest

from autograder.authoring.recipe import load_recipe
from autograder.sources.exercise import sources
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.exercise import load_exercise

EXERCISE = "ex06_hyperparameters"
HEIGHT, WIDTH, CLASSES = 4, 5, 3


@pytest.mark.parametrize("hidden", [[6], [6, 4], [6, 4, 5]], ids=str)
def test_the_twin_answers_as_the_mean_of_an_image_and_its_mirror_image(hidden: list[int]) -> None:
    src = sources(load_exercise(EXERCISE))
    recipe: Any = load_recipe(src)
    images = np.random.default_rng(0).random((60, HEIGHT, WIDTH, 3)).astype(np.float32)
    X = images.reshape(60, -1)
    with fresh_code(src.exercise, None, src.solution, src.earlier_solutions) as code:
        sizes = [X.shape[1], *hidden, CLASSES]
        hparams = {"sizes": sizes, "activation": "leaky_relu", "dropout": 0.3, "seed": 4}
        model = recipe.Whitened(code.network.Classifier(hparams), X)
        for param in model.params.values():
            param += np.float32(0.1)  # biases that are not 0
        model.eval()
        twin = model.twin(code.network.Classifier, recipe.mirrored(HEIGHT, WIDTH, 3))
        twin.eval()
        want = (model.forward(X) + model.forward(images[:, :, ::-1].reshape(60, -1))) / 2
        np.testing.assert_allclose(twin.forward(X), want, rtol=1e-3, atol=1e-4)
        assert twin.hparams["sizes"] == [X.shape[1], *(2 * size for size in hidden), CLASSES]


def test_whitened_pixels_are_uncorrelated() -> None:
    recipe: Any = load_recipe(sources(load_exercise(EXERCISE)))
    rng = np.random.default_rng(1)
    X = (rng.normal(size=(4000, 6)) @ rng.normal(size=(6, 6)) * 5 + 3).astype(np.float32)

    class Same:
        def __init__(self) -> None:
            self.params: dict[str, Any] = {}

        def forward(self, x: Any) -> Any:
            return x

    covariance = np.cov(recipe.Whitened(Same(), X).forward(X).T)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=0.02)
    assert np.all((np.diag(covariance) > 0.5) & (np.diag(covariance) < 1.01))
