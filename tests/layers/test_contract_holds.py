"""Every layer keeps the streaming contract, in both dtypes."""

import pytest
import torch

from rtrave.layers.activations import AmplitudeModulation, Identity, LeakyReLU
from rtrave.layers.compose import Sequential, SumOfBranches, residual
from rtrave.layers.contract import Signal, verify_contract
from rtrave.layers.conv import Conv1d, ConvTranspose1d

# name: layer, input channels, smallest block
LAYERS = {
    "leaky relu": (LeakyReLU, 3, 1),
    "identity": (Identity, 3, 1),
    "amplitude modulation": (AmplitudeModulation, 6, 1),
    "one tap": (lambda: Conv1d(3, 4, 1), 3, 1),
    "seven taps": (lambda: Conv1d(3, 4, 7, weight_norm=True), 3, 1),
    "dilated": (lambda: Conv1d(3, 4, 3, dilation=9), 3, 1),
    "strided, even kernel": (lambda: Conv1d(3, 4, 8, stride=4, weight_norm=True), 3, 4),
    "strided, odd kernel": (lambda: Conv1d(3, 4, 9, stride=4), 3, 4),
    "strided, long odd kernel": (lambda: Conv1d(1, 16, 257, stride=16), 1, 16),
    "strided by two": (lambda: Conv1d(3, 4, 4, stride=2), 3, 2),
    "upsampling by two": (lambda: ConvTranspose1d(3, 4, 2, weight_norm=True), 3, 1),
    "upsampling by four": (lambda: ConvTranspose1d(3, 4, 4), 3, 1),
    "residual": (lambda: residual(4, 3, 3, weight_norm=True), 4, 1),
    "sum": (lambda: SumOfBranches(Conv1d(3, 4, 5), Conv1d(3, 4, 2)), 3, 1),
    "down and up": (lambda: Sequential(Conv1d(3, 6, 8, stride=4), LeakyReLU(), ConvTranspose1d(6, 3, 4)), 3, 4),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", LAYERS)
def test_contract(name, dtype):
    make, channels, multiple = LAYERS[name]
    torch.manual_seed(1)
    layer = make().to(dtype)
    measured = verify_contract(layer, Signal(channels, multiple, blocks=97, dtype=dtype))
    assert measured.compared > 1000
