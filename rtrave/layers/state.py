"""State of a stream between two blocks, and the protocol of every layer.

A layer processes a signal in two ways, and a test compares them (`rtrave.layers.contract`):

- `forward(x)`: the whole signal, [batch, channels, time], trainable, padded with zeros at its start.
- `step(x, state)`: one block, time-major [batch, time, channels], with an explicit state. A convolution is then one
  matrix product over shifted rows, which runs several times faster than the convolution operators when a block is
  short. A single signal may leave the batch out, in `x` and in every state: [time, channels].

Modules hold no state, so that two streams can run on one model, and a state can be saved, copied and restored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Protocol, TypeAlias, cast

from torch import Tensor, dtype, nn

# A tree of dicts whose leaves are tensors [batch, ...]; its keys are the names of the modules.
State: TypeAlias = "dict[str, Tensor | State]"


class StreamingLayer(Protocol):
    """Methods of every layer.

    All are pure: they change neither their arguments nor the layer. Any thread may call them.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Process a whole signal, [B, C, T] -> [B, C', T']."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Process one block, [B, T, C] -> [B, T', C'], and return the state for the next one."""

    def initial_state(self, batch: int, dtype: dtype) -> State:
        """Return the state of a stream whose past is silence."""

    def delay(self, incoming: Fraction) -> Fraction:
        """Return by how many output samples the stream lags `forward` when its input lags by `incoming` samples."""

    def receptive_field(self, past: int) -> int | None:
        """Return how many input samples before the newest one an output sample of the stream can depend on.

        Parameters
        ----------
        past : int
            Position of the output sample: output samples before the newest one. The newest input and the newest output
            are the last samples of one block, whatever the two rates.

        Returns
        -------
        int or None
            None if all of the past counts. Chained layers have the field f_1(f_2(... f_n(past))).
        """


def streaming(module: nn.Module) -> StreamingLayer:
    """Return a child module under the type of a layer."""
    return cast(StreamingLayer, module)


def leaf(state: State, name: str) -> Tensor:
    """Return a tensor of a state."""
    return cast(Tensor, state[name])


def branch(state: State, name: str) -> State:
    """Return the state of a module within a state."""
    return cast("State", state[name])


def chained_field(layers: Sequence[nn.Module], past: int) -> int | None:
    """Return the receptive field of layers in series, f_1(f_2(... f_n(past))); None if one is unbounded."""
    field: int | None = past
    for layer in reversed(layers):
        if field is None:
            return None
        field = streaming(layer).receptive_field(field)
    return field


def widest(fields: Iterable[int | None]) -> int | None:
    """Return the largest of several receptive fields; None, an unbounded one, is larger than any number."""
    known = list(fields)
    return None if None in known else max(field for field in known if field is not None)


def flatten(state: State, prefix: str = "") -> dict[str, Tensor]:
    """Return the leaves of a state by their dotted names, in the order of the tree."""
    leaves: dict[str, Tensor] = {}
    for key, value in state.items():
        if isinstance(value, dict):
            leaves.update(flatten(value, f"{prefix}{key}."))
        else:
            leaves[prefix + key] = value
    return leaves


def unflatten(leaves: dict[str, Tensor], like: State, prefix: str = "") -> State:
    """Invert `flatten`; `like` is a state of the same tree, from which empty branches come back."""
    return {
        key: unflatten(leaves, value, f"{prefix}{key}.") if isinstance(value, dict) else leaves[prefix + key]
        for key, value in like.items()
    }
