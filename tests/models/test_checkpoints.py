"""Checkpoints in the published layout: what loads, and how what does not is refused."""

import json
import pickle

import pytest
import torch

from models import DGMG, SVGE, AccuracyModel, ModelError, Sizes, load_model, load_vae
from models.checkpoints import (
    checkpoint_path,
    infer_sizes,
    latest_epoch,
    load_weights,
    model_name,
    read_state_dict,
)

SIZES = Sizes(num_types=5, max_nodes=7, node_width=12, graph_width=8, rounds=3)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    model = SVGE(SIZES)
    torch.save(model.state_dict(), checkpoint_path(tmp_path, 7))
    (tmp_path / "config.json").write_text(json.dumps({"sizes": {"max_nodes": 7}}))
    return tmp_path


@pytest.mark.parametrize("cls", [SVGE, DGMG])
@pytest.mark.parametrize("with_head", [False, True])
def test_state_dict_tells_model_and_sizes(cls, with_head):
    model = cls(SIZES)
    module = AccuracyModel(model) if with_head else model
    state = module.state_dict()
    assert model_name(state) == cls.name + ("_acc" if with_head else "")
    assert infer_sizes(state, 7) == SIZES


def test_round_trip_through_a_folder(folder):
    model = load_model(folder)
    saved = read_state_dict(checkpoint_path(folder, 7))
    assert model.sizes == SIZES
    assert all(torch.equal(value, saved[key]) for key, value in model.state_dict().items())
    assert not model.training


def test_half_precision_weights_load_as_float32(folder):
    half = {key: value.half() for key, value in load_model(folder).state_dict().items()}
    torch.save(half, checkpoint_path(folder, 8))
    model = load_model(folder)
    assert latest_epoch(folder) == 8
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_head_is_unwrapped_on_request(folder):
    torch.save(AccuracyModel(SVGE(SIZES)).state_dict(), checkpoint_path(folder, 9))
    assert isinstance(load_model(folder), AccuracyModel)
    assert isinstance(load_vae(folder), SVGE)


def test_checkpoint_of_another_width_or_space_is_named(folder):
    state = read_state_dict(checkpoint_path(folder, 7))
    wider = SVGE(Sizes(num_types=5, max_nodes=7, node_width=14, graph_width=8, rounds=3))
    with pytest.raises(ModelError, match=r"Encoder.*has shape .* another search space or width"):
        load_weights(wider, state)
    other = SVGE(Sizes(num_types=8, max_nodes=8, node_width=12, graph_width=8, rounds=3))
    with pytest.raises(ModelError, match="another search space"):
        load_weights(other, state)
    with pytest.raises(ModelError, match="of another model"):
        load_weights(DGMG(SIZES), state)


def test_surplus_weight_is_named(folder):
    state = read_state_dict(checkpoint_path(folder, 7)) | {"Extra.weight": torch.zeros(1)}
    with pytest.raises(ModelError, match=r"Extra\.weight"):
        load_weights(SVGE(SIZES), state)


class Payload:
    """Pickled, it creates a file when it is read."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


def test_pickle_that_runs_code_is_refused(folder, tmp_path):
    target = tmp_path / "created"
    torch.save({"weight": Payload(target)}, checkpoint_path(folder, 8))
    with pytest.raises(ModelError, match="read safely"):
        load_model(folder)
    (folder / "model_checkpoint9.obj").write_bytes(pickle.dumps(Payload(target)))
    with pytest.raises(ModelError, match="read safely"):
        load_model(folder)
    assert not target.exists()


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_damaged_file_is_refused(folder, damage):
    path = checkpoint_path(folder, 7)
    content = path.read_bytes()
    path.write_bytes(
        {"truncated": content[: len(content) // 2], "garbage": b"no weights", "empty": b""}[damage]
    )
    with pytest.raises(ModelError, match=r"model_checkpoint7\.obj"):
        load_model(folder)


def test_content_other_than_tensors_is_refused(folder):
    torch.save({"epoch": 3}, checkpoint_path(folder, 8))
    with pytest.raises(ModelError, match="no state dict"):
        load_model(folder)
    torch.save({"weight": torch.zeros(2)}, checkpoint_path(folder, 8))
    with pytest.raises(ModelError, match="neither SVGE's nor DGMG's"):
        load_model(folder)


def test_what_is_absent_is_said(folder, tmp_path):
    with pytest.raises(ModelError, match="no weights at"):
        load_model("SVGE_NOWHERE")
    with pytest.raises(ModelError, match=r"no checkpoint .*model_checkpoint3\.obj"):
        load_model(folder, epoch=3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="holds no model_checkpoint"):
        load_model(tmp_path / "empty", max_nodes=7)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match="give max_nodes"):
        load_model(folder)
    assert load_model(folder, max_nodes=7).sizes == SIZES
