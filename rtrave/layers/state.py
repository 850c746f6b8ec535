"""What a stream remembers between two blocks, and the promise every layer makes.

A layer reads a signal in two ways that a contract test holds together (`rtrave.layers.contract`):

- `forward(x)`: the whole signal, [batch, channels, time], trainable, padded with zeros at its start.
- `step(x, state)`: one block, time-major [batch, time, channels], with an explicit state. A convolution is then one
  matrix product over shifted rows, which runs several times faster than the convolution operators when a block is
  short. A single signal may leave the batch out, in `x` and in every state: [time, channels].

No state hides in a module, so two streams may run on one model, and a state can be kept, copied and put back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, Protocol, cast

from torch import Tensor, dtype, nn

# A tree of dicts whose leaves are tensors [batch, ...]; its keys are the names of the modules.
State = dict[str, Any]


class StreamingLayer(Protocol):
    """The methods every layer has.

    All are pure: no argument is changed, nothing is remembered. Any thread may call them.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Whole signal, [B, C, T] -> [B, C', T']."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One block, [B, T, C] -> [B, T', C'], and the state for the next one."""

    def initial_state(self, batch: int, dtype: dtype) -> State:
        """State of a stream that has heard only silence."""

    def delay(self, incoming: Fraction) -> Fraction:
        """Lag of the stream's output against `forward`, in output samples, when its input lags by `incoming`."""

    def receptive_field(self, past: int) -> int | None:
        """Input samples before the newest one that an output sample of the stream can depend on; None without a bound.

        `past` names the output sample: so many samples before the newest one of a block. The newest input and the
        newest output are those at the end of the same block, whatever the two rates, so that the fields of a chain are
        f_1(f_2(... f_n(past))). A layer that needs no past has the field `past`.
        """


def streaming(module: nn.Module) -> StreamingLayer:
    """A child module, seen as the layer that it is."""
    return cast(StreamingLayer, module)


def chained_field(layers: Sequence[nn.Module], past: int) -> int | None:
    """Receptive field of layers one after another, f_1(f_2(... f_n(past))); None if one has no bound."""
    field: int | None = past
    for layer in reversed(layers):
        if field is None:
            return None
        field = streaming(layer).receptive_field(field)
    return field


def widest(fields: Iterable[int | None]) -> int | None:
    """Largest of several receptive fields; None, which has no bound, is larger than any number."""
    known = list(fields)
    return None if None in known else max(field for field in known if field is not None)


def flatten(state: State, prefix: str = "") -> dict[str, Tensor]:
    """Leaves of a state by their dotted names, in the order of the tree."""
    leaves: dict[str, Tensor] = {}
    for key, value in state.items():
        if isinstance(value, dict):
            leaves.update(flatten(value, f"{prefix}{key}."))
        else:
            leaves[prefix + key] = value
    return leaves


def unflatten(leaves: dict[str, Tensor], like: State, prefix: str = "") -> State:
    """The inverse of `flatten`; `like` gives the tree, so that empty branches are kept."""
    return {
        key: unflatten(leaves, value, f"{prefix}{key}.") if isinstance(value, dict) else leaves[prefix + key]
        for key, value in like.items()
    }
