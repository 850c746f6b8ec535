"""Weight norm folds into plain weights that compute the same."""

import torch

from rtrave.layers.conv import Conv1d, ConvTranspose1d, fold_weight_norm


def test_folded_weights_compute_the_same():
    generator = torch.Generator().manual_seed(0)
    for make in (
        lambda norm: Conv1d(3, 5, 7, weight_norm=norm),
        lambda norm: ConvTranspose1d(3, 5, 4, weight_norm=norm),
    ):
        layer, plain = make(True).double(), make(False).double()
        torch.nn.init.normal_(layer.weight_g, generator=generator)
        plain.load_state_dict(fold_weight_norm(layer.state_dict()))
        x = torch.randn(2, 3, 17, generator=generator, dtype=torch.float64)
        assert torch.equal(layer(x), plain(x))


def test_weights_equal_torchs_own_weight_norm():
    layer = Conv1d(3, 5, 7, weight_norm=True)
    torch.nn.init.normal_(layer.weight_g, generator=torch.Generator().manual_seed(0))
    expected = torch._weight_norm(layer.weight_v, layer.weight_g, 0)
    assert torch.allclose(layer.kernel(), expected, rtol=1e-6, atol=0)


def test_other_entries_are_left_alone():
    state = {"a.weight": torch.ones(2), "bias": torch.zeros(1)}
    assert fold_weight_norm(state) == state
