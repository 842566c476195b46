"""What the settings and results of every kind of run hold: records that readers may count on.

:mod:`experiment.schema` says which stage has which, and checks them as they are written and read.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class ObjectiveRecord(TypedDict):
    """:class:`datasets.objective.Objective`."""

    name: str
    maximise: bool
    unit: str | None
    dataset: str | None
    trial: int | None


class EmbeddingConfig(TypedDict):
    """A graph VAE trained on a space."""

    model: str
    space: str
    sizes: dict[str, Any]
    settings: dict[str, Any]
    name: NotRequired[str]


class FineTuningConfig(EmbeddingConfig):
    """A graph VAE and its head, fine-tuned to predict."""

    metric: str
    objective: ObjectiveRecord
    sample_amount: int
    labels: str


class PredictionConfig(TypedDict):
    """A predictor fitted to a labelled set."""

    space: str
    source: str
    method: str
    features: list[str]
    label: str
    target: str
    objective: ObjectiveRecord
    objectives: dict[str, ObjectiveRecord]
    judged: str
    labels: int
    labelled: str


class ExtrapolationConfig(TypedDict):
    """A ranking of candidates by what was fitted to others."""

    space: str
    surrogate: dict[str, Any]
    objective: ObjectiveRecord
    candidates: int


class SearchConfig(TypedDict):
    """A search."""

    space: str
    method: str
    estimator: str
    objective: ObjectiveRecord
    queries: int
    initial: int
    batch: int
    candidates: NotRequired[int | None]
    dataset: NotRequired[str]
    limit: NotRequired[str | None]


class FrontConfig(SearchConfig):
    """A search for the front between the objective and a cost."""

    cost: str


class TrainingConfig(TypedDict):
    """One architecture's network, trained; the architecture is an object of its own."""

    space: str
    architecture: dict[str, Any]
    hash: str
    objective: ObjectiveRecord
    network: dict[str, Any]
    recipe: dict[str, Any]


class Reconstruction(TypedDict):
    """What a VAE decodes exactly: counts and shares by the way of decoding."""

    greedy: dict[str, float]


class EmbeddingResult(TypedDict):
    """A trained graph VAE, evaluated."""

    epochs: int
    training_seconds: float
    held_out_graphs: int
    training_graphs: int
    reconstruction: Reconstruction


class QualityRecord(TypedDict):
    """Predictions against what was measured; a correlation is ``None`` where one side is equal."""

    architectures: int
    kendall_tau: float | None
    spearman_rho: float | None
    pearson_r: float | None
    rmse: float | None


class FineTuningResult(TypedDict):
    """A fine-tuned predictor, judged."""

    epochs: int
    labels: int
    learnt: str
    training_seconds: float
    held_out: dict[str, QualityRecord]


class PredictionResult(TypedDict):
    """A fitted predictor, judged: quality by metric, and what share each interval held."""

    predicted: int
    quality: dict[str, QualityRecord]
    coverage: dict[str, float]
    fit_seconds: float
    predict_seconds: float


class Trained(TypedDict):
    """What came of training an architecture with several seeds: means of those that succeeded."""

    objective: ObjectiveRecord
    trained: int
    failed: int
    validation: NotRequired[float]
    test: NotRequired[float]
    parameters: NotRequired[int]
    reason: NotRequired[str]


class Ranked(TypedDict):
    """A candidate by its prediction, and what was measured where it was trained."""

    rank: int
    mean: float
    std: NotRequired[float]
    hash: str
    architecture: dict[str, Any]
    measured: NotRequired[Trained]


class ExtrapolationResult(TypedDict):
    """The first of a ranking."""

    candidates: int
    top: list[Ranked]


class Found(TypedDict):
    """An architecture that a search found; its value is called as files for people call it."""

    hash: str
    architecture: dict[str, Any]
    notation: str
    query: NotRequired[int]
    network: NotRequired[str]
    validation: NotRequired[float | None]
    value: NotRequired[float | None]
    test: NotRequired[float | None]
    fidelity: NotRequired[int | None]
    true_validation: NotRequired[float | None]
    true_test: NotRequired[float | None]


class SearchResult(TypedDict):
    """What a search found; ``optimum`` is known where a table holds the whole domain."""

    queries: int
    failed: NotRequired[int]
    share_known: float | None
    best_observed: Found | None
    recommended: Found | None
    optimum: dict[str, float | None] | None
    seconds: float
    simulated_seconds: float
    fidelities: NotRequired[dict[str, int]]
    given_up: NotRequired[str]


class FrontMember(TypedDict):
    """An architecture that no other beats in both objectives."""

    hash: str
    architecture: dict[str, Any]
    validation: float
    test: float | None
    cost: float


class FrontResult(SearchResult):
    """What a search for a front found besides."""

    front: list[FrontMember]
    cost: str
    hypervolume: float
    share_of_hypervolume: float | None


class TrainingResult(TypedDict):
    """A network trained once: its measurement."""

    status: str
    reason: NotRequired[str]
    validation: NotRequired[float | None]
    test: NotRequired[float | None]
    cost_seconds: NotRequired[float]
    parameters: NotRequired[int]
    flops: NotRequired[int]
    details: NotRequired[dict[str, float]]
