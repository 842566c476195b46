"""Fitting a network to images: it learns, and measuring it changes nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from datasets.graph import ArchitectureGraph
from datasets.images import ImageData, LabelledImages, get_images
from datasets.spaces.enas import macro_architecture
from estimators.fitting import fit, measure, training_loop
from estimators.networks import ENASDesign, NB101Design
from estimators.tasks.data_sets import DATA_SETS
from estimators.tasks.images import ImageRecipe, PreparedImages, ShuffledImages
from experiment.loop import DivergedError

RECIPE = ImageRecipe(
    epochs=3,
    batch_size=100,
    learning_rate=0.02,
    optimiser="adamw",
    schedule="one_cycle",
    weight_decay=0.01,
    precision="float32",
)
CELL = ArchitectureGraph((1, 3, 0), ((0, 1), (1, 2), (0, 2)))


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return get_images("digits")


def network() -> nn.Module:
    torch.manual_seed(0)
    return NB101Design(stem_channels=8, stacks=2, cells=1, batch_norm_momentum=0.1).build(
        CELL, DATA_SETS["digits"]
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_learns(digits: ImageData, precision: Any) -> None:
    """The loss falls in every epoch, and the accuracy is far above the tenth of chance."""
    recipe = dataclasses.replace(RECIPE, precision=precision)
    losses, shares = [], []
    trained = network()

    def after_epoch(epoch: int, means: dict[str, float]) -> None:
        losses.append(means["loss"])
        shares.append(means["train"])

    training_loop(trained, PreparedImages(digits, recipe), 0, shown=False).run(after_epoch)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.7 * losses[0]
    assert shares[-1] > shares[0]
    found = measure(trained, PreparedImages(digits, recipe))
    assert set(found) == {"validation", "test"}
    assert min(found.values()) > 0.4


def test_halfway_and_final_accuracies(digits: ImageData) -> None:
    """Half of three epochs is one; the same training, stopped there, has the same accuracies."""
    recipe = dataclasses.replace(RECIPE, schedule="constant", learning_rate=0.01)
    done = fit(network(), PreparedImages(digits, recipe), seed=1)
    once = dataclasses.replace(recipe, epochs=1)
    shorter = fit(network(), PreparedImages(digits, once), seed=1)
    assert done.halfway == shorter.final
    assert done.final != done.halfway
    assert shorter.halfway is None
    assert done.seconds > 0


def test_measuring_changes_neither_weights_nor_statistics(digits: ImageData) -> None:
    trained = network()
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    assert any("running_mean" in name for name in before)
    measure(trained, PreparedImages(digits, RECIPE))
    after = trained.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert not any(value.requires_grad and value.grad is not None for value in trained.parameters())


class Fixed(nn.Module):
    """Gives every image the class that its first pixel names."""

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.one_hot(images[:, 0, 0, 0].long(), 10).float()


def test_accuracy_is_the_share_that_is_right(digits: ImageData) -> None:
    """More images than one batch of the evaluation, 7 in 10 of them right."""
    labels = torch.arange(1230) % 10
    named = torch.where(labels < 7, labels, 9 - labels)
    images = named.to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8).contiguous()
    plain = dataclasses.replace(digits, mean=torch.zeros(1), std=torch.ones(1))
    found = PreparedImages(plain, RECIPE).accuracy(Fixed(), LabelledImages(images, labels))
    assert found == pytest.approx(0.7)


def test_nothing_held_out_gives_no_validation_accuracy(digits: ImageData) -> None:
    nobody = digits.validation.subset(torch.arange(0))
    task = PreparedImages(dataclasses.replace(digits, validation=nobody), RECIPE)
    found = measure(network(), task)
    assert set(found) == {"test"}
    assert 0 <= found["test"] <= 1


def test_an_epoch_is_whole_batches_in_an_order_of_its_own(digits: ImageData) -> None:
    few = digits.train.subset(torch.arange(50))
    numbered = LabelledImages(few.images, torch.arange(50))
    epoch = ShuffledImages(numbered, 16, seed=3, epoch=0)
    assert len(epoch) == 48
    seen = epoch[slice(0, 48)].labels.tolist()
    assert len(set(seen)) == 48
    assert ShuffledImages(numbered, 16, seed=3, epoch=0)[slice(0, 48)].labels.tolist() == seen
    for seed, number in ((3, 1), (4, 0)):
        other = ShuffledImages(numbered, 16, seed=seed, epoch=number)
        assert other[slice(0, 48)].labels.tolist() != seen
    assert torch.equal(epoch[slice(16, 32)].images, few.images[seen[16:32]])


def test_a_set_smaller_than_a_batch_is_one_batch(digits: ImageData) -> None:
    few = digits.train.subset(torch.arange(50))
    assert len(ShuffledImages(few, 64, seed=0, epoch=0)) == 50


def test_batches_are_all_of_one_size(digits: ImageData) -> None:
    """800 images in batches of 300: two of them, and none of 200."""
    trained, sizes = network(), []
    trained.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    recipe = dataclasses.replace(RECIPE, batch_size=300, epochs=1)
    training_loop(trained, PreparedImages(digits, recipe), 0, shown=False).run(
        lambda epoch, means: None
    )
    assert sizes == [300, 300]


def test_divergence_is_told(digits: ImageData) -> None:
    recipe = dataclasses.replace(RECIPE, optimiser="sgd", schedule="constant", learning_rate=1e30)
    with pytest.raises(DivergedError, match=r"the loss is (nan|inf) in epoch 1"):
        fit(network(), PreparedImages(digits, recipe), seed=0)


def test_the_auxiliary_head_of_enas_is_trained(digits: ImageData) -> None:
    """By its own loss, and it changes what the stem learns; the classifier alone is measured."""
    graph = macro_architecture("0 3 1 5 0 0")
    moved, stems = {}, {}
    for weight in (0.4, 0.0):
        torch.manual_seed(0)
        design = ENASDesign(filters=2, keep_probability=1.0)
        trained = design.build(graph, DATA_SETS["digits"])
        before = {name: value.detach().clone() for name, value in trained.named_parameters()}
        recipe = dataclasses.replace(
            RECIPE, epochs=1, batch_size=400, auxiliary_weight=weight, optimiser="sgd",
            weight_decay=0.0,
        )  # fmt: skip
        training_loop(trained, PreparedImages(digits, recipe), 0, shown=False).run(
            lambda epoch, means: None
        )
        after = dict(trained.named_parameters())
        head = [name for name in before if name.startswith("auxiliary")]
        assert head
        moved[weight] = any(not torch.equal(before[name], after[name]) for name in head)
        stems[weight] = next(iter(after.values())).detach()
    assert moved == {0.4: True, 0.0: False}
    assert not torch.equal(stems[0.4], stems[0.0])


def test_augmentation_is_drawn_with_the_seed(digits: ImageData) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=1, padding=1, cutout_length=2)
    task = PreparedImages(digits, recipe)
    one, again, other = (fit(network(), task, seed).final for seed in (0, 0, 1))
    assert one == again
    assert one != other
    whole = PreparedImages(digits, dataclasses.replace(recipe, padding=0))
    assert one != fit(network(), whole, 0).final
