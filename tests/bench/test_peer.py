"""The peer times a TorchScript file in a process of its own, and reports failures in one line."""

import pytest
import torch

from rtrave.bench.peer import Peer
from rtrave.errors import RtraveError


class FixedBlock(torch.nn.Module):
    """A module that accepts blocks of 256 samples only."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.size(2) != 256:
            raise ValueError("only blocks of 256")
        return torch.tanh(x)


@pytest.fixture
def script(tmp_path):
    torch.jit.script(FixedBlock()).save(tmp_path / "fixed.ts")
    return tmp_path / "fixed.ts"


def test_a_time_for_each_block(script):
    with Peer(script, 1, 256, 1) as peer:
        assert len(peer.run(7)) == 7
        assert all(0 < time_s < 1 for time_s in peer.run(3))


def test_failures_are_reported(script, tmp_path):
    with pytest.raises(RtraveError, match=r"--against: cannot run 'fixed\.ts': .*only blocks of 256"):
        Peer(script, 1, 128, 1)
    (tmp_path / "no.ts").write_bytes(b"nothing")
    with pytest.raises(RtraveError, match=r"--against: cannot run 'no\.ts'"):
        Peer(tmp_path / "no.ts", 1, 256, 1)
