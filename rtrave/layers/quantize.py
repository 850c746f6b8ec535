"""Residual vector quantisation: a vector as a sum of code vectors, each the nearest to the rest that is left."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class _Codebook(nn.Module):
    """Code vectors `embed` [codes, D], under the name that RAVE's checkpoints give them."""

    def __init__(self, codes: int, dims: int) -> None:
        super().__init__()
        self._codebook = nn.Module()
        self._codebook.register_buffer("embed", torch.zeros(codes, dims))

    @property
    def embed(self) -> Tensor:
        """Code vectors [codes, D]."""
        return self._codebook.get_buffer("embed")


class ResidualQuantizer(nn.Module):
    """Quantiser of [..., D] by `quantizers` codebooks in series (SoundStream, arXiv 2107.03312)."""

    def __init__(self, quantizers: int, codes: int, dims: int) -> None:
        super().__init__()
        self.codes = codes
        self.layers = nn.ModuleList(_Codebook(codes, dims) for _ in range(quantizers))

    def codebooks(self) -> list[Tensor]:
        """Return the code vectors of each stage, [codes, D]."""
        return [layer.embed for layer in self.layers if isinstance(layer, _Codebook)]

    def encode(self, z: Tensor) -> Tensor:
        """Return the indices of the nearest codes, [..., D] -> int64 [..., quantizers]; the first of equal ones."""
        rest, chosen = z, []
        for book in self.codebooks():
            distance = (book**2).sum(1) - 2 * rest @ book.T
            index = distance.argmin(-1)
            rest = rest - book[index]
            chosen.append(index)
        return torch.stack(chosen, dim=-1)

    def decode(self, indices: Tensor) -> Tensor:
        """Return the sums of the codes of indices, [..., quantizers] -> [..., D]."""
        terms = [book[indices[..., i]] for i, book in enumerate(self.codebooks())]
        return torch.stack(terms).sum(0)
