"""The encoder of one compiled model into the decoder of another. Needs no torch.

Latents cross over as components: standardised by what the first model's do, scaled to what the second's do, the
first with the first and so on. The latents that are played are the first model's; the crossing is part of decoding.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rtrave.backends.cache import MANIFEST, GraphFacts, new_folder, open_facts
from rtrave.backends.onnx import OnnxBackend
from rtrave.errors import RtraveError
from rtrave.model.spec import ModelSpec
from rtrave.settings import cache_dir

BRIDGE = "bridge.npz"
STILL = 1e-3  # deviation below which a component says nothing
WIDEST = 100.0  # most a component is widened by


@dataclass(frozen=True, eq=False)
class Spread:
    """Mean and deviation of a model's components, float64 [D]."""

    mean: np.ndarray
    std: np.ndarray


def unit_spread(dims: int) -> Spread:
    """What a model was trained towards, where it is not calibrated."""
    return Spread(np.zeros(dims), np.ones(dims))


def bridge(a: GraphFacts, b: GraphFacts, spread_a: Spread, spread_b: Spread) -> tuple[np.ndarray, np.ndarray]:
    """Matrix [D_b, D_a] and offset [D_b], float32: full latents of a to full latents of b.

    Components that b has and a has not stay at their mean; those that a has and b has not are left out.
    """
    shared = min(len(spread_a.mean), len(spread_b.mean))
    wider = np.zeros(shared)
    moves = spread_a.std[:shared] > STILL
    wider[moves] = np.minimum(spread_b.std[:shared][moves] / spread_a.std[:shared][moves], WIDEST)
    components = np.zeros((len(spread_b.mean), len(spread_a.mean)))
    components[:shared, :shared] = np.diag(wider)
    # c_b = mean_b + wider (PCA_a (z_a - m_a) - mean_a),  z_b = PCA_b^T c_b + m_b
    matrix = b.latent_pca.T @ components @ a.latent_pca
    start = spread_b.mean - components @ (spread_a.mean + a.latent_pca @ a.latent_mean)
    offset = b.latent_pca.T @ start + b.latent_mean
    return matrix.astype(np.float32), offset.astype(np.float32)


def common_hop(a: ModelSpec, b: ModelSpec, hop: int | None) -> int:
    """The hop that both models can take; RtraveError where the models do not fit together."""
    if a.channels != b.channels:
        raise RtraveError(
            f"{a.name} has {a.channels} channels, {b.name} {b.channels}: route between models of the same number"
        )
    least = math.lcm(a.ratio, b.ratio)
    if hop is not None and hop % least:
        raise RtraveError(f"a hop of {hop} samples is no multiple of {least}, which both models need: use {least}")
    return hop or least


def ensure_routed(encoder: Path, decoder: Path, spread_a: Spread, spread_b: Spread) -> tuple[Path, list[str]]:
    """The folder of a pair of compiled graphs of one hop, and what was adapted, in words."""
    a, b = open_facts(encoder), open_facts(decoder)
    matrix, offset = bridge(a, b, spread_a, spread_b)
    digest = hashlib.sha256(f"{encoder}|{decoder}|".encode() + matrix.tobytes() + offset.tobytes()).hexdigest()
    folder = cache_dir() / "routes" / digest[:32]
    if not (folder / BRIDGE).is_file():
        record = {"encoder": str(encoder), "decoder": str(decoder), "model_hash": digest}
        with new_folder(folder) as part:
            (part / MANIFEST).write_text(json.dumps(record))
            np.savez(part / BRIDGE, matrix=matrix, offset=offset)
    return folder, _adapted(a, b)


def _adapted(a: GraphFacts, b: GraphFacts) -> list[str]:
    notes = []
    dims_a, dims_b = a.spec.full_latent_size, b.spec.full_latent_size
    if dims_a > dims_b:
        notes.append(f"{b.spec.name} has {dims_b} latents: the last {dims_a - dims_b} of {a.spec.name} are left out")
    elif dims_b > dims_a:
        notes.append(f"{b.spec.name} has {dims_b} latents: {dims_b - dims_a} of them stay at their mean")
    if a.shape.latent_frames != b.shape.latent_frames:
        rates = f"{a.spec.latent_rate_hz:.3g} and {b.spec.latent_rate_hz:.3g} latent frames a second"
        notes.append(f"{rates}: frames are {'held' if a.shape.latent_frames < b.shape.latent_frames else 'averaged'}")
    if a.spec.sample_rate != b.spec.sample_rate:
        share = 100 * (a.spec.sample_rate / b.spec.sample_rate - 1)
        notes.append(f"it runs at {b.spec.sample_rate} Hz: {a.spec.name} hears everything {share:+.0f} % in pitch")
    return notes


def is_routed(folder: Path) -> bool:
    """Whether a folder of the cache holds a pair."""
    return (folder / BRIDGE).is_file()


def open_routed(folder: Path) -> GraphFacts:
    """What is known of a pair: the latents are the encoder's, rate and sound the decoder's."""
    try:
        record = json.loads((folder / MANIFEST).read_text())
        a, b = open_facts(Path(record["encoder"])), open_facts(Path(record["decoder"]))
    except (OSError, ValueError, KeyError) as error:
        raise RtraveError(f"the route in {folder} is damaged ({error}): start again") from error
    # The filter banks' own delay, of which half lies on each side.
    filters = sum(facts.spec.acoustic_delay - facts.spec.delay for facts in (a, b))
    spec = replace(
        a.spec,
        name=f"{a.spec.name} to {b.spec.name}",
        sample_rate=b.spec.sample_rate,
        delay=a.encoder_delay + b.spec.delay - b.encoder_delay,
        acoustic_delay=a.encoder_delay + b.spec.delay - b.encoder_delay + filters // 2,
        causal=a.spec.causal and b.spec.causal,
        parameters=a.spec.parameters + b.spec.parameters,
    )
    initial = {name: value for name, value in a.initial.items() if name.startswith("encoder.")}
    initial |= {name: value for name, value in b.initial.items() if name.startswith("decoder.")}
    states = {"encoder": a.states["encoder"], "decoder": b.states["decoder"]}
    step = math.lcm(a.frames_per_step, max(b.frames_per_step * b.spec.ratio // a.spec.ratio, 1))
    space = (a.latent_pca, a.latent_mean)
    fields = {"encoder": a.receptive_fields["encoder"], "decoder": b.receptive_fields["decoder"]}
    return GraphFacts(spec, record["model_hash"], a.shape, *space, initial, states, a.encoder_delay, step, fields)


class RoutedBackend:
    """The encoder of one model and the decoder of another; the methods of `OnnxBackend`.

    Parameters
    ----------
    folder : Path
        As `ensure_routed` makes it.
    threads : int
        Of ONNX Runtime, for each part.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        facts = open_routed(folder)
        record = json.loads((folder / MANIFEST).read_text())
        self.spec, self.model_hash, self.shape = facts.spec, facts.model_hash, facts.shape
        self.latent_pca, self.latent_mean, self.initial = facts.latent_pca, facts.latent_mean, facts.initial
        self.encoder_delay, self.frames_per_step = facts.encoder_delay, facts.frames_per_step
        self._from, self._to = (OnnxBackend(Path(record[part]), threads) for part in ("encoder", "decoder"))
        with np.load(folder / BRIDGE) as crossing:
            self._matrix, self._offset = crossing["matrix"], crossing["offset"]
        self._frames: tuple[int, int] = (self._from.shape.latent_frames, self._to.shape.latent_frames)

    def twin(self) -> RoutedBackend:
        """Another stream's parts on the same graphs, as `OnnxBackend.twin`."""
        other = copy(self)
        other._from, other._to = self._from.twin(), self._to.twin()
        return other

    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Audio [B, hop, C] -> mean and std [B, N, D] of the first model."""
        return self._from.encode(x)

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """Random numbers per latent frame of the first model: kind -> (rows, width)."""
        came, goes = self._frames
        return {kind: (-(-rows * goes // came), width) for kind, (rows, width) in self._to.draw_shapes().items()}

    def decode(self, z: np.ndarray, draws: Mapping[str, np.ndarray]) -> np.ndarray:
        """Latents [B, N, D] of the first model -> audio [B, hop, C] of the second."""
        came, goes = self._frames
        crossed = z @ self._matrix.T + self._offset
        if goes > came:
            crossed = np.repeat(crossed, goes // came, axis=1)
        elif came > goes:
            crossed = crossed.reshape(z.shape[0], goes, came // goes, -1).mean(axis=2)
        needed = {kind: rows * goes for kind, (rows, _) in self._to.draw_shapes().items()}
        return self._to.decode(crossed, {kind: drawn[:, : needed[kind]] for kind, drawn in draws.items()})

    def state(self) -> dict[str, np.ndarray]:
        """All states by name, to be read or written between two calls."""
        encoder = {name: array for name, array in self._from.state().items() if name.startswith("encoder.")}
        return encoder | {name: array for name, array in self._to.state().items() if name.startswith("decoder.")}
