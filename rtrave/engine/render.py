"""Offline playing: the engine driven by a sequence of hops instead of a device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from rtrave.dsp.denormals import make_flush
from rtrave.engine.engine import Engine

# (latent frame, {address: value}), as the events of a session have them
Changes = Sequence[tuple[int, Mapping[str, float | str]]]


def render(
    engine: Engine,
    hops: Iterable[np.ndarray],
    controls: np.ndarray,
    changes: Changes = (),
    restarts: Sequence[int] = (),
) -> Iterator[np.ndarray]:
    """Play hops through an engine.

    Parameters
    ----------
    engine : Engine
        Starts at its own `latent_frame`.
    hops : iterable of float32 [inputs, hop]
    controls : float64 [layout.size]
        The controls at the start; changed in place by `changes`.
    changes : sequence of (latent frame, {address: value})
        In order; each takes effect on the first hop that begins at its frame or later.
    restarts : sequence of int
        Latent frames at which the engine of the recorded run was reset.

    Yields
    ------
    float32 [C, hop]
        One output per hop.

    Raises
    ------
    RtraveError
        A change names an address or value that the model does not have.
    """
    make_flush()()  # flush denormals as the threads of a live run do, for the same bits
    waiting = list(changes)
    starts = list(restarts)
    for x in hops:
        while starts and starts[0] <= engine.latent_frame:
            engine.reset()
            starts.pop(0)
        while waiting and waiting[0][0] <= engine.latent_frame:
            engine.layout.apply(controls, waiting.pop(0)[1])
        y = np.empty((engine.channels, engine.hop), np.float32)
        engine.process(x, controls, y)
        yield y
