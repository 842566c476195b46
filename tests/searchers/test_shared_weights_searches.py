"""ENAS and DARTS: what they train, what they choose, killed and resumed."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, product
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from datasets.citation_graphs import NodeGraph
from datasets.registry import get_space
from datasets.space import SearchSpace
from estimators.evaluations import Evaluations
from estimators.from_scratch import FromScratch
from estimators.networks import BY_DATA_SET, load_design
from estimators.shared_weights import TRAINING, WEIGHTS, SharedWeights
from estimators.tasks.nodes import NodeTask
from experiment.errors import InputError
from searchers.controllers.learning import Learner
from searchers.domain import WholeSpace
from searchers.loop import Budget, SearchLoop
from searchers.methods import ONLY_WITH, SHARED_WEIGHTS, check_estimator, make_searcher
from searchers.shared_weights.choosing import ByChoice, ChoosingWeights
from searchers.shared_weights.darts import Alphas, DARTSRecipe, DARTSWeights, paths_by_weight
from searchers.shared_weights.enas import ENASRecipe, ENASWeights
from searchers.shared_weights.gasso import AlphasAndEdges, GASSORecipe
from searchers.shared_weights.methods import CHOOSING
from tests.estimators.test_node_task import GRAPH, RECIPE

SPACE = get_space("NAS_BENCH_GRAPH")
SPACES = {"enas": SPACE, "darts": SPACE, "gasso": get_space("GASSO")}
SHORT: dict[str, dict[str, Any]] = {
    "enas": {"epochs": 4, "warmup_epochs": 2, "paths": 3, "updates": 2, "hidden": 16},
    "darts": {"epochs": 3, "warmup_epochs": 1, "paths": 2, "hidden": 16},
    "gasso": {"epochs": 3, "warmup_epochs": 1, "paths": 2, "hidden": 16},
}
PATHS_WITH_LOOPS = [SPACES["gasso"].parse(text) for text in ("gcn linear", "gat linear")]
EVERY = pytest.mark.parametrize("name", list(SHORT))


def weights(
    name: str,
    folder: Path | None = None,
    space: SearchSpace | None = None,
    graph: NodeGraph = GRAPH,
    **changes: Any,
) -> Any:
    choosing, space = CHOOSING[name], space or SPACES[name]
    sizes: Any = load_design(BY_DATA_SET[space.family], space, "cora")
    design = replace(sizes, hidden=16)
    training = FromScratch(space, NodeTask(graph), design, RECIPE)
    recipe = choosing.recipe.load(name, overrides={**SHORT[name], **changes})
    return choosing.weights(training, recipe, folder)


def state(estimator: ChoosingWeights) -> dict[str, Any]:
    _ = estimator.supernet
    assert estimator._whole is not None
    return estimator._whole.state_dict()


def state_alphas(estimator: ChoosingWeights) -> list[torch.Tensor]:
    return [value for name, value in state(estimator).items() if ".alphas." in name]


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    tensors = [name for name, value in first.items() if isinstance(value, torch.Tensor)]
    return all(torch.equal(first[name], second[name]) for name in tensors)


@EVERY
def test_both_recipes_are_read(name: str) -> None:
    ours: Any
    ours, published = (
        CHOOSING[name].recipe.load(name, *section) for section in ((), ("published",))
    )
    if name == "gasso":
        assert published == replace(ours, choice_part="train")
    else:
        assert ours.steps >= 50 * (published.steps - 100 * (name == "enas"))


@EVERY
def test_what_is_chosen_is_measured_and_the_search_ends(name: str) -> None:
    estimator = weights(name)
    space = estimator.space
    searcher = ByChoice(WholeSpace(space), estimator, seed=1)
    history = SearchLoop(searcher, Evaluations(estimator), Budget(4, batch=2)).run()
    hashes = [step.measurement.hash for step in history.steps]
    assert len(set(hashes)) == 4
    assert all(space.is_legal(step.measurement.architecture) for step in history.steps)
    chosen = [space.hash(graph) for graph in islice(estimator.chosen(1), 4)]
    assert hashes == chosen


@pytest.mark.parametrize("name", ["enas", "darts"])
@pytest.mark.parametrize("space", ["GRAPHNAS_MICRO", "SINGLE_PATH", "AUTOATTEND"])
def test_other_spaces_with_a_supernet_are_searched(space: str, name: str) -> None:
    estimator = weights(name, space=get_space(space))
    searcher = ByChoice(WholeSpace(estimator.space), estimator)
    history = SearchLoop(searcher, Evaluations(estimator), Budget(2)).run()
    assert [step.measurement.ok for step in history.steps] == [True, True]


@EVERY
def test_killed_it_resumes_to_the_bit(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = state(weights(name, tmp_path / "whole"))
    module = CHOOSING[name].weights
    method = "accuracy" if name == "enas" else "loss"
    plain, calls = getattr(module, method), []

    def killed(self: Any, *given: Any) -> Any:
        calls.append(given)
        if len(calls) == {"enas": 50, "darts": 7, "gasso": 6}[name]:
            raise KeyboardInterrupt
        return plain(self, *given)

    monkeypatch.setattr(module, method, killed)
    with pytest.raises(KeyboardInterrupt):
        _ = weights(name, tmp_path / "killed").supernet
    assert (tmp_path / "killed" / TRAINING).exists()
    again = weights(name, tmp_path / "killed")
    assert same(state(again), whole)
    assert not (tmp_path / "killed" / TRAINING).exists()
    read = weights(name, tmp_path / "killed")
    assert same(state(read), whole)
    assert list(islice(read.chosen(0), 3)) == list(islice(again.chosen(0), 3))
    with pytest.raises(InputError, match="holds the weights of another training"):
        _ = weights(name, tmp_path / "killed", learning_rate=0.1).supernet
    assert (tmp_path / "killed" / WEIGHTS).exists()


def test_the_controller_of_enas_learns_from_rewards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reward is the share of places at which the second option is drawn."""
    reward = staticmethod(lambda supernet, path: float(np.mean([k == 1 for k in path])))
    monkeypatch.setattr(ENASWeights, "accuracy", reward)
    estimator = weights("enas", epochs=8, updates=10, paths=1)
    learner = cast(Learner, state(estimator) and estimator._whole.chooser)
    drawn = learner.controller.sample(200, np.random.default_rng(0))[:, 1:]
    assert len(learner.updates) == 60
    assert (drawn == 1).float().mean() > 0.3


def test_alphas_move_by_the_validation_nodes_alone_and_weights_by_the_others() -> None:
    estimator = weights("darts", epochs=2, warmup_epochs=1, paths=1)
    seen: list[tuple[str, bool]] = []
    plain = estimator.loss

    def recorded(supernet: Any, mixture: Any, part: str) -> Any:
        seen.append((part, mixture[0].requires_grad))
        return plain(supernet, mixture, part)

    estimator.loss = recorded
    before = weights("darts", epochs=2, warmup_epochs=1, paths=1)
    _ = estimator.supernet
    assert seen == [("train", False), ("validation", True), ("train", False)]
    alphas = cast(Alphas, estimator._whole.chooser)
    moved = [each.detach().abs().max().item() for each in alphas.alphas if len(each) > 1]
    assert min(moved) > 5e-3  # one step of Adam, after a start of 1e-3
    assert before.recipe.choice_rate == 1e-2


def test_a_gradient_step_prefers_the_better_option() -> None:
    recipe = DARTSRecipe.load("darts", overrides={"choice_rate": 0.1, "choice_decay": 0.0})
    alphas = Alphas([3, 2], recipe)
    worth = torch.tensor([0.0, 2.0, 1.0])
    for _ in range(50):
        alphas.step(-(alphas()[0] * worth).sum())
    assert alphas()[0].argmax() == 1
    assert torch.allclose(alphas()[1], torch.tensor([0.5, 0.5]), atol=1e-2)


def test_paths_come_by_the_product_of_their_weights() -> None:
    table = [[0.5, 0.2, 0.3], [0.9, 0.1], [0.4, 0.6]]
    found = list(paths_by_weight(table))
    worth = [prod(row[k] for row, k in zip(table, path, strict=True)) for path in found]
    assert sorted(found) == sorted(product(range(3), range(2), range(2)))
    assert worth == sorted(worth, reverse=True)
    assert found[0] == (0, 0, 1)


def test_options_without_any_weight_come_last() -> None:
    assert list(paths_by_weight([[0.0, 1.0], [0.25, 0.75]]))[:2] == [(1, 1), (1, 0)]


@pytest.mark.parametrize("method", ONLY_WITH)
def test_a_method_that_does_not_fit_is_refused_in_one_sentence(method: str) -> None:
    with pytest.raises(InputError, match=f"--method {method} .*: it needs --estimator") as caught:
        check_estimator(method, "surrogate")
    assert "\n" not in str(caught.value)
    for estimator in ONLY_WITH[method]:
        check_estimator(method, estimator)
    with pytest.raises(InputError, match=r"search\.py"):
        make_searcher(method, WholeSpace(SPACE))


def test_every_method_has_its_class_and_others_go_with_everything() -> None:
    assert list(CHOOSING) == list(SHARED_WEIGHTS)
    check_estimator("evolution", "one_shot")
    check_estimator(None, "table")


@pytest.mark.parametrize(
    ("recipe", "changes", "expected"),
    [
        (ENASRecipe.load("enas"), {"warmup_epochs": 60}, "expected 0 to 59"),
        (ENASRecipe.load("enas"), {"updates": 0}, "updates"),
        (DARTSRecipe.load("darts"), {"warmup_epochs": 15}, "expected 0 to 14"),
        (DARTSRecipe.load("darts"), {"batch_size": 2}, "a step has all options"),
        (DARTSRecipe.load("darts"), {"choice_rate": 0.0}, "expected a positive number"),
        (GASSORecipe.load("gasso"), {"smoothness": -1.0}, "expected numbers of at least 0"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(recipe: Any, changes: Any, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        replace(recipe, **changes)


def test_edges_between_unlike_predictions_become_lighter() -> None:
    edges = torch.tensor([[0, 0, 1], [1, 2, 2]])
    predictions = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    recipe = GASSORecipe.load("gasso")
    alphas = AlphasAndEdges([2], recipe, 3)
    alphas.move_edges(predictions, edges)
    moved = alphas.logits.detach().clone()
    # The distances are 0, 2, 2, the derivative of σ at 0 is 1/4, and the penalty's is 0.
    assert moved.tolist() == pytest.approx([0.0, -0.04 * 0.6 * 2 / 4, -0.04 * 0.6 * 2 / 4])
    alphas.move_edges(predictions, edges)
    slope = moved[1].sigmoid() * (1 - moved[1].sigmoid())
    expected = moved[1] - 0.04 * (0.6 * 2 * slope + 2 * moved[1])
    assert alphas.logits[1].item() == pytest.approx(expected.item())


def test_messages_are_multiplied_by_the_weights_of_their_edges() -> None:
    estimator = weights("gasso")
    supernet, nodes = estimator.supernet.eval(), estimator.task.nodes
    chooser = cast(AlphasAndEdges, estimator._whole.chooser)
    assert chooser.logits.abs().max() > 0
    path = supernet.choice(estimator.space.parse("gin linear"))
    layer = supernet.operations[0][path[0]].layer  # GIN: a linear map of the sum
    weighted = torch.zeros(len(GRAPH), len(GRAPH))
    weighted[nodes.edges[1], nodes.edges[0]] = chooser.logits.detach().sigmoid()
    state = nodes.features.to_dense()
    expected = layer.nn((weighted + torch.eye(len(GRAPH))) @ state)
    found = supernet.operations[0][path[0]](nodes.features, nodes.edges)
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("count", [len(GRAPH), 3])
def test_loops_of_a_graph_weigh_one(count: int) -> None:
    from torch_geometric.explain.algorithm.utils import set_masks

    loops = torch.arange(count).expand(2, -1)
    estimator = weights("gasso", graph=replace(GRAPH, edges=torch.cat([loops, GRAPH.edges], 1)))
    supernet, nodes = estimator.supernet.eval(), estimator.task.nodes
    edges_weigh = cast(AlphasAndEdges, estimator._whole.chooser).logits.detach().sigmoid()
    layers = [supernet.operations[0][supernet.choice(path)[0]] for path in PATHS_WITH_LOOPS]
    found = [layer(nodes.features, nodes.edges) for layer in layers]
    # These layers add loops themselves: those of the graph change nothing.
    set_masks(supernet, edges_weigh, GRAPH.edges, apply_sigmoid=False)
    for layer, values in zip(layers, found, strict=True):
        assert torch.allclose(layer(nodes.features, GRAPH.edges), values, atol=1e-5)


def test_alphas_of_gasso_are_not_trained_on_the_training_nodes() -> None:
    ours, published = (weights("gasso", choice_part=part) for part in ("validation", "train"))
    first, second = ([each.tolist() for each in state_alphas(one)] for one in (ours, published))
    assert first != second


def test_gasso_is_for_its_own_space() -> None:
    with pytest.raises(InputError, match="not of SINGLE_PATH: choose --method darts"):
        weights("gasso", space=get_space("SINGLE_PATH"))


def test_dropout_is_off_while_paths_are_rewarded() -> None:
    estimator = weights("enas")
    supernet = estimator.supernet.train()
    path = supernet.choice(SPACE.sample(1, np.random.default_rng(0))[0])
    assert len({estimator.accuracy(supernet, path) for _ in range(5)}) == 1
    assert isinstance(estimator, SharedWeights)
    assert not supernet.training
    assert DARTSWeights.train is not ENASWeights.train


def test_a_path_is_the_member_that_its_space_counts_as_the_same() -> None:
    """Of NAS-Bench-Graph, where a skip connection that changes nothing comes to the front."""
    estimator = weights("darts")
    path = estimator.supernet.choice(SPACE.parse("0 1 2 3 gcn gat sage fc"))
    links, gcn, skip = path[::2], 1, 8
    idle = [entry for link in links for entry in (link, gcn)]
    idle[3] = skip  # the second of a chain of four
    estimator.paths = lambda chooser, seed: iter([tuple(idle), path])
    chosen = [SPACE.format(graph) for graph in estimator.chosen(0)]
    assert chosen[0] == SPACE.format(SPACE.parse("0 1 2 3 gcn skip gcn gcn"))
    assert len(chosen) == 2
