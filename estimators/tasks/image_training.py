"""Trainings on images as a user asks for them: presets, and what is given on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from datasets.images import get_images
from datasets.space import SearchSpace
from estimators.networks import Design, load_design
from estimators.recorded import RecordedTraining
from estimators.tasks.images import ImageRecipe, PreparedImages

CUTOUT_LENGTH = 16
"""Published side of the square, in pixels."""


@dataclass(frozen=True)
class Cutout:
    """What is changed of the square that a recipe cuts out of images.

    Attributes:
        wanted: whether one is cut out; ``None`` for as the recipe says. Without it, length and
            share say nothing where the recipe cuts out none, as in the published code.
        length: its side in pixels; ``None`` for the recipe's, else :data:`CUTOUT_LENGTH`.
        probability: share of the images that are cut; ``None`` for the recipe's.
    """

    wanted: bool | None = None
    length: int | None = None
    probability: float | None = None

    def applied(self, recipe: ImageRecipe) -> ImageRecipe:
        """The recipe with these changes."""
        wanted = bool(recipe.cutout_length) if self.wanted is None else self.wanted
        if not wanted:
            return replace(recipe, cutout_length=0)
        given = self.probability
        return replace(
            recipe,
            cutout_length=self.length or recipe.cutout_length or CUTOUT_LENGTH,
            cutout_probability=recipe.cutout_probability if given is None else given,
        )


@dataclass(frozen=True)
class ImageTraining:
    """What networks are trained on, and how.

    Attributes:
        data_set: one of :data:`datasets.images.IMAGE_DATA`.
        folder: of its files; default: where they are looked for.
        data_root: as for :func:`datasets.images.get_images`.
        train_share: share of CIFAR-10's training images that is trained on.
        preset: name or path of the preset; default: ours, which depends on the data set.
        settings: of the recipe, over those of the preset; ``None`` for as the preset says.
        cutout: over that of the recipe.
        sizes: of the network, over those of the preset.
        report_every: steps between printed lines about a step; ``None`` for none.
    """

    data_set: str
    folder: Path | None = None
    data_root: Path | None = None
    train_share: float | None = None
    preset: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    cutout: Cutout = Cutout()
    sizes: Mapping[str, Any] = field(default_factory=dict)
    report_every: int | None = None

    def prepare(self, space: SearchSpace, device: torch.device) -> RecordedTraining:
        """Read the images onto a device, and put recipe and sizes together.

        Raises:
            InputError: there is no such data or preset, or a setting or size is wrong.
        """
        images = get_images(self.data_set, self.folder, self.data_root, self.train_share)
        recipe, design = self.recipe(space), self.design(space)
        task = PreparedImages(images.to(device), recipe.on(device))
        return RecordedTraining(space, task, design, device, self.report_every)

    def recipe(self, space: SearchSpace) -> ImageRecipe:
        """How networks of a space are trained.

        Raises:
            InputError: there is no such preset, or a setting is wrong.
        """
        sections = (space.preset_sections[0], self.data_set)
        loaded = ImageRecipe.load(self._preset, *sections, overrides=dict(self.settings))
        return self.cutout.applied(loaded)

    def design(self, space: SearchSpace) -> Design:
        """Sizes of the networks of a space.

        Raises:
            InputError: there is no such preset, or a size is wrong.
        """
        return load_design(self._preset, space, self.data_set, overrides=dict(self.sizes))

    @property
    def _preset(self) -> str:
        return self.preset or ("digits101" if self.data_set == "digits" else "default")
