"""`verify_contract` finds each broken layer and names the clause that it breaks."""

import pytest
import torch

from rtrave.layers.contract import ContractError, Signal, verify_contract, verify_receptive_field
from rtrave.layers.conv import Conv1d, ConvTranspose1d


class DropsItsPast(Conv1d):
    def step(self, x, state):
        y, _ = super().step(x, state)
        return y, self.initial_state(x.shape[0], x.dtype)


class HidesItsState(Conv1d):
    """Layer that keeps its state in the module, which works for one stream alone."""

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
        (DropsItsPast(2, 3, 5), "partition"),
        (HidesItsState(2, 3, 5), "two streams"),
        (WritesIntoTheGivenState(2, 3, 5), "expected the given state unchanged"),
        (ReportsAnotherDelay(2, 3, 4), "delay"),
        (LooksAhead(2, 3, 5), "delay|causality|offline"),
        (MixesTheBatch(2, 3, 5), "offline|rows"),
        (AnotherNetwork(2, 3, 5), "offline"),
        (ReportsTooSmallAField(2, 3, 5), "no effect from beyond 3 samples, got one"),
        (ReportsTooLargeAField(2, 3, 5), "an effect from 5 samples back, got none"),
        (ReportsNoBound(2, 3, 5), "an effect from None samples back, got none"),
        (ReportsTheFieldOfTheNewestOutputAlone(2, 3, 4), "no effect from beyond 1 samples, got one"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, torch.nn.Module) else None,
)
def test_fault_is_found(layer, clause):
    with pytest.raises(ContractError, match=clause):
        verify_contract(layer.double(), Signal(2, blocks=64))


def test_silence_proves_nothing():
    layer = Conv1d(2, 3, 5).double()
    torch.nn.init.zeros_(layer.weight)
    with pytest.raises(ContractError, match="expected values to compare, got none"):
        verify_contract(layer, Signal(2))


def test_a_field_that_does_not_fit_is_refused():
    x, other = torch.randn(2, 1, 2, 50, dtype=torch.float64)
    with pytest.raises(ContractError, match="expected less than 50, got 54: use a longer signal"):
        verify_receptive_field(Conv1d(2, 3, 55).double(), x, other, 1)


def test_too_short_a_signal_proves_nothing():
    with pytest.raises(ContractError, match="use a longer signal"):
        verify_contract(ConvTranspose1d(2, 3, 16).double(), Signal(2, blocks=1))
