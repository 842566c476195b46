"""Decoding: determinism, distributions, masks, and the union of both directions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from datasets import get_space
from datasets.batch import GraphBatch, Legality
from datasets.graph import INPUT, OUTPUT, ArchitectureGraph
from datasets.registry import SPACES
from models import DGMG, SVGE, ModelError, Sizes
from models.decoding import (
    Greedy,
    Sampling,
    decode,
    decode_directions,
    decode_greedily,
    generate,
    most_probable_of,
    union,
)
from models.likelihood import log_probability
from models.prefix_tree import Rule
from models.vae import GRAPH_VAES, GraphVAE, as_graph_vae


def small_model(name: str, space_name: str = "NB101") -> GraphVAE:
    space = get_space(space_name)
    torch.manual_seed(0)
    sizes = Sizes(len(space.types), space.max_nodes, node_width=12, graph_width=8)
    model = as_graph_vae(GRAPH_VAES[name](sizes)).eval()
    with torch.no_grad():  # random weights as they are make nearly the same graph everywhere
        for parameter in model.parameters():
            parameter.mul_(2.0)
    return model


def latents(n: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(n, 8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_greedy_decoding_is_a_function_of_each_latent_alone(name: str) -> None:
    model, z = small_model(name), latents(50)
    together = list(decode(model, z, Greedy()))
    assert together == list(decode(model, z, Greedy()))
    alone = [next(iter(decode(model, z[k : k + 1], Greedy()))) for k in range(50)]
    assert together == alone
    assert len(set(together)) > 1


@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_sampling_repeats_with_its_seed(name: str) -> None:
    model, z = small_model(name), latents(50)
    draws = [
        list(decode(model, z, Sampling(torch.Generator().manual_seed(seed)))) for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("choice", [Greedy(), Sampling(torch.Generator().manual_seed(0))])
@pytest.mark.parametrize("space_name", list(SPACES))
@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_masked_decodings_are_members_of_the_space(
    name: str, space_name: str, choice: Rule
) -> None:
    model, space = small_model(name, space_name), get_space(space_name)
    legality = space.legality()
    for decoded in decode_directions(model, latents(200), choice, legality):
        assert space.legal(decoded).all()
    assert space.legal(decode(model, latents(200), choice, legality)).all()


def test_unmasked_decodings_begin_and_end_as_architectures_do() -> None:
    model = small_model("SVGE")
    decoded = decode_directions(model, latents(200), Sampling(torch.Generator().manual_seed(0)))
    for graphs in decoded:
        for graph in graphs:
            assert graph.types[0] == INPUT
            assert graph.types[-1] == OUTPUT
            assert 2 <= graph.num_nodes <= 7


def test_sampled_frequencies_are_the_models_probabilities() -> None:
    model = small_model("DGMG")
    z = latents(1).repeat(20_000, 1)
    graphs = generate(model, z, INPUT, Sampling(torch.Generator().manual_seed(0))).graphs
    two = graphs.num_nodes > 2
    graphs = graphs[two]
    with torch.no_grad():
        steps = model.decoder_steps(z[:1], graphs[:1])
        first_types = steps.types[0, 0].double().softmax(-1)
        counts = torch.bincount(graphs.types[:, 1], minlength=5).double()
        first_types[OUTPUT] = 0  # graphs of two nodes were left out
        expected = first_types / first_types.sum() * len(graphs)
    kept = expected > 5
    assert kept.sum() >= 2
    scale = counts[kept].sum() / expected[kept].sum()
    assert chisquare(counts[kept], expected[kept] * scale).pvalue > 1e-3

    # Edges into the second node after the input, given everything before them.
    kind = int(counts.argmax())
    same = graphs[graphs.types[:, 1] == kind]
    following = int(torch.bincount(same.types[:, 2]).argmax())
    same = same[same.types[:, 2] == following]
    with torch.no_grad():
        probabilities = model.decoder_steps(z[:1], same[:1]).edges[0, 1, :2].sigmoid().double()
    observed = same.adjacency[:, :2, 2].double().mean(0)
    std = (probabilities * (1 - probabilities) / len(same)).sqrt()
    assert ((observed - probabilities).abs() < 4 * std + 1e-9).all()


def test_greedy_decoding_follows_the_teacher_forced_logits() -> None:
    model, z = small_model("SVGE"), latents(30)
    forward, _ = decode_directions(model, z, Greedy())
    with torch.no_grad():
        steps = model.generator(z, forward, torch.float32)
    for k in range(30):
        for new in range(1, int(forward.num_nodes[k])):
            if new < 6:
                assert steps.types[k, new - 1].argmax() == forward.types[k, new]
            if new > 1:
                edges = steps.edges[k, new - 1, :new] > 0
                assert torch.equal(edges, forward.adjacency[k, :new, new])


def graph(types: Sequence[int], *edges: tuple[int, int]) -> ArchitectureGraph:
    return ArchitectureGraph(tuple(types), tuple(edges))


def joined(
    forward: ArchitectureGraph, reverse: ArchitectureGraph, legality: Legality | None = None
) -> ArchitectureGraph:
    one, other = (GraphBatch.from_graphs([g], 7) for g in (forward, reverse))
    return union(one, other, legality).graph(0)


def test_union_has_the_edges_of_both() -> None:
    a = graph((1, 2, 3, 0), (0, 1), (1, 2), (2, 3))
    b = graph((1, 4, 4, 0), (0, 1), (0, 2), (1, 3), (2, 3))
    assert joined(a, b) == graph((1, 2, 3, 0), (0, 1), (0, 2), (1, 2), (1, 3), (2, 3))
    assert joined(a, a) == a


def test_union_aligns_a_larger_reverse_graph_at_the_output_and_drops_its_surplus() -> None:
    a = graph((1, 2, 0), (0, 1), (1, 2))
    b = graph((1, 3, 3, 0), (0, 1), (1, 2), (2, 3), (1, 3))
    assert joined(a, b) == graph((1, 2, 0), (0, 1), (1, 2), (0, 2))


def test_union_aligns_a_smaller_reverse_graph_at_the_output() -> None:
    a = graph((1, 2, 3, 0), (0, 1), (1, 2), (2, 3))
    b = graph((1, 3, 0), (0, 1), (0, 2), (1, 2))
    assert joined(a, b) == graph((1, 2, 3, 0), (0, 1), (1, 2), (1, 3), (2, 3))


def test_union_that_leaves_the_space_is_replaced_by_its_forward_graph() -> None:
    space = get_space("NB101")
    types = (1, 2, 2, 2, 2, 2, 0)
    a = graph(types, *[(i, i + 1) for i in range(6)], (0, 2), (0, 3), (0, 4))
    b = graph(types, *[(i, i + 1) for i in range(6)], (0, 5), (0, 6), (1, 3))
    assert not space.is_legal(joined(a, b))
    assert joined(a, b, space.legality()) == a


def test_reverse_decodings_read_from_the_input() -> None:
    model, z = small_model("SVGE"), latents(20)
    _, reverse = decode_directions(model, z, Greedy())
    raw = generate(model, z, OUTPUT, Greedy()).graphs
    assert [g.reversed() for g in raw] == list(reverse)


@pytest.mark.parametrize("count", [0, 1])
def test_few_latents_are_decoded(count: int) -> None:
    assert len(decode(small_model("SVGE"), latents(5)[:count], Greedy())) == count


def test_wrong_latents_are_refused() -> None:
    model = small_model("DGMG")
    with pytest.raises(ModelError, match="expected"):
        decode(model, torch.zeros(3, 5), Greedy())
    with pytest.raises(ModelError, match="finite"):
        decode(model, torch.full((3, 8), np.nan), Greedy())


def test_larger_graphs_than_nb101_are_decoded() -> None:
    torch.manual_seed(0)
    model = SVGE(Sizes(8, 14, node_width=12, graph_width=8))
    assert decode(model, latents(4), Greedy()).max_nodes == 14
    assert DGMG(Sizes(8, 14, node_width=12, graph_width=8)).sizes.max_nodes == 14


def test_greedy_decoding_takes_the_most_probable_of_the_directions_and_their_union() -> None:
    model, z = small_model("SVGE"), latents(60)
    forward, reverse = decode_directions(model, z, Greedy())
    candidates = [forward, reverse, union(forward, reverse)]
    chosen = decode_greedily(model, z)
    values = [log_probability(model, z, batch).sum(0) for batch in candidates]
    best = log_probability(model, z, chosen).sum(0)
    torch.testing.assert_close(best, torch.stack(values).amax(0))
    picked = {
        next(c for c, batch in enumerate(candidates) if batch.graph(k) == graph)
        for k, graph in enumerate(chosen)
    }
    assert len(picked) > 1


def test_the_most_probable_is_chosen_for_each_latent_alone() -> None:
    model, z = small_model("DGMG"), latents(20)
    good = generate(model, z, INPUT, Greedy()).graphs
    bad = generate(model, latents(20, seed=9), INPUT, Greedy()).graphs
    together = most_probable_of(model, z, [bad, good])
    for k in range(20):
        alone = most_probable_of(model, z[k : k + 1], [bad[k : k + 1], good[k : k + 1]])
        assert alone.graph(0) == together.graph(k)


@pytest.mark.parametrize("name", list(GRAPH_VAES))
def test_masked_greedy_decoding_stays_in_the_space(name: str) -> None:
    model, space = small_model(name), get_space("NB101")
    assert space.legal(decode_greedily(model, latents(200), space.legality())).all()
    assert len(decode_greedily(model, latents(3)[:0])) == 0
