"""The contract check itself: each broken layer is found by the clause that names its fault."""

import pytest
import torch

from rtrave.layers.contract import ContractError, Signal, verify_contract, verify_receptive_field
from rtrave.layers.conv import Conv1d, ConvTranspose1d


class ForgetsItsPast(Conv1d):
    def step(self, x, state):
        y, _ = super().step(x, state)
        return y, self.initial_state(x.shape[0], x.dtype)


class HidesItsState(Conv1d):
    """Works for one stream alone: what it remembers is kept in the module."""

    hidden = None

    def step(self, x, state):
        y, self.hidden = super().step(x, state if self.hidden is None or not state["cache"].any() else self.hidden)
        return y, self.hidden


class WritesIntoTheGivenState(Conv1d):
    def step(self, x, state):
        y, following = super().step(x, state)
        state["cache"].copy_(following["cache"])
        return y, {"cache": state["cache"]}


class ReportsAnotherDelay(ConvTranspose1d):
    def delay(self, incoming):
        return super().delay(incoming) + 1


class LooksAhead(Conv1d):
    def forward(self, x):
        return super().forward(torch.nn.functional.pad(x, (0, 1))[:, :, 1:])


class MixesTheBatch(Conv1d):
    def step(self, x, state):
        y, following = super().step(x, state)
        return y + 1e-3 * y.flip(0), following


class ReportsTooSmallAField(Conv1d):
    def receptive_field(self, past):
        return super().receptive_field(past) - 1


class ReportsTooLargeAField(Conv1d):
    def receptive_field(self, past):
        return super().receptive_field(past) + 1


class ReportsNoBound(Conv1d):
    def receptive_field(self, past):
        return None


class ReportsTheFieldOfTheNewestOutputAlone(ConvTranspose1d):
    def receptive_field(self, past):
        return super().receptive_field(0)


class AnotherNetwork(Conv1d):
    def step(self, x, state):
        y, following = super().step(x, state)
        return 1.001 * y, following


@pytest.mark.parametrize(
    ("layer", "clause"),
    [
        (ForgetsItsPast(2, 3, 5), "partition"),
        (HidesItsState(2, 3, 5), "two streams"),
        (WritesIntoTheGivenState(2, 3, 5), "changed the state"),
        (ReportsAnotherDelay(2, 3, 4), "delay"),
        (LooksAhead(2, 3, 5), "delay|causality|offline"),
        (MixesTheBatch(2, 3, 5), "offline|rows"),
        (AnotherNetwork(2, 3, 5), "offline"),
        (ReportsTooSmallAField(2, 3, 5), "receptive field: .* have an effect"),
        (ReportsTooLargeAField(2, 3, 5), "receptive field: .* has no effect"),
        (ReportsNoBound(2, 3, 5), "receptive field: .* has no effect"),
        (ReportsTheFieldOfTheNewestOutputAlone(2, 3, 4), "receptive field: .* have an effect"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, torch.nn.Module) else None,
)
def test_fault_is_found(layer, clause):
    with pytest.raises(ContractError, match=clause):
        verify_contract(layer.double(), Signal(2, blocks=64))


def test_silence_proves_nothing():
    layer = Conv1d(2, 3, 5).double()
    torch.nn.init.zeros_(layer.weight)
    with pytest.raises(ContractError, match="nothing to compare"):
        verify_contract(layer, Signal(2))


def test_a_field_that_does_not_fit_is_refused():
    x, other = torch.randn(2, 1, 2, 50, dtype=torch.float64)
    with pytest.raises(ContractError, match="54 samples do not fit into 50: use a longer signal"):
        verify_receptive_field(Conv1d(2, 3, 55).double(), x, other, 1)


def test_too_short_a_signal_proves_nothing():
    with pytest.raises(ContractError, match=r"too short|nothing to compare"):
        verify_contract(ConvTranspose1d(2, 3, 16).double(), Signal(2, blocks=1))
