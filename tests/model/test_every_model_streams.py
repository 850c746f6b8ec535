"""Every architecture, causal and centred, streams independently of the cuts and at the delay that it reports."""

import dataclasses

import pytest
import torch

from rtrave.layers.contract import TOLERANCE, random_cuts, relative_error
from rtrave.model.architectures import architecture_names, load_architecture
from rtrave.model.formats.load import load
from rtrave.model.rave import Model
from tests.reference import DATA

SAMPLES = 40 * 2048


def small_model(name, padding, dtype):
    """Return a named architecture with few channels and a designed filter bank."""
    network = load_architecture(name)
    bank = load(DATA / ("brave" if name == "brave" else "v1_causal")).pqmf
    small = dataclasses.replace(
        network,
        encoder=dataclasses.replace(network.encoder, capacity=3),
        decoder=dataclasses.replace(network.decoder, capacity=3),
        latent_size=5,
        noise_augmentation=3 if network.noise_augmentation else 0,
        padding=padding,
        channels=2,
        analysis_taps=bank.forward_conv.kernel_size,
        synthesis_taps=bank.inverse_conv.kernel_size,
    )
    torch.manual_seed(0)
    model = Model(small, name, 44100)
    model.pqmf.load_state_dict(bank.state_dict())
    for layer_name, buffer in model.named_buffers():
        if layer_name.endswith("embed"):
            buffer.normal_()
    return model.to(dtype).eval()


def stream_encoder(model, x, cuts):
    state, outputs = model.initial_state("encoder", x.shape[0]), []
    for block in x.transpose(1, 2).split(cuts, dim=1):
        bands, state["pqmf"] = model.input_bank.analysis_step(block, state["pqmf"])
        raw, state["encoder"] = model.encoder.encoder.step(bands, state["encoder"])
        outputs.append(raw)
    return torch.cat(outputs, 1).transpose(1, 2)


def stream_decoder(model, z, draws, cuts):
    state, outputs, at = model.initial_state("decoder", z.shape[0]), [], 0
    rows = model.draw_shapes()
    for block in z.transpose(1, 2).split(cuts, dim=1):
        end = at + block.shape[1]
        drawn = {kind: draws[kind][:, at * rows[kind][0] : end * rows[kind][0]] for kind in rows}
        y, state = model.decode_step(block, state, drawn)
        outputs.append(y)
        at = end
    return torch.cat(outputs, 1).transpose(1, 2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("padding", ["causal", "centered"])
@pytest.mark.parametrize("name", architecture_names())
@torch.no_grad()
def test_encoder(name, padding, dtype):
    model = small_model(name, padding, dtype)
    generator = torch.Generator().manual_seed(1)
    ratio = model.network.ratio
    frames = SAMPLES // ratio
    x = torch.randn(2, 2, SAMPLES, generator=generator, dtype=dtype)
    whole = stream_encoder(model, x, [x.shape[2]])
    parts = stream_encoder(model, x, random_cuts(frames, ratio, generator))
    assert relative_error(parts, whole) < TOLERANCE[dtype]

    late = model.encoder_delay()
    after = -late % (2 * ratio)  # room for the delayed end
    delayed = torch.nn.functional.pad(x, (late, after))
    offline = model.encoder(model.input_bank.analysis(delayed))[..., : whole.shape[2]]
    settled = frames // 2  # offline has zeros for the past in this part
    assert relative_error(whole[..., settled:], offline[..., settled:]) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("padding", ["causal", "centered"])
@pytest.mark.parametrize("name", architecture_names())
@torch.no_grad()
def test_decoder(name, padding, dtype):
    model = small_model(name, padding, dtype)
    generator = torch.Generator().manual_seed(2)
    frames = SAMPLES // model.network.ratio
    z = torch.randn(2, 5, frames, generator=generator, dtype=dtype)
    rows = {kind: (2, frames * count, width) for kind, (count, width) in model.draw_shapes().items()}
    draws = {kind: torch.rand(shape, generator=generator, dtype=dtype) for kind, shape in rows.items()}
    whole = stream_decoder(model, z, draws, [frames])
    parts = stream_decoder(model, z, draws, random_cuts(frames, 1, generator))
    assert relative_error(parts, whole) < TOLERANCE[dtype]
    if model.decoder.noise is not None:
        return  # filtered noise is not shift-invariant: see the references

    augmented = (
        torch.cat((z.transpose(1, 2), draws["augmentation"]), 2) if "augmentation" in draws else z.transpose(1, 2)
    )
    offline = model.output_bank.synthesis(model.decoder(augmented.transpose(1, 2)))
    late, settled = model.decoder_delay(), 3 * whole.shape[2] // 4
    tolerance = 2e-2 if name == "brave" else TOLERANCE[dtype]  # at 40 dB of its bank, odd and even delays differ
    error = relative_error(whole[..., settled + late :], offline[..., settled : whole.shape[2] - late])
    assert error < max(tolerance, TOLERANCE[dtype])


def oldest_with_a_gradient(y, x):
    """Return how many samples before the newest one of x [1, C, T] the oldest that y depends on lies."""
    (gradient,) = torch.autograd.grad(y.sum(), x)
    return x.shape[2] - 1 - int(gradient[0].any(dim=0).nonzero()[0])


@pytest.mark.parametrize("padding", ["causal", "centered"])
@pytest.mark.parametrize("name", [name for name in architecture_names() if name != "v3"])
def test_receptive_fields(name, padding):
    """Use gradients, since rounding hides the farthest inputs of a deep network; those of v3's statistics are NaN."""
    model = small_model(name, padding, torch.float64)
    for parameter in model.pqmf.parameters():
        torch.nn.init.normal_(parameter)  # the taps at the ends of a designed filter are 0
    ratio, step, fields = model.network.ratio, model.frames_per_step, model.receptive_fields
    frames = step * max(-(-fields["encoder"] // (ratio * step)), -(-fields["decoder"] // step)) + 2 * step
    x = torch.randn(1, 2, frames * ratio, dtype=torch.float64, requires_grad=True)
    oldest = stream_encoder(model, x, [frames * ratio])[..., -step]
    assert oldest_with_a_gradient(oldest, x) == fields["encoder"]
    z = torch.randn(1, 5, frames, dtype=torch.float64, requires_grad=True)
    draws = {
        kind: torch.rand(1, frames * rows, width, dtype=torch.float64)
        for kind, (rows, width) in model.draw_shapes().items()
    }
    oldest = stream_decoder(model, z, draws, [frames])[..., -step * ratio]
    assert oldest_with_a_gradient(oldest, z) == fields["decoder"]
