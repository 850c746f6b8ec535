"""The peer runs a TorchScript file in a process of its own, and says in one line what stops it."""

import pytest
import torch

from rtrave.bench.peer import Peer
from rtrave.errors import RtraveError


class Slow(torch.nn.Module):
    """Takes blocks of 256 samples."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.size(2) != 256:
            raise ValueError("only blocks of 256")
        return torch.tanh(x)


@pytest.fixture
def script(tmp_path):
    torch.jit.script(Slow()).save(tmp_path / "slow.ts")
    return tmp_path / "slow.ts"


def test_a_time_for_each_block(script):
    with Peer(script, 1, 256, 1) as peer:
        assert len(peer.run(7)) == 7
        assert all(0 < time_s < 1 for time_s in peer.run(3))


def test_what_cannot_run_is_told(script, tmp_path):
    with pytest.raises(RtraveError, match=r"cannot run slow.ts as a peer: .*only blocks of 256"):
        Peer(script, 1, 128, 1)
    (tmp_path / "no.ts").write_bytes(b"nothing")
    with pytest.raises(RtraveError, match=r"cannot run no.ts as a peer"):
        Peer(tmp_path / "no.ts", 1, 256, 1)
