"""Preprocessing of input–output information, against the published code's numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from datasets.io_targets import (
    PREPROCESSINGS,
    Positions,
    Preprocessing,
    Rows,
    Scaler,
    append_one,
    fit_positions,
    fit_scaler,
    get_preprocessing,
)
from experiment.errors import InputError
from experiment.files import read_json

TOLERANCE = 1e-9


class Published:
    """The two networks of the fixture, and what the published code makes of them."""

    def __init__(self, folder: Path) -> None:
        content: dict[str, Any] = read_json(folder / "infonas_NB101" / "io_preprocessing.json")
        self.labels = np.array(content["labels"])
        self.networks = {
            name: {key: np.array(value) for key, value in network.items()}
            for name, network in content["networks"].items()
        }
        self.expected = content["expected"]

    def scaler(self, name: str, kind: str = "network") -> Scaler:
        network = self.networks[name]
        labels, classes = self.labels, len(network["bias"])
        return fit_scaler(network["outputs"], labels, classes, kind)

    def rows(self, name: str, preprocessing: Preprocessing) -> np.ndarray:
        network = self.networks[name]
        return preprocessing.unnormalised(
            network["outputs"],
            self.labels,
            network["weights"],
            network["bias"],
            self.scaler(name, preprocessing.scaler),
        )

    def agrees(self, found: np.ndarray, expected: Any) -> None:
        expected = np.asarray(expected)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.fixture(scope="module")
def published(fixtures_root: Path) -> Published:
    return Published(fixtures_root)


def test_every_step_of_the_code(published: Published) -> None:
    for name, images in published.expected["steps"].items():
        network, scaler = published.networks[name], published.scaler(name)
        values = append_one(network["outputs"])
        published.agrees(values, [image["1_bias_appended"] for image in images])
        dense = np.concatenate([network["weights"], network["bias"][:, None]], axis=1)
        rows = Rows(values, dense[published.labels], published.labels)
        for step, key in zip(
            PREPROCESSINGS["code"].steps, ("2_multiplied", "3_scaled", "4_sorted"), strict=True
        ):
            rows = step(rows, scaler)
            published.agrees(rows.values, [image[key] for image in images])


@pytest.mark.parametrize("name", ["code", "paper"])
def test_positions_are_normalised(published: Published, name: str) -> None:
    expected = published.expected
    if name == "code":
        fits, key = expected["fits"]["whole"], "5_final"
        finals = {
            network: [image[key] for image in images]
            for network, images in expected["steps"].items()
        }
    else:
        variant = expected["variants"]["order_of_the_paper"]
        fits, finals = variant["whole"], variant["result"]
    preprocessing = PREPROCESSINGS[name]
    blocks = {network: published.rows(network, preprocessing) for network in finals}
    positions = fit_positions(blocks.values())
    published.agrees(positions.mean, fits["mean"])
    published.agrees(positions.std, fits["std"])
    for network, final in finals.items():
        published.agrees(preprocessing.finish(blocks[network], positions), final)


@pytest.mark.parametrize(
    ("name", "variant"),
    [("top_k", "top_k_unscaled"), ("normalize_row", "top_k_normalised_rows")],
)
def test_the_release_of_2022(published: Published, name: str, variant: str) -> None:
    expected = published.expected["variants"][variant]
    preprocessing = replace(PREPROCESSINGS[name], top_k=expected["k"])
    for network, result in expected["result"].items():
        found = preprocessing.finish(published.rows(network, preprocessing), None)
        published.agrees(found, result)
        assert preprocessing.outputs(found.shape[1] + 5, 10) == expected["k"]


def test_divided_by_the_maximum(published: Published) -> None:
    for network, result in published.expected["variants"]["max_scaled"].items():
        published.agrees(published.rows(network, PREPROCESSINGS["max_scaled"]), result)


def test_scalers(published: Published) -> None:
    fits, variants = published.expected["fits"], published.expected["variants"]
    for network in published.networks:
        for kind, expected in (
            ("network", fits["scaler"][network]),
            ("feature", variants["scaler_axis_0"][network]),
        ):
            scaler = published.scaler(network, kind)
            for found, key in zip(
                (scaler.mean, scaler.std, scaler.maximum), ("mean", "std", "max"), strict=True
            ):
                published.agrees(found[0], np.atleast_1d(expected[key]))


def test_a_scaler_a_class(published: Published) -> None:
    expected = published.expected["variants"]["scaler_per_label"]
    relabelled = published.labels - 2  # every class has an image: 2 and 3 become 0 and 1
    for name, network in published.networks.items():
        scaler = fit_scaler(network["outputs"], relabelled, 2, "label")
        own = scaler.of(relabelled)
        for row, label in enumerate(published.labels):
            moments = expected[str(label)][name]
            published.agrees(own.mean[row], [moments["mean"]])
            published.agrees(own.std[row], [moments["std"]])
            published.agrees(own.maximum[row], [moments["max"]])


def similarities(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Before they are normalised; neither weights nor bias count. **Shape** (R, C)."""
    scaler = fit_scaler(features, labels, classes, "centroid")
    nothing = np.zeros((classes, features.shape[1]))
    chosen = PREPROCESSINGS["similarities"]
    return chosen.unnormalised(features, labels, nothing, nothing[:, 0], scaler)


def test_similarities_are_cosines_with_the_classes() -> None:
    generator = np.random.default_rng(0)
    features, labels = generator.normal(size=(12, 5)), np.arange(12) % 3
    centroids = np.stack([features[labels == label].mean(0) for label in range(3)])
    centre = centroids.mean(0)
    expected = 1 - cdist(features - centre, centroids - centre, "cosine")
    np.testing.assert_allclose(similarities(features, labels, 3), expected, atol=1e-12)


def test_similarities_know_neither_scale_nor_order_nor_rotation() -> None:
    generator = np.random.default_rng(1)
    features, labels = generator.normal(size=(12, 5)), np.arange(12) % 3
    expected = similarities(features, labels, 3)
    rotation, _ = np.linalg.qr(generator.normal(size=(5, 5)))
    for changed in (features * 7 + 3, features[:, generator.permutation(5)], features @ rotation):
        np.testing.assert_allclose(similarities(changed, labels, 3), expected, atol=1e-12)
    constant = similarities(np.ones((12, 5)), labels, 3)
    assert (constant == 0).all(), "a network that tells nothing apart"


def test_blocks_make_no_difference() -> None:
    values = np.random.default_rng(0).normal(3, 2, size=(30, 4))
    at_once, in_parts = fit_positions([values]), fit_positions([values[:7], values[:0], values[7:]])
    np.testing.assert_allclose(in_parts.mean, values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(in_parts.std, at_once.std, rtol=1e-12)
    normal = in_parts(values)
    np.testing.assert_allclose(normal.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(normal.std(0), 1, rtol=1e-12)


def test_what_never_varies_becomes_zero() -> None:
    constant = np.full((3, 2), 5.0)
    assert (fit_positions([constant])(constant) == 0).all()


def arguments() -> dict[str, Any]:
    generator = np.random.default_rng(1)
    features, labels = generator.random((4, 3)), np.array([0, 1, 1, 0])
    return {
        "features": features,
        "labels": labels,
        "weights": generator.normal(size=(2, 3)),
        "bias": generator.normal(size=2),
        "scaler": fit_scaler(features, labels, 2),
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": np.array([0, 1, 2, 0])}, "label 2, expected 0 to 1"),
        ({"labels": np.array([0, -1, 1, 0])}, "label -1, expected 0 to 1"),
        ({"labels": np.array([0, 1])}, "4 images with labels"),
        ({"features": np.ones((4, 5))}, "5 features and dense weights of 3"),
        ({"features": np.ones((0, 3))}, "expected \\(images, features\\)"),
        ({"scaler": Scaler(*(np.ones((1, 9)),) * 3)}, "scaler of shape \\(1, 9\\)"),
        ({"scaler": Scaler(*(np.ones((3, 1)),) * 3)}, "scaler of shape \\(3, 1\\)"),
    ],
    ids=["high", "negative", "few", "weights", "none", "other features", "other classes"],
)
def test_bad_input_is_one_sentence(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        PREPROCESSINGS["code"].unnormalised(**arguments() | change)


def test_other_bad_input() -> None:
    given = arguments()
    with pytest.raises(InputError, match="class 2 has no image"):
        fit_scaler(given["features"], given["labels"], 3, "label")
    with pytest.raises(InputError, match="no scaler is called 'image'"):
        fit_scaler(given["features"], given["labels"], 2, "image")
    with pytest.raises(InputError, match="choose one of code, paper"):
        get_preprocessing("codes")
    with pytest.raises(InputError, match="2 positions and the targets have 3"):
        Positions(np.zeros(2), np.ones(2))(np.ones((4, 3)))
    with pytest.raises(InputError, match="'code' normalises positions"):
        PREPROCESSINGS["code"].finish(np.ones((4, 3)), None)
    with pytest.raises(InputError, match="no target"):
        fit_positions([])
    with pytest.raises(InputError, match="top_k is 0"):
        replace(PREPROCESSINGS["top_k"], top_k=0)
