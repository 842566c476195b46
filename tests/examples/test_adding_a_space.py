"""The example of a space and a benchmark of one's own, and the page that explains it."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from datasets import get_benchmark, get_space
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.registry import BENCHMARKS, SPACES
from datasets.space import SearchSpace
from datasets.testing import CHECKS, check_space
from estimators.networks import DESIGNS, load_design
from examples import adding_a_space, ladder_networks, measure_ladder
from examples.adding_a_space import Ladder, LadderMask
from experiment.errors import InputError
from experiment.paths import REPOSITORY_ROOT
from Extrapolation_Ability import eval_extrapolation
from models import ModelError
from models.networks.families import NETWORKS
from predictors.defaults import DEFAULTS
from predictors.features import make_features
from searchers.defaults import SEARCH_DEFAULTS

PAGE = "adding-a-space.md"
TINY = """
[training]
node_width = 12
graph_width = 8
rounds = 1
beta = 0.005
alpha = 0.5
edge_reduction = "sum"
kl_reduction = "mean"
noise_scale = 0.01
epochs = 2
batch_size = 32
learning_rate = 1e-3
optimiser = "adamw"
schedule = "one_cycle"
precision = "float32"
limit = 256
"""


@pytest.fixture
def registered() -> Iterator[None]:
    """Ladder is known during the test, and unknown to the others."""
    adding_a_space.register()
    yield
    for table in (SPACES, BENCHMARKS, NETWORKS, DESIGNS, DEFAULTS, SEARCH_DEFAULTS):
        table.pop("Ladder", None)


def test_ladder_keeps_the_promises_of_a_space() -> None:
    check_space(Ladder())


def test_ladder_has_the_members_that_counting_finds() -> None:
    pairs = {layers: layers * (layers + 1) // 2 for layers in (1, 2, 3, 4)}
    sets = {layers: 1 + n + n * (n - 1) // 2 for layers, n in pairs.items()}
    assert Ladder.size == sum(3**layers * count for layers, count in sets.items())


def test_notation_names_the_graph() -> None:
    graph = Ladder().parse("relu,sine 0:2 0:3")
    assert graph == ArchitectureGraph((1, 2, 4, 0), ((0, 1), (0, 2), (0, 3), (1, 2), (2, 3)))
    assert Ladder().parse("  tanh ") == ArchitectureGraph((1, 3, 0), ((0, 1), (1, 2)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("relu,gelu", "'gelu'"),
        ("relu 0:2 0:2", "twice"),
        ("relu 0:3", "0→3"),
        ("relu 0-2", "expected one as 0:2"),
        ("relu,relu,relu 0:2 0:3 1:3", "3 skip connections, expected at most 2"),
        ("relu,relu,relu,relu,relu", "7 nodes, expected 3 to 6"),
        ("", "activation"),
    ],
)
def test_bad_notation_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ArchitectureError, match=words):
        Ladder().parse(text)


def test_neighbours_are_mutual_and_reach_the_whole_space() -> None:
    space = Ladder()
    seen, edge = set(), [space.parse("relu")]
    while edge:
        seen.update(edge)
        edge = list({n for graph in edge for n in space.neighbours(graph)} - seen)
    assert len(seen) == space.size
    for graph in space.sample(20, np.random.default_rng(0)):
        assert all(graph in space.neighbours(other) for other in space.neighbours(graph))


class Unordered(Ladder):
    calls = 0

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        self.calls += 1
        return super().sample(n, np.random.default_rng(self.calls))


class Forgetful(Ladder):
    def format(self, graph: ArchitectureGraph) -> str:
        return super().format(graph).split()[0]


class Crashing(Ladder):
    def parse(self, text: str) -> ArchitectureGraph:
        return super().parse(json.loads(text)["arch"] if text.startswith("{") else text)


class Confusing(Ladder):
    def canonical(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        return self.parse("relu")


class Blurred(Ladder):
    def hash(self, graph: ArchitectureGraph) -> str:
        return f"{graph.num_nodes:x}"


class Selfish(Ladder):
    def neighbours(self, graph: ArchitectureGraph) -> list[ArchitectureGraph]:
        return [*super().neighbours(graph), graph]


class Miscounted(Ladder):
    size = 5_198

    def sample(self, n: int, generator: np.random.Generator) -> list[ArchitectureGraph]:
        return [self._members[k] for k in generator.integers(5_199, size=n)]


class Lenient(Ladder):
    def legal(self, batch):  # type: ignore[no-untyped-def]
        return np.ones(len(batch), dtype=bool)


class Mute(Ladder):
    def why_illegal(self, graph: ArchitectureGraph) -> str | None:
        return None if super().why_illegal(graph) is None else ""


class Masked(Ladder):
    Mask: type[LadderMask]

    def legality_mask(self, *, reverse: bool = False) -> LadderMask:
        return self.Mask(reverse=reverse)


class Unbounded(Masked):
    """Its mask forgets the limit on skip connections."""

    class Mask(LadderMask):
        def allowed_edges(
            self, types: Tensor, adjacency: Tensor, new_types: Tensor, drawn: Tensor
        ) -> Tensor:
            allowed = super().allowed_edges(types, adjacency, new_types, drawn)
            return allowed | torch.tensor([False, True])


class Timid(Masked):
    """Its mask ends every network at three layers."""

    class Mask(LadderMask):
        def allowed_types(self, types: Tensor, adjacency: Tensor) -> Tensor:
            allowed = super().allowed_types(types, adjacency)
            allowed[:, 2:] &= types.shape[1] <= 3
            return allowed


class OneWay(Masked):
    """Its mask for the reversed graph is that for the graph."""

    class Mask(LadderMask):
        def __init__(self, *, reverse: bool) -> None:
            super().__init__(reverse=False)


@dataclass
class Fault:
    space: SearchSpace
    check: str


FAULTS = [
    Fault(Unordered(), "check_samples"),
    Fault(Lenient(), "check_legality"),
    Fault(Mute(), "check_legality"),
    Fault(Forgetful(), "check_notation"),
    Fault(Crashing(), "check_bad_notation"),
    Fault(Confusing(), "check_canonical"),
    Fault(Blurred(), "check_canonical"),
    Fault(Selfish(), "check_neighbours"),
    Fault(Miscounted(), "check_enumeration"),
    Fault(Timid(), "check_masks_let_members_pass"),
    Fault(OneWay(), "check_masks_let_members_pass"),
    Fault(Unbounded(), "check_masks_build_members"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault.space).__name__)
def test_checks_find_what_is_broken(fault: Fault) -> None:
    (check,) = (check for check in CHECKS if check.__name__ == fault.check)
    check(Ladder())
    with pytest.raises(AssertionError):
        check(fault.space)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data root with a table of three networks, two trainings each."""
    out = tmp_path / "data" / "ladder" / "measured.jsonl"
    flags = ["--out", str(out), "--architectures", "3", "--trials", "2", "--steps", "5"]
    measure_ladder.main(flags)
    return tmp_path / "data"


def test_networks_learn_to_tell_the_spirals_apart() -> None:
    measured = measure_ladder.measure(Ladder().parse("sine,sine 0:2"), seed=0, steps=150)
    guessed = measure_ladder.measure(Ladder().parse("sine,sine 0:2"), seed=0, steps=1)
    assert measured["test"] > guessed["test"] + 0.15
    assert measured["parameters"] == (2 * 16 + 16) + 2 * (16 * 16 + 16) + (16 * 2 + 2)


@pytest.mark.usefixtures("registered")
def test_benchmark_answers_with_the_trials_of_the_file(data: Path) -> None:
    lines = [json.loads(line) for line in (data / "ladder" / "measured.jsonl").open()]
    benchmark = get_benchmark("Ladder", data)
    assert len(benchmark) == 3
    for first, second in zip(lines[::2], lines[1::2], strict=True):
        assert first["arch"] == second["arch"]
        record = benchmark.query(benchmark.space.parse(first["arch"]))
        assert record.known
        for name in ("validation", "test", "training_seconds", "parameters"):
            assert record.metrics[name].tolist() == [first[name], second[name]]
    unknown = next(
        graph
        for graph in get_space("Ladder").sample(20, np.random.default_rng(0))
        if benchmark.row(graph) is None
    )
    assert not benchmark.query(unknown).known


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"arch": "gelu", "validation": 1}', "'gelu'"),
        ('{"arch": "relu", "validation": 0.5}', "'test'"),
        ('{"arch": "relu", "validation": []}', "float"),
        ("relu", "line 7"),
        ("", "line 7"),
    ],
)
@pytest.mark.usefixtures("registered")
def test_damaged_measurement_is_refused(data: Path, line: str, words: str) -> None:
    path = data / "ladder" / "measured.jsonl"
    path.write_text(f"{path.read_text()}{line}\n")
    with pytest.raises(InputError, match=words):
        get_benchmark("Ladder", data)


@pytest.mark.usefixtures("registered")
def test_unknown_command_is_refused() -> None:
    with pytest.raises(InputError, match="no command"):
        adding_a_space.main(["Training_VAE.nothing"])
    with pytest.raises(InputError, match="no command"):
        adding_a_space.main(["datasets.batch"])


def closed_up(code: str) -> str:
    """Code without empty lines: between functions a page has two of them, a class one."""
    return re.sub(r"\n\n+", "\n", code)


def test_page_shows_the_code_of_the_example(blocks: Callable) -> None:
    files = [Path(adding_a_space.__file__), Path(ladder_networks.__file__), Path(__file__)]
    source = closed_up("\n".join(path.read_text(encoding="utf-8") for path in files))
    shown = [block for block in blocks(PAGE, "python") if not block.startswith("from pathlib")]
    assert len(shown) > 10
    for block in shown:
        variants = [closed_up(block), textwrap.indent(closed_up(block), "    ")]
        assert any(f"\n{variant}" in source for variant in variants), f"not in the files:\n{block}"


@pytest.mark.usefixtures("registered")
def test_commands_of_the_page_run(
    blocks: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """All of them in order, on less data and with a smaller model."""
    (tmp_path / "tiny.toml").write_text(TINY)
    smaller = {
        "examples/measure_ladder.py": "--architectures 3 --steps 2",
        "Bayesian_Optimization.search": "--queries 3 --threads 1",
        "Training_VAE.train_svge": "--config tiny.toml --sampled_graphs 2 --threads 1",
    }
    scripts = {
        "examples/measure_ladder.py": measure_ladder.main,
        "examples/adding_a_space.py": adding_a_space.main,
        "examples/ladder_networks.py": ladder_networks.main,
    }
    monkeypatch.chdir(tmp_path)
    commands = [line for block in blocks(PAGE, "bash") for line in block.splitlines()]
    assert len(commands) == 6
    for command in commands:
        python, script, *flags = shlex.split(command)
        assert python == "python"
        assert (REPOSITORY_ROOT / script).is_file()
        less = smaller.get(script, smaller.get(flags[0], ""))
        assert scripts[script]([*flags, *shlex.split(less)]) == 0

    folder = tmp_path / "runs" / "ladder" / "SVGE_Ladder"
    table = np.load(folder / "Ladder_latent_epoch2.npz")
    assert table["mean"].shape == (5199, 8)
    assert (~np.isnan(table["metric/validation"])).sum() == 3
    assert (folder / "interpolation" / "interpolation.png").is_file()

    capsys.readouterr()
    (used,) = (block for block in blocks(PAGE, "python") if block.startswith("from pathlib"))
    exec(used, {})
    decoded = capsys.readouterr().out.splitlines()
    assert len(decoded) == 5
    assert all(Ladder().is_legal(Ladder().parse(text)) for text in decoded)


EXTRAPOLATE = ["--data_search_space", "Ladder", "--predictor", "default"]
UNKNOWN: dict[str, tuple[Callable[[], object], str]] = {
    "networks": (lambda: load_design("digits101", Ladder()), "add a Design to DESIGNS"),
    "costs": (lambda: make_features("costs", Ladder()), "add a formula"),
    "zero_cost": (lambda: make_features("zero_cost", Ladder()), "to SMALL_NETWORKS"),
    "digits": (lambda: make_features("digits", Ladder()), "other features than digits"),
    "latents": (lambda: make_features("latents", Ladder()), "train_svge.py --data_search_space"),
    "extrapolation": (lambda: eval_extrapolation.main(EXTRAPOLATE), "by --candidates"),
}
"""Of the page's table of what does not work."""


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(("call", "words"), UNKNOWN.values(), ids=[*UNKNOWN])
def test_what_is_not_known_of_a_space_is_one_sentence_with_what_to_do(
    call: Callable[[], object], words: str
) -> None:
    with pytest.raises((InputError, ModelError), match=words) as caught:
        call()
    assert "Ladder" in str(caught.value)
    assert "\n" not in str(caught.value)
