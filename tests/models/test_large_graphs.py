"""Architectures of more nodes than any benchmark has are encoded, trained on and decoded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from datasets.batch import GraphBatch
from datasets.spaces.enas import ENAS
from datasets.testing import check_space
from models import Objective, Sizes, build_model
from models.vae import GRAPH_VAES


def test_a_space_of_twenty_nodes_keeps_the_promises() -> None:
    check_space(ENAS(18))


@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_a_model_of_twenty_nodes(name: str) -> None:
    space = ENAS(18)
    batch = GraphBatch.from_graphs(space.sample(6, np.random.default_rng(0)), space.max_nodes)
    torch.manual_seed(0)
    model = build_model(name, Sizes(len(space.types), space.max_nodes, 16, 8, 1))
    loss = model.loss(batch, Objective(), torch.Generator().manual_seed(0)).total
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    model.eval()
    latents = model.encode_all(batch).flat
    decoded = model.decode_greedily(latents, space.legality())
    assert space.legal(decoded).all()
