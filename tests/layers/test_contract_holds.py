"""Every layer passes `verify_contract`, in both dtypes."""

import pytest
import torch

from rtrave.layers.activations import Identity, LeakyReLU, Snake
from rtrave.layers.compose import Branches, Delay, Named, Sequential, dilated_unit, residual
from rtrave.layers.contract import Signal, verify_contract
from rtrave.layers.conv import Conv1d, ConvTranspose1d
from rtrave.layers.norm import BatchNorm


def trained_batch_norm(channels):
    """Return batch norm with random statistics, as in a loaded model."""
    layer = BatchNorm(channels)
    for tensor in (layer.weight.data, layer.bias.data, layer.running_mean):
        torch.nn.init.normal_(tensor)
    torch.nn.init.uniform_(layer.running_var, 0.5, 2)
    return layer.eval()


# name: layer, input channels, smallest block
LAYERS = {
    "leaky relu": (LeakyReLU, 3, 1),
    "identity": (Identity, 3, 1),
    "snake": (lambda: Snake(3), 3, 1),
    "delay": (lambda: Delay(7, 3), 3, 1),
    "one tap": (lambda: Conv1d(3, 4, 1), 3, 1),
    "seven taps": (lambda: Conv1d(3, 4, 7, weight_norm=True), 3, 1),
    "dilated": (lambda: Conv1d(3, 4, 3, dilation=9), 3, 1),
    "strided, even kernel": (lambda: Conv1d(3, 4, 8, stride=4, weight_norm=True), 3, 4),
    "strided, odd kernel": (lambda: Conv1d(3, 4, 9, stride=4), 3, 4),
    "strided, long odd kernel": (lambda: Conv1d(1, 16, 257, stride=16), 1, 16),
    "strided by two": (lambda: Conv1d(3, 4, 4, stride=2), 3, 2),
    "upsampling by two": (lambda: ConvTranspose1d(3, 4, 2, weight_norm=True), 3, 1),
    "upsampling by four": (lambda: ConvTranspose1d(3, 4, 4), 3, 1),
    "bias": (lambda: Conv1d(3, 4, 5, bias=True), 3, 1),
    "groups": (lambda: Conv1d(4, 6, 5, groups=2), 4, 1),
    "centred": (lambda: Conv1d(3, 4, 7, mode="centered"), 3, 1),
    "centred, even kernel": (lambda: Conv1d(3, 4, 4, mode="centered"), 3, 1),
    "centred, dilated": (lambda: Conv1d(3, 4, 3, dilation=9, mode="centered"), 3, 1),
    "centred, strided": (lambda: Conv1d(3, 4, 8, stride=4, mode="centered"), 3, 4),
    "centred, strided, aligned": (lambda: Conv1d(3, 4, 9, stride=4, mode="centered", align=4), 3, 4),
    "kernel below the stride": (lambda: Conv1d(3, 4, 3, stride=4), 3, 4),
    "residual": (lambda: residual(dilated_unit(4, (3, 1), 3, "causal", True), 4), 4, 1),
    "centred residual": (lambda: residual(dilated_unit(4, (3, 3), 9, "centered", True), 4), 4, 1),
    "named": (lambda: Named("net", Conv1d(3, 4, 5)), 3, 1),
    "branches": (lambda: Branches(Conv1d(3, 4, 5), Conv1d(3, 4, 9, mode="centered"), channels=4), 3, 1),
    "batch norm": (lambda: trained_batch_norm(3), 3, 1),
    "down and up": (lambda: Sequential(Conv1d(3, 6, 8, stride=4), LeakyReLU(), ConvTranspose1d(6, 3, 4)), 3, 4),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", LAYERS)
def test_contract(name, dtype):
    make, channels, multiple = LAYERS[name]
    torch.manual_seed(1)
    layer = make().to(dtype)
    settle = 25 if "centred" in name or name in ("down and up", "branches") else 0  # offline pads there with zeros
    measured = verify_contract(layer, Signal(channels, multiple, blocks=97, settle=settle, dtype=dtype))
    assert measured.compared > 1000
