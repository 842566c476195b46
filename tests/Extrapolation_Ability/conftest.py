"""The fixture of tiny trainings."""

from tests.Extrapolation_Ability.tiny_trainings import tiny

__all__ = ["tiny"]
