"""With an identity network between the filter bank's analysis and synthesis, wet and dry are aligned to the sample."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rtrave.backends.backend import Capabilities
from rtrave.backends.facts import ModelFacts
from rtrave.backends.graph_shape import GraphShape
from rtrave.backends.pipeline import ImmediatePipeline
from rtrave.engine.engine import Engine
from rtrave.model.formats.load import load
from tests.engine.playing import noise, play, with_controls
from tests.reference import DATA

HOP = 512


class IdentityBackend:
    """The filter bank alone: its bands are the latents, one latent frame per hop."""

    def __init__(self, name):
        model = load(DATA / name)
        self.bank = model.pqmf
        self.rows = HOP // self.bank.bands
        self.dims = HOP * model.network.channels
        delay = int(self.bank.synthesis_delay(self.bank.analysis_delay()))
        self.phase = int(self.bank.analysis_delay()) % 2
        spec = replace(
            model.spec, ratio=HOP, full_latent_size=self.dims, latent_size=self.dims, delay=delay,
            acoustic_delay=delay + self.bank.impulse_delay(), fidelity=(),
        )  # fmt: skip
        space = np.eye(self.dims, dtype="f4"), np.zeros(self.dims, "f4")
        self.facts = ModelFacts(spec, "identity", GraphShape(), *space)
        self.capabilities = Capabilities(second_input=False, snapshots=False)
        self.states = {
            "encoder": self.bank.analysis_state(1, torch.float32),
            "decoder": self.bank.synthesis_state(1, torch.float32),
        }

    def encode(self, x):
        with torch.no_grad():
            bands, self.states["encoder"] = self.bank.analysis_step(torch.from_numpy(x.copy()), self.states["encoder"])
        return bands.reshape(1, 1, -1).numpy(), np.zeros((1, 1, self.dims), "f4")

    def draw_shapes(self):
        return {}

    def decode(self, z, draws):
        bands = torch.from_numpy(z.copy()).reshape(1, self.rows, -1)
        with torch.no_grad():
            y, self.states["decoder"] = self.bank.synthesis_step(bands, self.states["decoder"], self.phase)
        return y.numpy()

    def pipeline(self, work):
        return ImmediatePipeline(work)

    def state(self):
        return {f"{part}.{name}": leaf.numpy() for part, state in self.states.items() for name, leaf in state.items()}


@pytest.mark.parametrize("name", ["v2_causal", "v2", "v2_causal_stereo_48k"])
def test_wet_is_dry(name):
    engine = Engine(IdentityBackend(name))
    x = noise(engine, 20)
    wet = play(engine, x, with_controls(engine, space=1))
    dry = play(Engine(IdentityBackend(name)), x, with_controls(engine, space=1, mix=0))
    lag = engine.spec.acoustic_delay + engine.limiter_delay
    assert np.array_equal(dry[:, lag:], x[:, :-lag])
    settled = slice(lag + 2048, None)
    level = np.sqrt(np.mean(dry[:, settled] ** 2))
    assert np.sqrt(np.mean((wet - dry)[:, settled] ** 2)) < 0.01 * level
    for shift in (-1, 1):  # one sample more or less fails, so the test detects it
        moved = np.roll(wet, shift, axis=1)
        assert np.sqrt(np.mean((moved - dry)[:, settled][:, :-1] ** 2)) > level
