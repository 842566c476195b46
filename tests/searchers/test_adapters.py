"""Spaces and tables for other packages' searchers, against the packages themselves."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from datasets import (
    Benchmark,
    Objective,
    SearchSpace,
    fidelity_tables,
    get_benchmark,
    get_space,
)
from datasets.graph import ArchitectureError, ArchitectureGraph
from datasets.spaces.enas import ENAS
from estimators.lookup import LookUp
from estimators.own_function import OwnFunction
from examples.adding_a_space import Ladder
from experiment.errors import InputError
from searchers.adapters import (
    PARAMETERS,
    ConfigurationFunction,
    Parameters,
    StudyObjective,
    configuration_space,
    parameters_of,
    suggest,
    syne_tune_space,
    table_blackbox,
)

SPACES = {
    **{name: get_space(name) for name in ("NB101", "NB201", "ENAS", "ENAS12", "DIGITS101")},
    **{name: get_space(name) for name in ("NAS_BENCH_GRAPH", "MPNN", "GRAPHNAS_MICRO")},
    **{name: get_space(name) for name in ("GRAPHNAS_MACRO", "AUTOATTEND")},
    "Ladder": Ladder(),
}
LINEAR = {"op_1": "conv3x3-bn-relu", "op_2": "maxpool3x3", "op_3": "maxpool3x3"}
"""Operations of a cell of DIGITS101."""
PATH = {"edge_0_1", "edge_1_2", "edge_2_4"}
"""Edges of a cell of four nodes, whose third inner node is not connected."""


@pytest.fixture(scope="module")
def table() -> Benchmark:
    return get_benchmark("DIGITS101")


def cell(table: Benchmark, edges: set[str]) -> dict[str, Any]:
    """A configuration of DIGITS101 with these edges."""
    names = [name for name in parameters_of(table.space).choices if name.startswith("edge")]
    return {**LINEAR, **{name: int(name in edges) for name in names}}


def blind(table: Benchmark) -> Benchmark:
    """The table without what searches see."""
    metrics = {"test": table.metrics["test"]}
    return Benchmark(table.space, "digits", table.graphs, table.hashes, metrics, "")


@pytest.fixture(scope="module")
def optuna() -> ModuleType:
    found = pytest.importorskip("optuna", reason="Optuna is not installed")
    found.logging.set_verbosity(found.logging.ERROR)
    return found


@pytest.mark.parametrize("name", SPACES)
def test_configurations_and_architectures_describe_each_other(name: str) -> None:
    space = SPACES[name]
    parameters = parameters_of(space)
    for graph in space.sample(25, np.random.default_rng(0)):
        configuration = parameters.configuration(graph)
        assert parameters.check(configuration) == configuration
        assert parameters.architecture(configuration) == space.canonical(graph)


@pytest.mark.parametrize("name", ["NB201", "ENAS", "ENAS12", "MPNN", "AUTOATTEND", "Ladder"])
def test_where_architectures_have_one_graph_each_has_one_configuration(name: str) -> None:
    sizes = [len(choices) for choices in parameters_of(SPACES[name]).choices.values()]
    assert math.prod(sizes) == SPACES[name].size


def test_configurations_say_what_the_notation_says() -> None:
    cell = SPACES["NB201"].parse(
        "|none~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|"
    )
    assert parameters_of(SPACES["NB201"]).configuration(cell) == {
        "edge_0_1": "none",
        "edge_0_2": "skip_connect",
        "edge_1_2": "nor_conv_1x1",
        "edge_0_3": "nor_conv_3x3",
        "edge_1_3": "avg_pool_3x3",
        "edge_2_3": "none",
    }
    three = ENAS(3)
    assert parameters_of(three).configuration(three.from_row([5, 0, 1, 2, 0, 1])) == {
        **{"op_1": "max3", "op_2": "conv3", "op_3": "conv5"},
        **{"edge_0_2": 1, "edge_0_3": 0, "edge_1_3": 1},
    }
    small = ArchitectureGraph((1, 3, 0), ((0, 1), (1, 2)))
    written = parameters_of(SPACES["DIGITS101"]).configuration(small)
    assert written["op_1"] == "conv3x3-bn-relu"
    assert {name for name, value in written.items() if value == 1} == {"edge_0_1", "edge_1_4"}


def test_numbers_of_numpy_are_numbers_and_dangling_nodes_are_none(table: Benchmark) -> None:
    given = {
        name: np.int64(value) if isinstance(value, int) else np.str_(value)
        for name, value in cell(table, PATH).items()
    }
    found = parameters_of(table.space).architecture(given)
    assert found.num_nodes == 4
    assert found == table.space.canonical(ArchitectureGraph((1, 3, 4, 0), ((0, 1), (1, 2), (2, 3))))
    with pytest.raises(ArchitectureError, match="no path leads"):
        parameters_of(table.space).architecture(cell(table, {"edge_0_1"}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda known: known.pop("edge_0_2") and known, "the parameter 'edge_0_2' is missing"),
        (lambda known: {**known, "more": 1}, "the parameter 'more' is unknown"),
        (lambda known: {**known, "edge_0_1": "conv"}, r"is a str \('conv'\), expected one of nor_"),
        (lambda known: {**known, "edge_0_1": ["none"]}, "edge_0_1 is a list of 1, expected"),
        (lambda known: list(known), "expected a dictionary with a value for each parameter"),
    ],
)
def test_a_wrong_configuration_is_refused_in_one_sentence(
    change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    parameters = parameters_of(SPACES["NB201"])
    (graph,) = SPACES["NB201"].sample(1, np.random.default_rng(0))
    with pytest.raises(InputError, match=said) as error:
        parameters.check(change(parameters.configuration(graph)))
    assert "\n" not in str(error.value)


def test_a_space_of_ones_own_is_a_list_or_has_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = SPACES["Ladder"]
    assert parameters_of(ladder).choices == {"index": range(5_199)}
    with pytest.raises(InputError, match=r"index is an int \(5199\), expected 0 to 5198"):
        parameters_of(ladder).check({"index": 5_199})
    monkeypatch.setattr(Ladder, "size", 10**7)
    with pytest.raises(InputError, match=r"too large for a list .*PARAMETERS"):
        parameters_of(ladder)

    def one_layer(space: SearchSpace) -> Parameters:
        return Parameters(
            space,
            {"layer": space.types[2:]},
            lambda configuration: space.parse(configuration["layer"]),
            lambda graph: {"layer": space.format(graph)},
        )

    monkeypatch.setitem(PARAMETERS, "Ladder", one_layer)
    assert parameters_of(ladder).architecture({"layer": "tanh"}) == ladder.parse("tanh")
    with pytest.raises(InputError, match="SearchSpace"):
        parameters_of("NB201")  # type: ignore[arg-type]


def test_a_function_of_a_configuration_gives_what_the_table_says(table: Benchmark) -> None:
    function = ConfigurationFunction(table)
    found = function(cell(table, PATH))
    record = table.query(parameters_of(table.space).architecture(cell(table, PATH)))
    for name in ("validation", "test", "training_seconds", "parameters"):
        assert found[name] == pytest.approx(record.metrics[name].mean())
    assert function.objective == table.metric("validation").objective
    single = ConfigurationFunction(LookUp(table, trial=1))(cell(table, PATH))
    assert single["test"] == record.metrics["test"][1]
    nothing = function(cell(table, set()))
    assert math.isnan(nothing.pop("validation"))
    assert nothing == {}


def test_a_function_of_a_configuration_needs_something_that_measures(table: Benchmark) -> None:
    with pytest.raises(InputError, match=r"the source is a str \('NB201'\), expected a Benchmark"):
        ConfigurationFunction("NB201")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="has no validation values"):
        ConfigurationFunction(blind(table))


def test_a_study_measures_keeps_and_prunes(optuna: ModuleType, table: Benchmark) -> None:
    objective = StudyObjective(table)
    sampler = optuna.samplers.TPESampler(seed=0)
    study = optuna.create_study(direction=objective.direction, sampler=sampler)
    study.enqueue_trial(cell(table, PATH))
    study.enqueue_trial(cell(table, set()))
    study.optimize(objective, n_trials=30)
    for trial in study.trials:
        if trial.state is optuna.trial.TrialState.PRUNED:
            assert "no path leads" in trial.user_attrs["reason"]
            continue
        record = table.query(trial.user_attrs["hash"])
        assert trial.value == pytest.approx(record.metrics["validation"].mean())
        for name in ("test", "training_seconds"):
            assert trial.user_attrs[name] == pytest.approx(record.metrics[name].mean())
        assert table.hash_of(trial.user_attrs["notation"]) == record.hash
    states = [trial.state.name for trial in study.trials]
    assert states[:2] == ["COMPLETE", "PRUNED"]
    assert states.count("COMPLETE") > 15
    assert study.best_value == max(each.value for each in study.trials if each.value is not None)


def test_a_study_of_another_direction_is_refused(optuna: ModuleType, table: Benchmark) -> None:
    with pytest.raises(InputError, match=r"direction is minimize, but of validation maximize"):
        optuna.create_study().optimize(StudyObjective(table), n_trials=1)
    few = OwnFunction(table.space, lambda graph: len(graph.edges))
    objective = StudyObjective(few, Objective("edges", maximise=False))
    assert objective.direction == "minimize"
    assert objective(optuna.trial.FixedTrial(cell(table, PATH))) == 3


def test_integers_are_integers_to_a_study(optuna: ModuleType) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trial = study.ask()
    assert parameters_of(SPACES["Ladder"]).check(suggest(trial, parameters_of(SPACES["Ladder"])))
    assert trial.distributions["index"].high == 5_198


@pytest.mark.parametrize("name", ["NB101", "NB201", "ENAS", "Ladder"])
def test_every_drawn_configuration_is_understood(name: str) -> None:
    pytest.importorskip("ConfigSpace", reason="ConfigSpace is not installed")
    parameters = parameters_of(SPACES[name])
    space = configuration_space(SPACES[name], seed=0)
    assert set(space) == set(parameters.choices)
    drawn = [parameters.decode(parameters.check(one)) for one in space.sample_configuration(50)]
    members = sum(SPACES[name].is_legal(graph) for graph in drawn)
    assert members == 50 if name != "NB101" else 0 < members < 50


def test_a_scheduler_of_syne_tune_searches_a_space(table: Benchmark) -> None:
    pytest.importorskip("syne_tune", reason="Syne Tune is not installed")
    from syne_tune.optimizer.baselines import REA
    from syne_tune.optimizer.schedulers.ask_tell_scheduler import AskTellScheduler

    function = ConfigurationFunction(table)
    scheduler = AskTellScheduler(
        REA(
            syne_tune_space(table.space),
            metric="validation",
            do_minimize=False,
            population_size=5,
            points_to_evaluate=[cell(table, PATH)],
        )
    )
    trials = [scheduler.ask()]
    assert trials[0].config == cell(table, PATH)
    for _ in range(20):
        scheduler.tell(trials[-1], function(trials[-1].config))
        trials.append(scheduler.ask())
    assert len({tuple(trial.config.values()) for trial in trials}) > 10


@pytest.fixture
def simulator() -> Any:
    pytest.importorskip("syne_tune", reason="Syne Tune is not installed")
    pytest.importorskip("huggingface_hub", reason="Syne Tune's blackboxes import huggingface_hub")
    return pytest.importorskip("syne_tune.blackbox_repository")


def test_a_blackbox_gives_every_fidelity(simulator: Any, table: Benchmark) -> None:
    box = table_blackbox(fidelity_tables("DIGITS101"))
    assert box.fidelity_values.tolist() == [2, 4]
    known = table.query(parameters_of(table.space).architecture(cell(table, PATH))).metrics
    both = dict(zip(box.objectives_names, box(cell(table, PATH)).T, strict=True))
    means = [known[name].mean() for name in ("halfway_validation", "validation")]
    assert both["validation"] == pytest.approx(means)
    assert both["training_seconds"] == pytest.approx(
        np.array([0.5, 1.0]) * known["training_seconds"].mean()
    )
    assert box(cell(table, PATH), 4, seed=1)["test"] == known["test"][1]
    assert box(cell(table, PATH), {"epochs": 4}, seed=4) == box(cell(table, PATH), 4, seed=1)
    nothing = box(cell(table, set()), 4)
    assert math.isnan(nothing["validation"])
    assert nothing["training_seconds"] == 0


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda box, one: box(one, 3), "the fidelity is 3, expected epochs: 2 or 4"),
        (lambda box, one: box(one, {"steps": 4}), "expected epochs: 2 or 4"),
        (lambda box, one: box({**one, "op_9": "max"}, 4), "the parameter 'op_9' is unknown"),
    ],
)
def test_a_blackbox_refuses_what_it_has_not(
    simulator: Any, table: Benchmark, ask: Callable[[Any, dict[str, Any]], Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        ask(table_blackbox(fidelity_tables("DIGITS101")), cell(table, PATH))


def test_tables_of_a_blackbox_are_tables_of_one_space(simulator: Any, table: Benchmark) -> None:
    other = Benchmark(
        SPACES["NB101"], "digits", table.graphs, table.hashes, dict(table.metrics), ""
    )
    for tables, said in (
        (table, "expected a dictionary: number of epochs → Benchmark"),
        ({4: "DIGITS101"}, "the table of 4 epochs is a str"),
        ({4: table, 8: other}, "the tables are of DIGITS101 and NB101, expected one space"),
        ({4: blind(table)}, "no metric 'validation'"),
        ({"4": table}, "a number of epochs is a str"),
    ):
        with pytest.raises(InputError, match=said):
            table_blackbox(tables)  # type: ignore[arg-type]


def test_the_simulator_of_syne_tune_runs_on_a_blackbox(
    simulator: Any, table: Benchmark, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
    from syne_tune.optimizer.baselines import ASHA

    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path))
    box = table_blackbox(fidelity_tables("DIGITS101"))
    scheduler = ASHA(
        box.configuration_space,
        metric="validation",
        time_attr="epochs",
        max_t=4,
        grace_period=2,
        reduction_factor=2,
        do_minimize=False,
        random_seed=0,
    )
    tuner = Tuner(
        simulator.UserBlackboxBackend(box, elapsed_time_attr="training_seconds"),
        scheduler,
        StoppingCriterion(max_num_trials_finished=20),
        n_workers=4,
        sleep_time=0,
        callbacks=[SimulatorCallback()],
        save_tuner=False,
    )
    tuner.run()
    best = tuner.tuning_status.overall_metric_statistics.max_metrics["validation"]
    assert best <= np.nanmax(table.metric("validation").mean())
    assert best > np.nanmedian(table.metric("halfway_validation").mean())


@pytest.mark.parametrize(
    ("package", "use", "pip"),
    [
        ("optuna", lambda table: StudyObjective(table), "pip install optuna'"),
        ("ConfigSpace", lambda table: configuration_space(table.space), "install ConfigSpace'"),
        ("syne_tune", lambda table: syne_tune_space(table.space), "pip install syne-tune'"),
        ("syne_tune", lambda table: table_blackbox({4: table}), "syne-tune huggingface_hub'"),
    ],
)
def test_a_package_that_is_absent_is_named_with_the_line_that_installs_it(
    package: str,
    use: Callable[[Benchmark], object],
    pip: str,
    table: Benchmark,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in [each for each in sys.modules if each.split(".")[0] == package]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"needs .*{pip}"):
        use(table)
