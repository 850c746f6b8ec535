"""Normalisation: batch norm of RAVE's first encoder, and adaptive instance norm that learns while the model plays."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn

from rtrave.layers.activations import Pointwise
from rtrave.layers.state import State, leaf


class BatchNorm(nn.BatchNorm1d):
    """Batch norm whose stream always uses the running statistics."""

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """Return the scale and the shift of each channel, [C] each."""
        mean, variance = self.get_buffer("running_mean"), self.get_buffer("running_var")
        scale = self.weight / torch.sqrt(variance + self.eps)
        return scale, self.bias - mean * scale

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Process [B, T, C] -> [B, T, C]."""
        scale, shift = self.scale_and_shift()
        return x * scale + shift, state

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return an empty state."""
        return {}

    def delay(self, incoming: Fraction) -> Fraction:
        """Return the delay of the input unchanged."""
        return incoming

    def receptive_field(self, past: int) -> int:
        """Return `past`: an output depends on one input sample."""
        return past


class AdaIN(Pointwise):
    """Adaptive instance norm: replaces the statistics of a source by those of a target, channel by channel.

    Once both sides are learned, the output is (x - mean_s) / std_s * std_t + mean_t with the statistics of the
    source s and the target t; before, it is the input x (arXiv 1703.06868; in RAVE's third version). Their
    statistics are part of the stream's state: count, mean and sum of squared deviations, merged latent frame by
    latent frame (Chan's parallel algorithm), so that the result neither depends on how the signal is cut nor
    becomes NaN. `learn` in the state switches the learning of each side on.

    The buffers are those of RAVE's checkpoints. They hold 64 rows of a batch, of which the first is used.

    Parameters
    ----------
    channels : int
    frame : int
        Samples per latent frame at this layer's rate.
    """

    ROWS = 64
    EPSILON = 1e-5

    def __init__(self, channels: int, frame: int) -> None:
        super().__init__()
        self.channels, self.frame = channels, frame
        for side in ("x", "y"):
            self.register_buffer(f"mean_{side}", torch.zeros(self.ROWS, channels, 1))
            self.register_buffer(f"std_{side}", torch.ones(self.ROWS, channels, 1))
            self.register_buffer(f"learn_{side}", torch.zeros(1))
            self.register_buffer(f"num_update_{side}", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Process [B, C, T] -> [B, C, T] from the initial state, whose statistics are those of the checkpoint.

        In training it returns its input, as it does without statistics: its gradient would be NaN.
        """
        if self.training:
            return x
        y, _ = self.step(x.transpose(1, 2), self.initial_state(x.shape[0], x.dtype))
        return y.transpose(1, 2)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Process [B, T, C] -> [B, T, C]; T is a multiple of `frame`."""
        known, outputs, learn = leaf(state, "known"), [], leaf(state, "learn")
        for piece in x.split(self.frame, dim=-2):
            known = self._learn(piece, known, learn)
            outputs.append(self._transfer(piece, known))
        y = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-2)
        return y, {"known": known, "learn": learn * 1}  # an output of a graph must not be one of its inputs

    def _learn(self, x: Tensor, known: Tensor, learn: Tensor) -> Tensor:
        """Merge the statistics of one frame [B, T, C] into `known` [B, side, 3, C]: count, mean, squares."""
        count, mean, squares = known.unbind(-2)
        weight = learn[..., None]
        added = weight * x.shape[-2]
        own_mean = x.mean(dim=-2, keepdim=True)
        own_squares = ((x - own_mean) ** 2).sum(dim=-2, keepdim=True)
        total = count + added
        share = added / torch.clamp(total, min=1)
        apart = own_mean - mean
        merged = squares + weight * own_squares + apart**2 * count * share
        return torch.stack((total, mean + apart * share, merged), dim=-2)

    def _transfer(self, x: Tensor, known: Tensor) -> Tensor:
        count, mean, squares = known.unbind(-2)
        std = torch.sqrt(squares / torch.clamp(count - 1, min=1))
        (source_mean, target_mean), (source_std, target_std) = (side.split(1, dim=-2) for side in (mean, std))
        scale = target_std / (source_std + self.EPSILON)
        learned = (count > 1).all(dim=-2, keepdim=True)
        return torch.where(learned, (x - source_mean) * scale + target_mean, x)

    def receptive_field(self, past: int) -> int | None:
        """Return None, unbounded, if the checkpoint starts with learning on: statistics hold every sample; else `past`.

        This assumes that `learn` in the state keeps its initial value.
        """
        learns = any(bool(self.get_buffer(f"learn_{side}").any()) for side in ("x", "y"))
        return None if learns else past

    def initial_state(self, batch: int, dtype: torch.dtype) -> State:
        """Return the statistics of the checkpoint; each of its updates counts as two samples."""
        sides = []
        for side in ("x", "y"):
            mean, std, updates = (self.get_buffer(f"{name}_{side}") for name in ("mean", "std", "num_update"))
            count = 2 * updates[:1].expand(self.channels)
            squares = std[0, :, 0] ** 2 * torch.clamp(count - 1, min=0)
            sides.append(torch.stack((count, mean[0, :, 0] * (count > 0), squares)))
        known = torch.stack(sides).to(dtype)
        learn = torch.cat((self.get_buffer("learn_x"), self.get_buffer("learn_y"))).to(dtype)
        return {"known": known.expand(batch, -1, -1, -1).clone(), "learn": learn.expand(batch, -1).clone()}
