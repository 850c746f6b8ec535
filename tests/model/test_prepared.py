"""`prepared` does not change the output of a model, in both forms and both dtypes."""

import pytest
import torch

from rtrave.layers.contract import TOLERANCE, relative_error
from rtrave.layers.norm import BatchNorm
from rtrave.model.weights import prepared
from tests.model.test_every_model_streams import small_model

FRAMES = 4


def steps(model, x, z, draws, image):
    """Return the outputs of two blocks of each part; with `image`, all arrays have one more dimension."""
    outputs, states = [], {part: model.initial_state(part, 2) for part in ("encoder", "decoder")}

    def fitting(value):
        if isinstance(value, dict):
            return {name: fitting(leaf) for name, leaf in value.items()}
        return value[:, None] if image and len(value) == 2 else value

    states = fitting(states)
    for _ in range(2):
        mean, std, states["encoder"] = model.encode_step(fitting(x), states["encoder"])
        y, states["decoder"] = model.decode_step(fitting(z), states["decoder"], fitting(draws))
        outputs += [mean, std, y]
    return [output.reshape(2, -1, output.shape[-1]) for output in outputs]


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("operators", [False, True])
@pytest.mark.parametrize("name", ["v1", "v2_small", "v3", "brave"])
def test_the_same_to_rounding(name, operators, dtype):
    model = small_model(name, "causal", dtype)
    for module in model.modules():
        if isinstance(module, BatchNorm):
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    frames = FRAMES * model.frames_per_step
    ratio, generator = model.network.ratio, torch.Generator().manual_seed(1)

    def drawn(*shape):
        return torch.randn(shape, generator=generator, dtype=dtype)

    x, z = drawn(2, frames * ratio, 2), drawn(2, frames, model.network.latent_size)
    draws = {kind: drawn(2, frames * rows, width) for kind, (rows, width) in model.draw_shapes().items()}
    expected = steps(model, x, z, draws, False)
    plain = prepared(model, frames, dtype, operators=operators)
    assert not any(isinstance(module, BatchNorm) for module in plain.modules())
    for output, reference in zip(steps(plain, x, z, draws, operators), expected, strict=True):
        assert relative_error(output, reference) < TOLERANCE[dtype]
