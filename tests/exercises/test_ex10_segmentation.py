"""Exercise 10: scenes on their way through a saved model, and where a pretrained encoder comes from."""

import numpy as np
import pytest
import torch
from torchvision.models import mobilenet_v2

from autograder.authoring.recipe import load_recipe
from autograder.sources.exercise import sources
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.exercise import load_exercise
from exercise_code.common.metrics import get_metric
from exercise_code.common.models import save_model
from exercise_code.common.probing.failures import OddAnswer
from exercise_code.ex10_segmentation import encoder
from exercise_code.ex10_segmentation.scoring import draw_samples, evaluation_set, predict, score_tables

SPEC = load_exercise("ex10_segmentation")
SMALL = {"kind": "unet", "stem": [4], "channels": [4, 6]}


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    src = sources(SPEC)
    folder = tmp_path_factory.mktemp("models")
    with fresh_code(SPEC, folder, src.solution, src.earlier_solutions) as solved:
        torch.manual_seed(0)
        model = solved.model.SegmentationModel(SMALL)
        save_model(model, "small", SMALL, "ex10_segmentation", folder)
        yield solved


@pytest.fixture
def filled():
    """The state_dict of a MobileNetV2 that is filled with 0.25."""
    return {name: torch.full_like(tensor, 0.25) for name, tensor in mobilenet_v2(weights=None).state_dict().items()}


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Data folders that are empty, and a download that fails the test."""

    def never():
        raise AssertionError("nothing may be downloaded here")

    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("DATASETS_MIRROR", raising=False)
    monkeypatch.setattr(encoder, "_downloaded", never)
    return tmp_path / "data" / "weights"


def test_a_seed_gives_other_scenes():
    (images, labels), (others, _) = (evaluation_set("embedded", "val", seed) for seed in (1, 2))
    assert images.shape == others.shape == (*labels.shape, 3)
    assert not np.array_equal(images[0], others[0])


def test_predictions_follow_the_order_of_the_scenes(code):
    images, _ = evaluation_set("embedded", "val")
    order = np.random.default_rng(0).permutation(9)
    together = predict(code, "small", images[:9])
    assert together.dtype == np.uint8
    np.testing.assert_array_equal(predict(code, "small", images[order]), together[order])
    np.testing.assert_array_equal(predict(code, "small", images[:1]), together[:1])


def test_logits_of_another_shape_are_the_students_mistake(code, monkeypatch):
    images, _ = evaluation_set("embedded", "val")
    forward = code.model.SegmentationModel.forward
    monkeypatch.setattr(code.model.SegmentationModel, "forward", lambda self, x: forward(self, x)[:, :, :60])
    with pytest.raises(OddAnswer, match="expected logits of shape"):
        predict(code, "small", images[:1])


def test_drawn_samples_show_the_best_first():
    images = np.zeros((3, 240, 240, 3), dtype=np.uint8)
    labels = np.zeros((3, 240, 240), dtype=np.int8)
    labels[:, :, :120] = -1
    predictions = np.zeros((3, 240, 240), dtype=np.uint8)
    predictions[0], predictions[1, :120] = 255, 7
    drawn = draw_samples(images, labels, predictions)
    assert [sample.caption.split(" %")[0] for sample in drawn] == ["100", "50", "0"]
    assert drawn[0].image.shape == (240, 732, 3)
    assert drawn[0].image.dtype == np.uint8


def test_the_table_counts_labelled_pixels_class_by_class():
    labels = np.zeros((1, 10, 10), dtype=np.int8)
    labels[:, :5], labels[:, :, 8:] = 3, -1
    predictions = np.full((1, 10, 10), 3, dtype=np.uint8)
    predictions[:, 0] = 0
    (table,) = score_tables(labels, predictions)
    # Each class has 40 of 80 labelled pixels. 32 of the cow's are found, 72 said to be: 32 / (40 + 72 - 32) is 0.40.
    assert table.rows == (("cow", "50.0 %", "80 %", "0.40"), ("building", "50.0 %", "0 %", "0.00"))
    assert "mIoU 0.20, 40 % of all pixels right" in table.title
    # What no label is costs IoU, too.
    predictions[:, 9] = 22
    (table,) = score_tables(labels, predictions)
    assert ("boat", "0.0 %", "", "0.00") in table.rows and len(table.rows) == 3
    assert f"mIoU {get_metric('mean_iou')(predictions, labels):.2f}," in table.title


def test_a_model_of_either_kind_is_built_without_a_download(code, no_network):
    for hparams in (code.model.HPARAMS, code.model.MOBILENET_HPARAMS, load_recipe(sources(SPEC)).ENCODER):
        model = code.model.SegmentationModel(hparams).eval()
        with torch.no_grad():
            assert model(torch.zeros(1, 3, 97, 61)).shape == (1, 23, 97, 61)
        assert sum(tensor.numel() for tensor in model.state_dict().values()) < 5_000_000
    assert not no_network.exists()


def test_a_frozen_encoder_stays_as_it_is(code):
    torch.manual_seed(0)
    model = code.model.SegmentationModel(code.model.MOBILENET_HPARAMS)
    code.transfer.freeze(model.net.encoder)
    before = {name: tensor.clone() for name, tensor in model.net.encoder.state_dict().items()}
    model.train()
    model(torch.randn(2, 3, 64, 64)).sum().backward()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.net.encoder.state_dict().items())
    assert model.net.head.squeeze[1].training


def test_embedded_data_download_nothing(no_network, capsys):
    features = mobilenet_v2(weights=None).features
    assert encoder.fill_encoder(features) is False
    assert "no pretrained weights" in capsys.readouterr().out
    assert not no_network.exists()


def test_weights_come_from_the_data_folder(no_network, filled, capsys):
    no_network.mkdir(parents=True)
    torch.save(filled, no_network / encoder.NAMES[0])
    features = mobilenet_v2(weights=None).features
    assert encoder.fill_encoder(features) is True
    assert float(features[0][0].weight.detach().mean()) == 0.25
    assert str(no_network) in capsys.readouterr().out


def test_weights_come_from_a_mirror(no_network, filled, tmp_path, monkeypatch):
    (tmp_path / "mirror" / "weights").mkdir(parents=True)
    torch.save(filled, tmp_path / "mirror" / "weights" / encoder.NAMES[1])
    monkeypatch.setenv("DATASETS_MIRROR", str(tmp_path / "mirror"))
    assert encoder.find_weights() == tmp_path / "mirror" / "weights" / encoder.NAMES[1]


def test_a_file_of_another_network_changes_nothing(no_network, capsys):
    no_network.mkdir(parents=True)
    torch.save({"features.0.0.weight": torch.zeros(3)}, no_network / encoder.NAMES[0])
    features = mobilenet_v2(weights=None).features
    before = features[0][0].weight.clone()
    assert encoder.fill_encoder(features) is False
    assert torch.equal(features[0][0].weight, before)
    assert "does not fit" in capsys.readouterr().out
