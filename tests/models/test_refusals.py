"""Models refuse what they cannot encode, decode or be trained on, in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from models import DGMG, SVGE, GraphVAE, ModelError, Objective, Sizes, WithHeads, build_model
from models.checkpoints import load_model
from models.decoding import Greedy, Sampling, decode, decode_greedily
from models.likelihood import log_probability
from models.nearest import decode_to_nearest
from models.sampling import decode_many
from models.search import most_probable

SPACE = get_space("DIGITS101")
CELLS = SPACE.sample(3, np.random.default_rng(0))
FOREIGN = get_space("NB201").sample(3, np.random.default_rng(0))
LATENTS = torch.zeros(3, 8)
NO_GRAPHS = {
    "text": "abc",
    "texts": ["abc"],
    "dictionary": {"arch": "1"},
    "number": 3,
    "None": None,
    "array": np.zeros((3, 5, 5)),
    "another space": FOREIGN,
    "another space's batch": GraphBatch.from_graphs(FOREIGN),
}
NO_LATENTS = {
    "array": np.zeros((3, 8), dtype=np.float32),
    "list": [[0.0] * 8],
    "double": LATENTS.double(),
    "whole numbers": LATENTS.long(),
    "width": torch.zeros(3, 7),
    "single": torch.zeros(8),
    "not a number": LATENTS + torch.nan,
    "graphs": CELLS,
    "None": None,
}


def refuse(call: Callable[[], object], message: str | None = None) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module", params=[SVGE, DGMG], ids=lambda kind: kind.name)
def vae(request: pytest.FixtureRequest) -> GraphVAE:
    torch.manual_seed(0)
    return request.param(Sizes(5, 7, node_width=4, graph_width=8, rounds=1)).eval()


@pytest.mark.parametrize("wrong", NO_GRAPHS.values(), ids=list(NO_GRAPHS))
def test_only_graphs_of_the_models_types_are_encoded(vae: GraphVAE, wrong: Any) -> None:
    refuse(lambda: vae.encode(wrong))
    refuse(lambda: vae.encode_all(wrong))
    refuse(lambda: vae.loss(wrong, Objective()))
    refuse(lambda: vae.decoder_steps(LATENTS, wrong))
    refuse(lambda: log_probability(vae, LATENTS, wrong))
    refuse(lambda: WithHeads.fresh(vae).loss(wrong, torch.zeros(3, 1), Objective()))


def test_a_list_is_encoded_as_its_batch_is(vae: GraphVAE) -> None:
    batch = GraphBatch.from_graphs(CELLS)
    for encode in (vae.encode, vae.encode_all):
        of_list = encode(CELLS).mean  # type: ignore[arg-type]
        assert torch.equal(of_list, encode(batch).mean)


@pytest.mark.parametrize("wrong", NO_LATENTS.values(), ids=list(NO_LATENTS))
def test_only_latents_are_decoded(vae: GraphVAE, wrong: Any) -> None:
    for call in (
        lambda: decode(vae, wrong, Greedy()),
        lambda: decode_greedily(vae, wrong),
        lambda: decode_many(vae, wrong, 2),
        lambda: decode_to_nearest(vae, wrong),
        lambda: most_probable(vae, wrong),
        lambda: log_probability(vae, wrong, GraphBatch.from_graphs(CELLS)),
        lambda: vae.decoder_steps(wrong, GraphBatch.from_graphs(CELLS)),
    ):
        refuse(call, "latent")


@pytest.mark.parametrize("choice", ["greedy", None, Greedy, 3], ids=str)
def test_a_choice_is_a_rule(vae: GraphVAE, choice: Any) -> None:
    refuse(lambda: decode(vae, LATENTS, choice), r"expected Greedy\(\) or Sampling")


@pytest.mark.parametrize(
    "legality", [SPACE, "NB101", SPACE.legality_mask()], ids=["space", "name", "mask"]
)
def test_a_legality_is_one(vae: GraphVAE, legality: Any) -> None:
    refuse(lambda: decode(vae, LATENTS, Greedy(), legality), r"legality\(\) makes it")


def test_the_legality_of_another_space_is_refused(vae: GraphVAE) -> None:
    other = get_space("NB201").legality()
    refuse(lambda: decode(vae, LATENTS, Greedy(), other), "7 node types, the model 5")


@pytest.mark.parametrize("n", [0, -1, 1.5, "2"], ids=str)
def test_a_number_of_decodings_is_a_whole_number(vae: GraphVAE, n: Any) -> None:
    refuse(lambda: Sampling(None, n))
    refuse(lambda: decode_many(vae, LATENTS, n))


def test_latents_and_graphs_are_equally_many(vae: GraphVAE) -> None:
    batch = GraphBatch.from_graphs(CELLS[:2])
    refuse(lambda: vae.decoder_steps(LATENTS, batch), "3 latents and 2 graphs")
    refuse(lambda: log_probability(vae, LATENTS, batch), "3 latents and 2 graphs")


@pytest.mark.parametrize("objective", ["published", None, {"beta": 1}], ids=str)
def test_an_objective_is_one(vae: GraphVAE, objective: Any) -> None:
    refuse(lambda: vae.loss(GraphBatch.from_graphs(CELLS), objective), "expected an Objective")


@pytest.mark.parametrize(
    "targets", [torch.zeros(2, 1), torch.zeros(3), np.zeros((3, 1)), [0.0] * 3, None], ids=str
)
def test_there_is_one_target_for_each_graph_and_head(vae: GraphVAE, targets: Any) -> None:
    """Targets without a column a head would be compared with every prediction of the batch."""
    model, batch = WithHeads.fresh(vae), GraphBatch.from_graphs(CELLS)
    refuse(lambda: model.loss(batch, targets, Objective()), "one number for each of the 3 graphs")


def test_models_and_weights_are_named_by_text(tmp_path: Path) -> None:
    names: list[Any] = [3, None, ["SVGE"], ""]
    for name in names:
        refuse(partial(build_model, name, Sizes(5, 7)))
        refuse(partial(load_model, name))
    refuse(lambda: load_model(tmp_path), "holds no model_checkpoint")


@pytest.mark.parametrize("wrong", [2.5, "5", None, True], ids=str)
def test_sizes_are_whole_numbers(wrong: Any) -> None:
    refuse(lambda: Sizes(5, 7, node_width=wrong), "node_width")
