"""Recording what networks compute: what is recorded, what resumes, what fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datasets import get_space
from datasets.graph import ArchitectureGraph
from datasets.images import ImageData, LabelledImages, get_images
from datasets.io_files import is_io_set
from datasets.io_set import IOSet
from estimators.from_scratch import FromScratch, OutOfMemory, Training, representative
from estimators.io_recording import Chosen, Parts, build_io_set, shown_images
from estimators.networks import NB101Design
from estimators.tasks.images import ImageClassification, ImageRecipe
from experiment.engine import InThisProcess
from experiment.errors import InputError

SPACE = get_space("DIGITS101")
UNSEEN_IMAGES = 30


class Killed(BaseException):
    """Stands for a kill: nothing of ours may catch it."""


def estimator(**changed: Any) -> FromScratch:
    fixed: dict[str, Any] = {
        "space": SPACE,
        "task": ImageClassification("digits"),
        "design": NB101Design(stem_channels=4, stacks=2, cells=1, batch_norm_momentum=0.1),
        "recipe": ImageRecipe.load("digits101", overrides={"epochs": 1, "batch_size": 200}),
    }
    return FromScratch(**{**fixed, **changed})


@pytest.fixture(scope="module")
def chosen() -> Chosen:
    cells = [representative(cell, SPACE) for cell in SPACE.sample(4, np.random.default_rng(0))]
    named = {SPACE.hash(cell): cell for cell in cells}
    assert len(named) == 4
    rows = list(named.items())
    return Chosen(dict(rows[:3]), dict(rows[3:]), {"seed": 0})


def build(folder: Path, chosen: Chosen, given: FromScratch | None = None) -> IOSet:
    return build_io_set(folder, chosen, given or estimator(), InThisProcess(), UNSEEN_IMAGES)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, chosen: Chosen) -> Path:
    folder = tmp_path_factory.mktemp("io") / "set"
    build(folder, chosen)
    return folder


@pytest.fixture
def io_set(finished: Path, chosen: Chosen) -> IOSet:
    return build(finished, chosen)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[ArchitectureGraph]:
    """The architectures that are trained."""
    graphs: list[ArchitectureGraph] = []
    measured = Training.measured

    def noted(training: Training, graph: ArchitectureGraph, record: Any) -> Any:
        graphs.append(graph)
        return measured(training, graph, record)

    monkeypatch.setattr(Training, "measured", noted)
    return graphs


def files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name != ".lock"}


def test_the_dense_layer_of_the_features_is_the_network(io_set: IOSet, chosen: Chosen) -> None:
    """From what was recorded follow the accuracies that were measured of the network."""
    scores = np.einsum("nmf,ncf->nmc", io_set.features, io_set.weights) + io_set.bias[:, None]
    right = scores.argmax(axis=2) == io_set.labels
    assert right[:, : io_set.seen_images].mean(axis=1).tolist() == io_set.validation.tolist()
    graphs = {**chosen.train, **chosen.unseen}
    for row, hash in enumerate(io_set.hashes):
        (alone,) = estimator().measure([graphs[hash]])
        assert (alone.validation, alone.test) == (io_set.validation[row], io_set.test[row])
        assert io_set.graphs.graph(row) == graphs[hash]


def test_images_are_those_that_no_network_trained_on(io_set: IOSet) -> None:
    digits = get_images("digits")
    seen = io_set.seen_images
    assert (io_set.images[:seen] == digits.validation.images.numpy()).all()
    assert (io_set.images[seen:] == digits.test.images[:UNSEEN_IMAGES].numpy()).all()
    assert (io_set.labels[seen:] == digits.test.labels[:UNSEEN_IMAGES].numpy()).all()
    assert io_set.mean[0] == float(digits.mean)
    expected = (digits.validation.images[0] - digits.mean) / digits.std
    torch.testing.assert_close(io_set.pixels()[0], expected)


def test_networks_are_in_order_of_their_hashes(io_set: IOSet, chosen: Chosen) -> None:
    assert io_set.part("train").hashes.tolist() == sorted(chosen.train)
    assert io_set.part("unseen_networks").hashes.tolist() == sorted(chosen.unseen)


@pytest.mark.parametrize("die_at", [1, 3, 4])
def test_a_killed_build_resumes_to_the_same_files(
    finished: Path,
    chosen: Chosen,
    tmp_path: Path,
    trained: list[ArchitectureGraph],
    monkeypatch: pytest.MonkeyPatch,
    die_at: int,
) -> None:
    keep = Parts.keep

    def dying(parts: Parts, hash: str, result: Any) -> Any:
        if len(trained) == die_at:
            raise Killed
        return keep(parts, hash, result)

    monkeypatch.setattr(Parts, "keep", dying)
    with pytest.raises(Killed):
        build(tmp_path, chosen)
    assert not is_io_set(tmp_path)
    monkeypatch.setattr(Parts, "keep", keep)
    (tmp_path / "parts" / ".features.partial-0123.npz").write_bytes(b"torn")
    build(tmp_path, chosen)
    assert len(trained) == 4 + 1  # the one that died, again
    assert files(tmp_path) == files(finished)


def test_a_finished_set_is_opened(
    finished: Path, chosen: Chosen, trained: list[ArchitectureGraph]
) -> None:
    before = files(finished)
    assert isinstance(build(finished, chosen).features, np.memmap)
    assert (trained, files(finished)) == ([], before)


def test_a_damaged_part_is_trained_again(
    finished: Path,
    chosen: Chosen,
    tmp_path: Path,
    trained: list[ArchitectureGraph],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(*given: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("estimators.io_recording.write_io_set", stopped)
        with pytest.raises(Killed):
            build(tmp_path, chosen)
    damaged = next(iter(chosen.train))
    part = tmp_path / "parts" / f"{damaged}.npz"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    trained.clear()
    build(tmp_path, chosen)
    assert trained == [chosen.train[damaged]]
    assert files(tmp_path) == files(finished)


def failing(hash: str, outcome: Any) -> Callable[..., Any]:
    measured = Training.measured

    def one_fails(training: Training, graph: ArchitectureGraph, record: Any) -> Any:
        if SPACE.hash(graph) == hash:
            return outcome
        return measured(training, graph, record)

    return one_fails


@pytest.mark.parametrize(
    "outcome",
    [{"status": "failed", "reason": "the loss is nan"}, OutOfMemory("the memory is too short")],
    ids=["diverged", "memory"],
)
def test_a_failed_network_is_left_out_and_named(
    io_set: IOSet,
    chosen: Chosen,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outcome: dict[str, str] | OutOfMemory,
) -> None:
    lost = min(chosen.train)
    monkeypatch.setattr(Training, "measured", failing(lost, outcome))
    found = build(tmp_path, chosen)
    reason = outcome["reason"] if isinstance(outcome, dict) else str(outcome)
    assert found.failed == ({"hash": lost, "part": "train", "reason": reason},)
    assert found.hashes.tolist() == io_set.hashes[1:].tolist()
    assert (found.features == io_set.features[1:]).all()
    assert found.training_networks == 2


def test_features_that_are_not_finite_are_a_failure(
    chosen: Chosen, monkeypatch: pytest.MonkeyPatch
) -> None:
    from estimators.io_recording import Recording
    from estimators.tasks.images import PreparedImages

    monkeypatch.setattr(PreparedImages, "features", lambda *given: torch.tensor([float("nan")]))
    result = Recording(estimator().work)(next(iter(chosen.train.values())))
    assert isinstance(result, dict)
    assert (result["status"], result["reason"]) == (
        "failed",
        "its features are no longer finite",
    )


def test_too_few_that_did_not_fail(
    chosen: Chosen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = next(iter(chosen.unseen))
    outcome = {"status": "failed", "reason": "the loss is nan"}
    monkeypatch.setattr(Training, "measured", failing(lost, outcome))
    with pytest.raises(InputError, match="3 training networks of 3: expected 2 at least, and an"):
        build(tmp_path, chosen)
    assert not is_io_set(tmp_path)


def test_other_settings_are_refused(finished: Path, chosen: Chosen, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"other settings \(seed is 0 there and 1 here\)"):
        build(finished, chosen, estimator(seed=1))
    recipe = ImageRecipe.load("digits101", overrides={"epochs": 2})
    with pytest.raises(InputError, match=r"\(recipe batch_size is 200 there and 32 here\)"):
        build(finished, chosen, estimator(recipe=recipe))
    others = dataclasses.replace(chosen, settings={"seed": 5})
    with pytest.raises(InputError, match=r"\(chosen seed is 0 there and 5 here\)"):
        build(finished, others)
    Parts(tmp_path, {"seed": 0})
    with pytest.raises(InputError, match="networks were recorded in"):
        Parts(tmp_path, {"seed": 1})


def some_images(labels: list[int]) -> ImageData:
    def part(of: list[int]) -> LabelledImages:
        return LabelledImages(torch.zeros(len(of), 1, 2, 2, dtype=torch.uint8), torch.tensor(of))

    one = torch.ones(1)
    return ImageData("made up", 3, one, one, part([0, 1, 2]), part(labels), part([2, 1, 0]))


def test_images_that_are_refused() -> None:
    images, seen = shown_images(some_images([2, 1, 0, 0]), 2)
    assert (images.labels.tolist(), seen) == ([2, 1, 0, 0, 2, 1], 4)
    with pytest.raises(InputError, match="class 1 has no image among the 2 of made up"):
        shown_images(some_images([2, 0]), None)
    with pytest.raises(InputError, match="4 unseen images were asked for and made up has 3"):
        shown_images(some_images([0, 1, 2]), 4)
    without = dataclasses.replace(
        some_images([0]), validation=some_images([0]).test.subset(torch.arange(0))
    )
    with pytest.raises(InputError, match="0 images for validation"):
        shown_images(without, None)
