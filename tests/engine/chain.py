"""A latent chain without an engine: controls by name, latents frame by frame."""

from __future__ import annotations

import numpy as np

from rtrave.control.vector import make_layout
from rtrave.engine.glide import Glide
from rtrave.engine.latent_chain import LatentChain
from rtrave.model.latent_space import seeded_noise

RATE_HZ = 20.0


class Chain:
    """Plays latents [D, N] through the edits, one latent frame per step, with glides.

    Parameters
    ----------
    rotated : bool
        The PCA is a random rotation and the mean is random; otherwise the two spaces are one.
    space : (float32 [D, D], float32 [D]), optional
        PCA and mean to use instead.
    """

    def __init__(
        self,
        dims: int = 4,
        seed: int = 0,
        rotated: bool = False,
        rate_hz: float = RATE_HZ,
        space: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        rng = np.random.default_rng(3)
        pca = np.linalg.qr(rng.standard_normal((dims, dims)))[0] if rotated else np.eye(dims)
        mean = rng.standard_normal(dims) if rotated else np.zeros(dims)
        self.pca, self.mean = space or (pca.astype(np.float32), mean.astype(np.float32))
        self.layout = make_layout(dims)
        self.chain = LatentChain(self.layout, self.pca, self.mean, rate_hz)
        self.glide = Glide(self.layout, rate_hz)
        self.controls = self.layout.defaults()
        self.draw = seeded_noise(seed)
        self.frame = 0

    def set(self, **values: object) -> None:
        """Set controls by name: `latent_lfo_rate=2` is latent/lfo/rate; `latent_bias=[...]` sets each dimension."""
        for name, value in values.items():
            self.controls[self.layout.slots[name.replace("_", "/")]] = value

    def send_frame(self, frame: object) -> None:
        """Send a latent frame from outside, as the OSC server writes it."""
        self.controls[self.layout.slots["z/frame"]] = frame
        self.controls[self.layout.slots["z/count"]] += 1

    def glide_to(self, seconds: float, **values: object) -> None:
        """Set targets and start a glide to them, as a recalled snapshot writes them."""
        self.set(**values)
        self.controls[self.layout.slots["glide/time"]] = seconds
        self.controls[self.layout.slots["glide/count"]] += 1

    def play(self, z: np.ndarray) -> np.ndarray:
        """Edit latents [D, N], full space; return the edited latents [D, N]."""
        edited = []
        for n in range(z.shape[1]):
            moving = np.empty((1, self.layout.size))
            self.glide.step(self.controls, moving)
            edited.append(self.chain.process(z[:, n : n + 1], moving, self.frame, self.draw).copy())
            self.frame += 1
        return np.concatenate(edited, axis=1)


def latents(dims: int = 4, frames: int = 50, seed: int = 0) -> np.ndarray:
    """Return normal draws, float32 [D, N]."""
    return np.random.default_rng(seed).standard_normal((dims, frames)).astype(np.float32)
