"""The filter bank reconstructs audio at its reported delay, and its stream equals its offline output."""

import pytest
import torch

from rtrave.layers.contract import random_cuts, relative_error
from rtrave.layers.pqmf import PQMF
from rtrave.model.formats.load import load
from tests.reference import DATA


@pytest.fixture(scope="module", params=["v2_causal", "v2_causal_stereo_48k"])
def bank(request):
    return load(DATA / request.param).pqmf.double()


@torch.no_grad()
def test_reconstruction_at_the_impulse_delay(bank):
    x = torch.randn(2, bank.channels, 8192, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = bank.synthesis(bank.analysis(x))
    delay = bank.impulse_delay()
    assert delay == 528
    error = (y[..., delay:] - x[..., :-delay]).square().mean() / x.square().mean()
    assert 10 * torch.log10(error) < -50


@torch.no_grad()
def test_stream_equals_offline(bank):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, bank.channels, 32 * 61, generator=generator, dtype=torch.float64)
    analysis = bank.analysis_state(2, x.dtype)
    synthesis = bank.synthesis_state(2, x.dtype)
    bands, audio = [], []
    for block in x.transpose(1, 2).split(random_cuts(61, 32, generator), dim=1):
        band, analysis = bank.analysis_step(block, analysis)
        y, synthesis = bank.synthesis_step(band, synthesis)
        bands.append(band)
        audio.append(y)
    offline = bank.analysis(x)
    assert relative_error(torch.cat(bands, 1).transpose(1, 2), offline) < 1e-10
    assert relative_error(torch.cat(audio, 1).transpose(1, 2), bank.synthesis(offline)) < 1e-10


@torch.no_grad()
def test_channels_are_independent():
    stereo = load(DATA / "v2_causal_stereo_48k").pqmf
    mono = PQMF(stereo.bands, stereo.forward_conv.kernel_size, stereo.inverse_conv.kernel_size, channels=1)
    mono.load_state_dict(stereo.state_dict())
    x = torch.randn(1, 2, 4096, generator=torch.Generator().manual_seed(2))
    left_only = stereo.synthesis(stereo.analysis(x * torch.tensor([1.0, 0.0])[:, None]))
    assert not left_only[:, 1].any()
    assert relative_error(left_only[:, :1], mono.synthesis(mono.analysis(x[:, :1]))) < 1e-5
