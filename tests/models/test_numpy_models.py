"""Saved models of numpy: no torch, the same files and refusals as with torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from exercise_code.common.errors import CourseError
from exercise_code.common.hand_ins.model_file import inspect_model
from exercise_code.common.models import count_parameters, load_model, save_model
from exercise_code.common.models.numpy_library import predict_saved
from exercise_code.common.probing.failures import OddAnswer


class Linear:
    """A layer whose arrays a second dict holds, too, as in a network of layers."""

    def __init__(self, hparams):
        rng = np.random.default_rng(hparams.get("seed", 0))
        weight = rng.standard_normal((hparams["inputs"], 3)).astype(np.float32)
        self.layer = {"weight": weight, "bias": np.zeros(3, np.float32)}
        self.params = {f"0.{name}": values for name, values in self.layer.items()}
        self.training = True

    def eval(self):
        self.training = False

    def forward(self, x):
        assert not self.training or x.shape[0] < 5
        return x @ self.layer["weight"] + self.layer["bias"]


HPARAMS = {"inputs": 4, "sizes": (4, 3)}
X = np.random.default_rng(1).standard_normal((600, 4)).astype(np.float32)


@pytest.fixture
def model():
    made = Linear(HPARAMS | {"seed": 5})
    made.params["0.bias"][:] = 1, 2, 3
    return made


def test_a_model_comes_back_as_it_was(model, tmp_path, capsys):
    path = save_model(model, "net", HPARAMS, folder=tmp_path / "models", data_source="embedded")
    back = load_model("net", Linear, folder=tmp_path / "models")
    assert not back.training
    np.testing.assert_array_equal(back.layer["weight"], model.layer["weight"])
    np.testing.assert_array_equal(predict_saved(Linear, path, X), back.forward(X))
    assert count_parameters(back) == 15
    assert "15 parameters" in capsys.readouterr().out
    assert inspect_model(path).data_source == "embedded"
    assert json.loads(path.with_suffix(".json").read_text()) == {"inputs": 4, "sizes": [4, 3]}


def test_later_steps_of_training_change_nothing_that_was_saved(model, tmp_path):
    path = save_model(model, "net", HPARAMS, folder=tmp_path)
    model.params["0.bias"] += 1
    np.testing.assert_array_equal(load_file(path)["0.bias"], [1, 2, 3])


def test_the_better_one_is_kept(model, tmp_path, capsys):
    inputs, targets = X[:4], model.forward(X[:4]).argmax(axis=1)
    path = save_model(model, "net", HPARAMS, folder=tmp_path)
    before = path.read_bytes()
    worse = Linear(HPARAMS)
    worse.params["0.weight"][...] = 0
    save_model(worse, "net", HPARAMS, folder=tmp_path, keep_best=(inputs, targets), metric="accuracy")
    assert path.read_bytes() == before
    assert "Kept the model saved before: it scores 1" in capsys.readouterr().out
    save_model(worse, "other", HPARAMS, folder=tmp_path)
    with pytest.raises(CourseError, match=r"expected a pair \(inputs, targets\), got int"):
        save_model(worse, "other", HPARAMS, folder=tmp_path, keep_best=3, metric="accuracy")


@pytest.mark.parametrize("other", [{"0.weight": np.zeros((5, 3))}, {"weight": np.zeros((4, 3)), "0.bias": np.zeros(3)}])
def test_weights_that_do_not_fit_are_refused_by_name(model, tmp_path, other):
    path = save_model(model, "net", HPARAMS, folder=tmp_path)
    save_file(other, path)
    with pytest.raises(CourseError, match=r"do not fit the code: .*train and save the model again"):
        load_model("net", Linear, folder=tmp_path)
    with pytest.raises(OddAnswer, match="do not fit the code"):
        predict_saved(Linear, path, X)


def test_hyperparameters_of_another_model_are_refused(model, tmp_path):
    with pytest.raises(CourseError, match=r"not saved, because Linear\(hparams\) builds another model: 0.weight is "):
        save_model(model, "net", {"inputs": 5}, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", [3, object(), type("Empty", (), {"params": {}})(), type("Odd", (), {"params": [1]})()])
def test_what_is_no_model_is_named(tmp_path, what):
    with pytest.raises(CourseError, match=r"expected a torch\.nn\.Module, or a model with params"):
        save_model(what, "net", {}, folder=tmp_path)


def test_no_torch_is_imported(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_numpy_models import *; "
        "save_model(Linear(HPARAMS), 'net', HPARAMS, folder=Path(sys.argv[2])); "
        "load_model('net', Linear, folder=Path(sys.argv[2])); raise SystemExit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)], check=True)
