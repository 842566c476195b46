"""D-VAE: agreement with a plain implementation, and what must not matter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.batch import GraphBatch
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from datasets.registry import SPACES
from datasets.space import SearchSpace
from models import DVAE, DVAESizes, ModelError, Objective, Sizes, build_model, log_probability
from models.dvae_cells import swapped_types
from tests.models.plain_dvae import PlainDVAE

CHARGED = Objective(missing_nodes="charged")


def small(space: SearchSpace, bidirectional: bool = True, name: str = "DVAE") -> DVAE:
    torch.manual_seed(1)
    sizes = DVAESizes(len(space.types), space.max_nodes, 10, 6, bidirectional=bidirectional)
    model = build_model(name, sizes)
    assert isinstance(model, DVAE)
    with torch.no_grad():  # random weights as they are make nearly the same graph everywhere
        for parameter in model.parameters():
            parameter.mul_(2.0)
    return model.eval()


def exact(model: DVAE) -> DVAE:
    """The same model with all products in float64."""
    model = model.double()
    model.compute_dtype = torch.float64
    return model


def members(space: SearchSpace, count: int) -> GraphBatch:
    return GraphBatch.from_graphs(space.sample(count, np.random.default_rng(2)), space.max_nodes)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("name", SPACES)
def test_encoder_and_decoder_are_those_written_plainly(name: str, bidirectional: bool) -> None:
    space = get_space(name)
    model = exact(small(space, bidirectional))
    plain, batch = PlainDVAE(model), members(space, 4)
    order = swapped_types(len(space.types), torch.device("cpu"))
    with torch.no_grad():
        latent = model.encode(batch)
        z = latent.mean.float()  # as latents are given to a decoder
        steps = model.decoder_steps(z, batch)
        for b, graph in enumerate(batch):
            mean, log_variance = plain.encode(graph)
            torch.testing.assert_close(latent.mean[b], mean)
            torch.testing.assert_close(latent.log_variance[b], log_variance)
            followed = plain.follow(z[b].double(), graph)
            decided = graph.num_nodes - 1
            types = torch.stack(followed.type_logits)[:, order]
            torch.testing.assert_close(steps.types[b, :decided], types)
            for (u, v), logit in followed.edge_logits.items():
                torch.testing.assert_close(steps.edges[b, v - 1, u], logit)


@pytest.mark.parametrize("joins_loose_ends", [False, True])
@pytest.mark.parametrize("name", ["ENAS", "NB101"])
def test_decodings_and_probabilities_are_those_written_plainly(
    name: str, joins_loose_ends: bool
) -> None:
    space = get_space(name)
    model = exact(small(space))
    model.joins_loose_ends = joins_loose_ends
    plain = PlainDVAE(model)
    z = 2 * torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        decoded = model.decode_greedily(z)
        ours = log_probability(model, z, decoded)[0]
        for b, graph in enumerate(decoded):
            assert graph == plain.greedy(z[b].double(), joins_loose_ends)
            wanted = plain.log_probability(z[b].double(), graph, joins_loose_ends)
            assert float(ours[b]) == pytest.approx(wanted, abs=1e-6)


NODES, TYPES = 4, 4


@pytest.fixture(scope="module")
def everything() -> GraphBatch:
    """All that a model of four nodes and two operations can build."""
    graphs = []
    for nodes in range(2, NODES + 1):
        pairs = list(itertools.combinations(range(nodes), 2))
        for types in itertools.product((1, 2, 3), repeat=nodes - 2):
            for present in itertools.product((False, True), repeat=len(pairs)):
                edges = tuple(pair for pair, p in zip(pairs, present, strict=True) if p)
                graphs.append(ArchitectureGraph((INPUT, *types, OUTPUT), edges))
    return GraphBatch.from_graphs(graphs, NODES)


@pytest.fixture
def tiny() -> DVAE:
    torch.manual_seed(5)
    return DVAE(DVAESizes(TYPES, NODES, 12, 8)).eval()


@pytest.mark.parametrize("joins_loose_ends", [False, True])
def test_probabilities_sum_to_one_and_are_drawn_from(
    tiny: DVAE, everything: GraphBatch, joins_loose_ends: bool
) -> None:
    tiny.joins_loose_ends = joins_loose_ends
    z = torch.randn(1, 8, generator=torch.Generator().manual_seed(0))
    log_p = log_probability(tiny, z.expand(len(everything), -1), everything)[0]
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-5)
    best = tiny.most_probable(z, 3)
    assert best.proved.all()
    torch.testing.assert_close(best.log_probability[0], log_p.sort(descending=True).values[:3])
    n = 20_000
    drawn = tiny.decode_many(z, n, generator=torch.Generator().manual_seed(0))
    assert int(drawn.count.sum()) == n
    own = log_probability(tiny, z.expand(len(drawn.graphs), -1), drawn.graphs)[0].exp()
    assert own.min() > 0
    error = (drawn.count / n - own).abs() / (own * (1 - own) / n).sqrt()
    assert float(error[own > 1e-3].max()) < 5


@pytest.mark.parametrize("name", SPACES)
def test_masks_build_members(name: str) -> None:
    space = get_space(name)
    model, legality = small(space), space.legality()
    z = 2 * torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    for joins_loose_ends in (False, True):
        model.joins_loose_ends = joins_loose_ends
        assert space.legal(model.decode_greedily(z, legality)).all()
        drawn = model.decode_sampled(z, legality, torch.Generator().manual_seed(1))
        assert space.legal(drawn).all()
    ranked = model.most_probable(z[:2], 2, legality, widest=64)
    assert space.legal(ranked.graphs).all()
    values = log_probability(model, z[:2].repeat_interleave(2, 0), ranked.graphs, legality)[0]
    torch.testing.assert_close(values.view(2, 2), ranked.log_probability, atol=1e-3, rtol=0)


def test_a_temperature_keeps_greedy_decodings() -> None:
    space = get_space("ENAS")
    model = small(space)
    z = torch.randn(10, 6, generator=torch.Generator().manual_seed(0))
    hot = model.tempered(3.0)
    assert list(hot.decode_greedily(z)) == list(model.decode_greedily(z))
    graphs = model.decode_greedily(z)
    assert (log_probability(hot, z, graphs) < log_probability(model, z, graphs)).all()


@pytest.mark.parametrize("missing_nodes", ["masked", "charged"])
def test_places_and_order_of_a_batch_do_not_matter(missing_nodes: str) -> None:
    space = get_space("NB101")
    model = small(space)
    batch = members(space, 30)
    small_ones = batch[batch.num_nodes < space.max_nodes]
    assert len(small_ones) > 3
    objective = Objective(missing_nodes=missing_nodes)  # type: ignore[arg-type]
    latent = model.encode(small_ones)
    losses = model.reconstruction(latent.mean, small_ones, objective)
    places = int(small_ones.num_nodes.max())
    for same in (small_ones.padded(places), small_ones.padded(space.max_nodes + 3)):
        torch.testing.assert_close(model.encode(same).mean, latent.mean)
        torch.testing.assert_close(model.reconstruction(latent.mean, same, objective), losses)
    order = torch.randperm(len(small_ones), generator=torch.Generator().manual_seed(0))
    shuffled = model.reconstruction(latent.mean[order], small_ones[order], objective)
    torch.testing.assert_close(shuffled, losses[order])
    filled = GraphBatch(  # what stands in padding
        torch.where(small_ones.node_mask(), small_ones.types, 3),
        small_ones.adjacency,
        small_ones.num_nodes,
    )
    torch.testing.assert_close(model.encode(filled).mean, latent.mean)
    torch.testing.assert_close(model.reconstruction(latent.mean, filled, objective), losses)


def test_the_masked_loss_is_the_likelihood_and_the_published_one_is_more() -> None:
    space = get_space("NB101")
    model = small(space)
    batch = members(space, 20)
    z = model.encode(batch).mean.detach()
    masked = model.reconstruction(z, batch, Objective())
    charged = model.reconstruction(z, batch, CHARGED)
    whole = batch.num_nodes == space.max_nodes
    torch.testing.assert_close(masked[whole], charged[whole])
    assert (charged > masked)[~whole].all()
    likelihood = -log_probability(model, z, batch)[0].float()
    torch.testing.assert_close(masked[~whole], likelihood[~whole])  # others: the end is forced


def test_training_reaches_every_weight_but_the_unused() -> None:
    space = get_space("ENAS")
    model = small(space).train()
    model.loss(members(space, 8), Objective(), torch.Generator().manual_seed(0)).total.backward()
    idle = {name for name, each in model.named_parameters() if each.grad is None}
    assert idle == {"hv_unify.0.weight", "hv_unify.0.bias"}
    assert all(each.grad.any() for each in model.parameters() if each.grad is not None)


def test_products_in_bfloat16_are_near() -> None:
    space = get_space("ENAS")
    model, batch = small(space), members(space, 8)
    exactly = model.loss(batch, Objective()).total.detach()
    model.compute_dtype = torch.bfloat16
    roughly = model.loss(batch, Objective()).total.detach()
    assert roughly.dtype == torch.float32
    assert float(roughly) == pytest.approx(float(exactly), rel=0.05)
    assert model.encode(batch).mean.dtype == torch.float32


def test_sizes_are_the_published_ones() -> None:
    for bidirectional, count in ((True, 6_937_969), (False, 5_932_963)):
        model = DVAE(DVAESizes(8, 8, bidirectional=bidirectional))
        assert sum(each.numel() for each in model.parameters()) == count


def test_graphs_of_other_spaces_are_refused() -> None:
    model = small(get_space("ENAS"))
    with pytest.raises(ModelError, match="14 nodes, DVAE was made for at most 8"):
        model.encode(members(get_space("ENAS12"), 2))
    with pytest.raises(ModelError, match="2 latents and 3 graphs"):
        model.decoder_steps(torch.zeros(2, 6), members(get_space("ENAS"), 3))
    with pytest.raises(ModelError, match="of shape"):
        model.decode_greedily(torch.zeros(2, 7))
    for wrong in (torch.zeros(3, 7), torch.zeros(3, 6).double(), torch.full((3, 6), torch.nan)):
        with pytest.raises(ModelError, match="latent"):
            model.decoder_steps(wrong, members(get_space("ENAS"), 3))
    with pytest.raises(ModelError, match="made of DVAESizes"):
        DVAE(Sizes(8, 8))
    with pytest.raises(ModelError, match="rounds is 2, expected 1"):
        DVAESizes(8, 8, rounds=2)
