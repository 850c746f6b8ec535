"""Constants in place of upstream's random draws, which make its output reproducible. Needs torch only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten

# The posterior's normal draw (0: its mean), the draw for dropped or additional latents, the synthesiser's draw.
POSTERIOR, FILL, SYNTH = 0.0, 0.25, 0.75


class _FixedDraws(TorchDispatchMode):
    """Dispatch mode that replaces aten's random operators by constants, also those that TorchScript calls."""

    def __init__(self, posterior: float) -> None:
        super().__init__()
        self.posterior = posterior
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is aten.randn_like.default:
            self.count += 1
            return torch.full_like(args[0], self.posterior)
        if func is aten.rand_like.default:
            self.count += 1
            return torch.full_like(args[0], SYNTH)
        if func is aten.randn.default:
            self.count += 1
            return torch.full(args[0], FILL)
        return func(*args, **kwargs)


@contextmanager
def fixed_draws(posterior: float = POSTERIOR) -> Iterator[_FixedDraws]:
    """Replace every random draw by a constant within the context; `count` of the yielded mode counts them."""
    with _FixedDraws(posterior) as mode:
        yield mode
