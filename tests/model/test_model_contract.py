"""Whole encoders and decoders pass `verify_contract`, in both dtypes, with random weights."""

import pytest
import torch

from rtrave.layers.contract import Signal, verify_contract
from tests.tiny import tiny_model


class Encoder:
    """Layer: analysis, encoder and posterior."""

    def __init__(self, model):
        self.model = model

    def forward(self, x):
        return torch.cat(self.model.posterior(x), dim=1)

    def step(self, x, state):
        mean, std, following = self.model.encode_step(x, state)
        return torch.cat((mean, std), dim=2), following

    def initial_state(self, batch, dtype):
        return self.model.initial_state("encoder", batch)

    def delay(self, incoming):
        return self.model.encoder.encoder.delay(incoming)

    def receptive_field(self, past):
        return self.model.input_bank.analysis_field(self.model.encoder.encoder.receptive_field(past))


class Decoder:
    """Layer: decoder and synthesis."""

    def __init__(self, model):
        self.model = model

    def forward(self, z):
        return self.model.decode(z)

    def step(self, z, state):
        return self.model.decode_step(z, state)

    def initial_state(self, batch, dtype):
        return self.model.initial_state("decoder", batch)

    def delay(self, incoming):
        return incoming + self.model.decoder_delay()

    def receptive_field(self, past):
        return self.model.decoder.receptive_field(self.model.output_bank.synthesis_field(past))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("ratios", [(4, 2), (2, 4)], ids=["even band delay", "odd band delay"])
@pytest.mark.parametrize("part", [Encoder, Decoder])
def test_contract(part, ratios, channels, dtype):
    model = tiny_model(channels, ratios).to(dtype)
    inputs, multiple = (channels, model.network.ratio) if part is Encoder else (model.network.latent_size, 1)
    # the bank's filters end in taps of 0: tests/model/test_every_model_streams.py checks the far end of the fields
    verify_contract(part(model), Signal(inputs, multiple, blocks=61, settle=16, whole_field=False, dtype=dtype))


def test_delay_of_the_spec_is_the_decoders():
    for ratios, delay in (((4, 2), (1 * 4 + 2) * 16), ((2, 4), (2 * 2 + 1) * 16)):
        assert tiny_model(1, ratios).spec.delay == delay


@torch.no_grad()
def test_uncompensated_odd_delay_breaks_the_bands():
    """Without compensated signs the stream is not the delayed offline output."""
    model = tiny_model(1, (2, 4)).double()
    z = torch.randn(1, 4, 61, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    offline, delay = model.decode(z), model.spec.delay
    errors = []
    for compensate in (True, False):
        y, _ = model.decode_step(z.transpose(1, 2), model.initial_state("decoder", 1), {}, compensate)
        difference = (y.transpose(1, 2)[..., delay:] - offline[..., :-delay])[..., 16 * 128 :]
        errors.append(float(difference.abs().max() / offline.abs().max()))
    assert errors[0] < 1e-10
    assert errors[1] > 0.01
