"""Angles of unit vectors invert exactly, stay in their range, and are finite for silence."""

import pytest
import torch

from rtrave.model.regularisation import from_angles, to_angles, unit_vector


@pytest.mark.parametrize("dims", [2, 3, 16, 128])
def test_there_and_back(dims):
    z = torch.randn(2, dims, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    unit = unit_vector(z, 1)
    angles = to_angles(unit)
    assert angles.shape == (2, dims - 1, 50)
    assert angles.abs().max() <= 1
    assert torch.allclose(from_angles(angles), unit, atol=1e-7)


def test_silence_is_finite():
    zero = torch.zeros(1, 16, 3)
    assert torch.equal(unit_vector(zero, 1), zero)
    assert torch.isfinite(to_angles(zero)).all()
