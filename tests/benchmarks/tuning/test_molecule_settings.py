"""What a candidate of the settings on molecules names."""

from __future__ import annotations

import pytest

from benchmarks.tuning.molecule_settings import settings_of, with_epochs
from experiment.errors import InputError


def test_a_candidate_is_an_architecture_and_what_differs() -> None:
    found = settings_of("sum epochs=20 learning_rate=1e-3 loss=huber")
    assert found == ("sum", {"epochs": 20, "learning_rate": 1e-3, "loss": "huber"})
    assert with_epochs("sum loss=huber", 20) == "sum epochs=20 loss=huber"
    assert with_epochs("sum epochs=60", 20) == "sum epochs=60"
    for wrong, said in (("som", "did you mean 'sum'"), ("sum loss", "no setting=value")):
        with pytest.raises(InputError, match=said):
            settings_of(wrong)
