"""Each stage of the residual quantiser takes the code nearest to the rest, and codes decode to their sum."""

import torch

from rtrave.layers.quantize import ResidualQuantizer


def quantizer(stages=3, codes=16, dims=5):
    made = ResidualQuantizer(stages, codes, dims).double()
    generator = torch.Generator().manual_seed(0)
    for stage, book in enumerate(made.codebooks()):
        book.copy_(torch.randn(codes, dims, generator=generator, dtype=torch.float64) / 2**stage)
    return made


def test_nearest_codes():
    rvq = quantizer()
    z = torch.randn(7, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    rest = z
    for stage, book in enumerate(rvq.codebooks()):
        index = torch.cdist(rest, book).argmin(-1)
        assert torch.equal(rvq.encode(z)[..., stage], index)
        rest = rest - book[index]
    assert torch.allclose(rvq.decode(rvq.encode(z)), z - rest)


def test_of_equal_codes_the_first():
    rvq = ResidualQuantizer(2, 8, 3)
    assert not rvq.encode(torch.ones(4, 3)).any()


def test_names_are_those_of_rave():
    assert list(quantizer(2).state_dict()) == ["layers.0._codebook.embed", "layers.1._codebook.embed"]
