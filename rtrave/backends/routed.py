"""The encoder of one compiled model into the decoder of another. Needs no torch.

Latents pass between the models as components: each component of the first model is standardised by its own mean and
deviation, and scaled to those of the same component of the second model. The controls edit the first model's latents;
the matching is part of decoding.
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

from rtrave.backends.backend import Capabilities, Signal, States, copy_states, restore_states
from rtrave.backends.cache import MANIFEST, new_folder, open_compiled, read_manifest
from rtrave.backends.facts import BackendKind, ModelFacts
from rtrave.backends.matching import Spread, adaptations, bridge
from rtrave.backends.onnx import OnnxBackend
from rtrave.backends.pipeline import HopWork, ImmediatePipeline
from rtrave.errors import RtraveError
from rtrave.settings import cache_dir

BRIDGE = "bridge.npz"


def ensure_routed(encoder: Path, decoder: Path, spread_a: Spread, spread_b: Spread) -> tuple[Path, list[str]]:
    """Return the folder of a pair of compiled graphs of one hop, and what was adapted, one line each."""
    a, b = open_compiled(encoder).facts, open_compiled(decoder).facts
    matrix, offset = bridge(a, b, spread_a, spread_b)
    digest = hashlib.sha256(f"{encoder}|{decoder}|".encode() + matrix.tobytes() + offset.tobytes()).hexdigest()
    folder = cache_dir() / "routes" / digest[:32]
    if read_manifest(folder) is None:
        record = {"kind": BackendKind.ROUTED, "encoder": str(encoder), "decoder": str(decoder), "model_hash": digest}
        with new_folder(folder) as part:
            (part / MANIFEST).write_text(json.dumps(record))
            np.savez(part / BRIDGE, matrix=matrix, offset=offset)
    return folder, adaptations(a, b)


@dataclass(frozen=True, eq=False)
class Route:
    """A pair of compiled models, as its folder describes it.

    Attributes
    ----------
    facts : ModelFacts
        Of the pair: the latents are the encoder's, rate and sound the decoder's.
    encoder, decoder : Path
        Folders of their graphs.
    """

    facts: ModelFacts
    encoder: Path
    decoder: Path


def open_route(folder: Path) -> Route:
    """Read a folder that `ensure_routed` made; RtraveError where it is damaged."""
    try:
        record = json.loads((folder / MANIFEST).read_text())
        paths = Path(record["encoder"]), Path(record["decoder"])
        a, b = (open_compiled(path) for path in paths)
    except (OSError, ValueError, KeyError) as error:
        raise RtraveError(f"the route in '{folder}' is damaged ({error}): start again") from error
    return Route(_pair_facts(a.facts, b.facts, record["model_hash"]), *paths)


def _pair_facts(a: ModelFacts, b: ModelFacts, model_hash: str) -> ModelFacts:
    # The filter banks' own delay, of which half lies on each side.
    filters = sum(facts.spec.acoustic_delay - facts.spec.delay for facts in (a, b))
    delay = a.encoder_delay + b.spec.delay - b.encoder_delay
    spec = replace(
        a.spec,
        name=f"{a.spec.name} to {b.spec.name}",
        sample_rate=b.spec.sample_rate,
        delay=delay,
        acoustic_delay=delay + filters // 2,
        causal=a.spec.causal and b.spec.causal,
        parameters=a.spec.parameters + b.spec.parameters,
    )
    step = math.lcm(a.frames_per_step, max(b.frames_per_step * b.spec.ratio // a.spec.ratio, 1))
    fields = {"encoder": a.receptive_fields["encoder"], "decoder": b.receptive_fields["decoder"]}
    return ModelFacts(spec, model_hash, a.shape, a.latent_pca, a.latent_mean, a.encoder_delay, step, fields)


class RoutedBackend:
    """The encoder of one model and the decoder of another; see `Backend`.

    Parameters
    ----------
    folder : Path
        As `ensure_routed` makes it.
    threads : int
        Threads of ONNX Runtime, for each part.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        route = open_route(folder)
        self.facts = route.facts
        self.capabilities = Capabilities(streams=self.facts.shape.batch)
        self._encoder, self._decoder = OnnxBackend(route.encoder, threads), OnnxBackend(route.decoder, threads)
        with np.load(folder / BRIDGE) as crossing:
            self._matrix, self._offset = crossing["matrix"], crossing["offset"]
        # Latent frames per hop, of the first and of the second model.
        self._frames: tuple[int, int] = (
            self._encoder.facts.shape.latent_frames,
            self._decoder.facts.shape.latent_frames,
        )

    def clone(self) -> RoutedBackend:
        """See `Backend`: the graphs are shared, the buffers are not."""
        other = copy(self)
        other._encoder, other._decoder = self._encoder.clone(), self._decoder.clone()
        return other

    def encode(self, x: Signal) -> tuple[Signal, Signal]:
        """Encode with the first model; see `Backend`."""
        return self._encoder.encode(x)

    def draw_shapes(self) -> dict[str, tuple[int, int]]:
        """See `Backend`: per latent frame of the first model."""
        first, second = self._frames
        shapes = self._decoder.draw_shapes().items()
        return {kind: (-(-rows * second // first), width) for kind, (rows, width) in shapes}

    def decode(self, z: Signal, draws: Mapping[str, Signal]) -> Signal:
        """See `Backend`: latents of the first model, audio of the second."""
        first, second = self._frames
        crossed = z @ self._matrix.T + self._offset
        if second > first:
            crossed = np.repeat(crossed, second // first, axis=1)
        elif first > second:
            crossed = crossed.reshape(z.shape[0], second, first // second, -1).mean(axis=2)
        needed = {kind: rows * second for kind, (rows, _) in self._decoder.draw_shapes().items()}
        return self._decoder.decode(crossed, {kind: drawn[:, : needed[kind]] for kind, drawn in draws.items()})

    def state(self) -> States:
        """See `Backend`."""
        encoder = {name: array for name, array in self._encoder.state().items() if name.startswith("encoder.")}
        return encoder | {name: array for name, array in self._decoder.state().items() if name.startswith("decoder.")}

    def reset(self) -> None:
        """See `Backend`."""
        self._encoder.reset()
        self._decoder.reset()

    def snapshot(self) -> States:
        """See `Backend`."""
        return copy_states(self.state())

    def restore(self, states: Mapping[str, Signal]) -> None:
        """See `Backend`."""
        restore_states(self.state(), states)

    def pipeline(self, work: HopWork) -> ImmediatePipeline:
        """See `Backend`: at once."""
        return ImmediatePipeline(work)
