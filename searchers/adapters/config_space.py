"""The parameters of a space as a configuration space of the package ConfigSpace.

Lindauer et al., *BOAH: A Tool Suite for Multi-Fidelity Bayesian Optimization & Analysis of
Hyperparameters*, arXiv:1908.06756. SMAC, DEHB and others search such spaces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from datasets.space import SearchSpace
from searchers.adapters.optional import not_installed
from searchers.adapters.parameters import parameters_of

if TYPE_CHECKING:
    import ConfigSpace


def configuration_space(
    space: SearchSpace, seed: int | None = None
) -> ConfigSpace.ConfigurationSpace:
    """The configurations of a space; any of them is an argument of ``ConfigurationFunction``.

    Args:
        space: the search space.
        seed: of the configuration space's own random draws.

    Raises:
        InputError: ConfigSpace is not installed, or no parameters describe the space.
    """
    try:
        from ConfigSpace import Categorical, ConfigurationSpace, Integer
    except ImportError as error:
        raise not_installed(error, "a configuration space", "ConfigSpace") from error
    found = ConfigurationSpace(name=space.name, seed=seed)
    for name, choices in parameters_of(space).choices.items():
        if isinstance(choices, range):
            found.add(Integer(name, (choices[0], choices[-1])))
        else:
            found.add(Categorical(name, list(choices)))
    return found
