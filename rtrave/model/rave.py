"""The RAVE model: filter bank, encoder, latent space and decoder, offline and block by block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rtrave.errors import RtraveError
from rtrave.layers.pqmf import PQMF, NoPQMF
from rtrave.layers.state import State, branch, streaming
from rtrave.model import latent_space
from rtrave.model.architectures import architecture_of
from rtrave.model.decoder import decoder_network
from rtrave.model.latent_space import NoiseSource, draw_frames, seeded_noise
from rtrave.model.regularisation import Encoder, from_angles, to_angles
from rtrave.model.spec import ModelSpec, NetworkSpec, check_length, known_latent_size


class Model(nn.Module):
    """A RAVE model.

    `encode`, `decode` and the call process whole signals offline, torch tensors in and out, on any thread.
    `rtrave.stream` opens a live stream. The state dict has the names of RAVE's checkpoints.

    Parameters
    ----------
    network : NetworkSpec
    name : str
    sample_rate : int
        Hz.
    source : Path, optional
        File or folder of the weights.

    Attributes
    ----------
    discriminator : nn.Module or None
        None if the file has none.
    """

    latent_pca: Tensor  # [D, D]
    latent_mean: Tensor  # [D]
    fidelity: Tensor  # [D]

    def __init__(self, network: NetworkSpec, name: str, sample_rate: int, source: Path | None = None) -> None:
        super().__init__()
        self.network, self.name, self.sample_rate, self.source = network, name, sample_rate, source
        taps = network.analysis_taps, network.synthesis_taps
        self.pqmf = PQMF(network.bands, *taps, network.channels, network.padding)
        self.raw = NoPQMF(network.channels)
        self.encoder = Encoder(network)
        self.decoder = decoder_network(network)
        self.discriminator: nn.Module | None = None
        self.register_buffer("latent_pca", torch.eye(network.latent_size))
        self.register_buffer("latent_mean", torch.zeros(network.latent_size))
        self.register_buffer("fidelity", torch.arange(1, network.latent_size + 1) / network.latent_size)

    @property
    def spec(self) -> ModelSpec:
        """Facts of the model, computed from its network."""
        network = self.network
        fidelity = tuple(self.fidelity.tolist()) if network.regularisation == "variational" else ()
        delay = self.encoder_delay() + self.decoder_delay()
        return ModelSpec(
            name=self.name,
            architecture=architecture_of(network),
            regularisation=network.regularisation,
            sample_rate=self.sample_rate,
            ratio=network.ratio,
            channels=network.channels,
            latent_size=known_latent_size(network, fidelity),
            full_latent_size=network.latent_size,
            delay=delay,
            acoustic_delay=delay + self._bank_delay(),
            causal=network.padding == "causal",
            parameters=sum(p.numel() for part in (self.encoder, self.decoder) for p in part.parameters()),
            fidelity=fidelity,
            network=network,
        )

    @property
    def input_bank(self) -> PQMF | NoPQMF:
        """Filter bank, or none, between audio and the encoder."""
        return self.raw if self.network.raw_input else self.pqmf

    @property
    def output_bank(self) -> PQMF | NoPQMF:
        """Filter bank, or none, between the decoder and audio."""
        return self.raw if self.network.raw_output else self.pqmf

    def _bank_delay(self) -> int:
        """Return the delay of the filters offline, in samples."""
        if self.input_bank is self.output_bank:
            return self.input_bank.impulse_delay()
        left, right = (self.pqmf.forward_conv if self.network.raw_output else self.pqmf.inverse_conv).padding
        return (left - right) // 2 * (1 if self.network.raw_output else self.network.bands)

    def encoder_delay(self) -> int:
        """Return the lag of the stream's latents against the offline latents, in audio samples."""
        return int(self.encoder.encoder.delay(self.input_bank.analysis_delay()) * self.network.ratio)

    def decoder_delay(self) -> int:
        """Return the lag in samples of the streamed decoder's output against its offline output of the same latents."""
        return int(self.output_bank.synthesis_delay(self.decoder.delay(Fraction(0))))

    @property
    def receptive_fields(self) -> dict[str, int | None]:
        """Past that a step of the stream depends on: "encoder" in audio samples, "decoder" in latent frames.

        The number of inputs before the newest one of the smallest step (`frames_per_step` latent frames) that its
        oldest output can depend on. None is unbounded: adaptive instance norm that learns from the start.
        """
        bands = self.encoder.encoder.receptive_field(self.frames_per_step - 1)
        encoder = None if bands is None else self.input_bank.analysis_field(bands)
        oldest = self.output_bank.synthesis_field(self.frames_per_step * self.network.ratio - 1)
        return {"encoder": encoder, "decoder": self.decoder.receptive_field(oldest)}

    def get_dims_for_fidelity(self, fidelity: float) -> int:
        """Return the number of dimensions for a fidelity: see `ModelSpec.get_dims_for_fidelity`."""
        return self.spec.get_dims_for_fidelity(fidelity)

    # Offline, [batch, channels, time]

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation [B, D, N] of the latents of audio [B, C, T], T a multiple of the ratio."""
        return self.encoder.latents(self.encoder(self.input_bank.analysis(self._checked(x))), 1)

    def _checked(self, x: Tensor) -> Tensor:
        if x.ndim != 3 or x.shape[1] != self.network.channels:
            raise RtraveError(f"audio: expected the shape [batch, {self.network.channels}, time], got {tuple(x.shape)}")
        check_length(x.shape[2], self.network.ratio)
        return x

    def _codes(self, z: Tensor) -> Tensor:
        """Return the code indices of vectors [B, D, N] as floats [B, quantizers, N]."""
        return self.encoder.rvq.encode(z.transpose(1, 2)).transpose(1, 2).to(z)

    def encode(
        self,
        x: Tensor,
        postprocess: bool = False,
        temperature: float = 0.0,
        seed: int = 0,
        noise: NoiseSource | None = None,
    ) -> Tensor:
        """Encode audio [B, C, T] as latents [B, D, N].

        Parameters
        ----------
        postprocess : bool
            Return the postprocessed form, with all of its dimensions: components of the PCA, angles, or code indices.
        temperature : float
            0 returns the mean of the posterior, 1 samples it.
        seed : int
            Seed of the draws from the posterior; `noise` replaces their source.

        Raises
        ------
        RtraveError
            Audio of another shape, or a length that is no multiple of the ratio.
        """
        if postprocess and self.network.regularisation == "discrete":
            # From the raw output: requantising a sum of codes can choose other codes.
            return self._codes(self.encoder(self.input_bank.analysis(self._checked(x))))
        mean, std = self.posterior(x)
        z = mean
        if temperature:
            normal = self._drawn(noise or seeded_noise(seed), "posterior", mean, mean.shape[1])
            z = latent_space.sample_posterior(mean, std, temperature, normal)
        return self.postprocess(z) if postprocess else z

    def decode(self, z: Tensor, preprocess: bool = False, seed: int = 0, noise: NoiseSource | None = None) -> Tensor:
        """Decode latents [B, D, N] to audio [B, C, N * ratio].

        Parameters
        ----------
        preprocess : bool
            `z` is in the postprocessed form. With a PCA it may hold the first components only; the noise source fills
            the others.
        seed : int
            Seed of the fill, the noise augmentation and the noise synthesiser; `noise` replaces their source.

        Raises
        ------
        RtraveError
            Latents of another shape.
        """
        source = noise or seeded_noise(seed)
        z = self.preprocess(z, source) if preprocess else z
        if z.ndim != 3 or z.shape[1] != self.network.latent_size:
            size = self.network.latent_size
            raise RtraveError(f"latents: expected the shape [batch, {size}, latent frames], got {tuple(z.shape)}")
        extra = self.network.noise_augmentation
        draws = None
        if self.decoder.noise is not None:
            width, per_frame = self.synth_shape
            drawn = [source("synth", frame, (z.shape[0], width, per_frame)) for frame in range(z.shape[2])]
            draws = torch.from_numpy(np.concatenate(drawn, axis=2)).to(z)
        z = torch.cat((z, self._drawn(source, "augmentation", z, extra)), dim=1) if extra else z
        return self.output_bank.synthesis(self.decoder(z, draws))

    def forward(self, x: Tensor, seed: int = 0, noise: NoiseSource | None = None) -> Tensor:
        """Reconstruct audio [B, C, T] from the mean of its posterior."""
        return self.decode(self.encode(x), seed=seed, noise=noise)

    def postprocess(self, z: Tensor) -> Tensor:
        """Return latents [B, D, N] in the postprocessed form: PCA components, angles, or code indices as floats."""
        regularisation = self.network.regularisation
        if regularisation == "variational":
            return latent_space.compress(z, self.latent_pca, self.latent_mean)
        if regularisation == "spherical":
            return to_angles(z)
        if regularisation == "discrete":
            return self._codes(z)
        return z

    def preprocess(self, z: Tensor, noise: NoiseSource) -> Tensor:
        """Invert `postprocess`; the noise source fills missing components of a PCA."""
        regularisation, dims = self.network.regularisation, self.network.latent_size
        high = {"spherical": dims - 1, "discrete": self.network.quantizers}.get(regularisation, dims)
        low = 1 if regularisation == "variational" else high
        if z.ndim != 3 or not low <= z.shape[1] <= high:
            size = f"{low}..{high}" if low < high else str(high)
            raise RtraveError(f"latents: expected the shape [batch, {size}, latent frames], got {tuple(z.shape)}")
        if regularisation == "variational":
            components = torch.cat((z, self._drawn(noise, "fill", z, dims - z.shape[1])), dim=1)
            return latent_space.expand(components, self.latent_pca, self.latent_mean)
        if regularisation == "spherical":
            return from_angles(z)
        if regularisation == "discrete":
            indices = z.round().long().clamp(0, self.network.codes - 1)
            return self.encoder.rvq.decode(indices.transpose(1, 2)).transpose(1, 2).to(z)
        return z

    @staticmethod
    def _drawn(noise: NoiseSource, kind: str, like: Tensor, width: int) -> Tensor:
        """Return normal draws [B, width, N] for latents [B, *, N]."""
        return torch.from_numpy(draw_frames(noise, kind, 0, (like.shape[0], width, like.shape[2]))).to(like)

    # One block, time-major [batch, time, channels], with an explicit state

    def encode_step(self, x: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Encode audio [B, T, C]: mean and std [B, N, D], and the next state; T is a multiple of the ratio."""
        bands, pqmf = self.input_bank.analysis_step(x, branch(state, "pqmf"))
        raw, encoder = streaming(self.encoder.encoder).step(bands, branch(state, "encoder"))
        return *self.encoder.latents(raw, -1), {"pqmf": pqmf, "encoder": encoder}

    def decode_step(
        self, z: Tensor, state: State, draws: Mapping[str, Tensor] | None = None, compensate: bool = True
    ) -> tuple[Tensor, State]:
        """Decode latents [B, N, D] to audio [B, T, C], and return the next state.

        Parameters
        ----------
        draws : mapping
            Random numbers of each kind in `draw_shapes`, [B, N * rows, width].
        compensate : bool
            Compensate the signs of the odd bands if the decoder's delay is an odd number of band samples. Upstream does
            not do so (False), which weakens the cancellation of aliases.
        """
        draws = draws or {}
        z = torch.cat((z, draws["augmentation"]), dim=-1) if "augmentation" in draws else z
        bands, decoder = self.decoder.step(z, branch(state, "decoder"), draws.get("synth"))
        phase = int(self.decoder.delay(Fraction(0)) % 2) if compensate else 0
        x, pqmf = self.output_bank.synthesis_step(bands, branch(state, "pqmf"), phase)
        return x, {"decoder": decoder, "pqmf": pqmf}

    @property
    def synth_shape(self) -> tuple[int, int]:
        """Shape of the white noise per latent frame: band signals, samples of each."""
        return self.network.output_bands * self.network.channels, self.network.ratio // self.network.output_bands

    @property
    def frames_per_step(self) -> int:
        """Latent frames of the smallest step: it holds an even number of band samples and whole frames of noise."""
        network, noise = self.network, self.decoder.noise
        needed = 1
        for raw, bands in ((network.raw_input, network.input_bands), (network.raw_output, network.output_bands)):
            per_frame = network.ratio // bands
            pieces = [per_frame, *([] if raw else [2])]
            pieces += [noise.target] if noise is not None and bands == network.output_bands else []
            needed = math.lcm(needed, math.lcm(*pieces) // per_frame)
        return needed

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """Return the random numbers of a step per latent frame: kind -> (rows, width), time-major."""
        shapes = {}
        if self.network.noise_augmentation:
            shapes["augmentation"] = (1, self.network.noise_augmentation)
        if self.decoder.noise is not None:
            width, rows = self.synth_shape
            shapes["synth"] = (rows, width)
        return shapes

    def initial_state(self, part: str, batch: int) -> State:
        """Return the state of the "encoder" or the "decoder" before the first sample."""
        dtype = self.latent_mean.dtype
        if part == "encoder":
            return {
                "pqmf": self.input_bank.analysis_state(batch, dtype),
                "encoder": self.encoder.encoder.initial_state(batch, dtype),
            }
        return {
            "decoder": self.decoder.initial_state(batch, dtype),
            "pqmf": self.output_bank.synthesis_state(batch, dtype),
        }

    def space(self) -> tuple[np.ndarray, np.ndarray]:
        """Return PCA [D, D] and mean [D] of the compressed space, float32; without a PCA the identity and 0."""
        if self.network.regularisation == "variational":
            return self.latent_pca.float().numpy(), self.latent_mean.float().numpy()
        size = self.network.latent_size
        return np.eye(size, dtype=np.float32), np.zeros(size, np.float32)
