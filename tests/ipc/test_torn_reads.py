"""A control vector read while another process writes without rest is never half of one, half of another."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rtrave.ipc.control_block import ControlBlock
from rtrave.ipc.shared_memory import create
from rtrave.ipc.shared_spec import SharedSpec
from tests.ipc.attaching import arguments_of

WRITER = """
import sys, time
import numpy as np
from tests.ipc.attaching import attach_by_arguments
shared = attach_by_arguments(*sys.argv[2:])
block, vector = shared.controls, np.zeros(shared.spec.controls)
end_s = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end_s:
    for _ in range(100):
        vector += 1.0
        block.write(vector)
"""


def hammer(shared, read, seconds: float) -> tuple[int, int, int]:
    """(reads, different vectors among them, torn reads) while a child process writes."""
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(seconds), *arguments_of(shared)])
    into = np.zeros(shared.spec.controls)
    reads, torn, seen = 0, 0, set()
    try:
        while child.poll() is None:
            if read(into) > 0:
                reads += 1
                torn += int((into != into[0]).any())
                seen.add(into[0])
    finally:
        child.wait()
    assert child.returncode == 0
    return reads, len(seen), torn


@pytest.fixture
def shared():
    made = create(SharedSpec(1, 128, 1, 4099, audio_rows=16, hops_rows=16, controls_rows=16))
    yield made
    made.unlink()


def test_no_torn_read_under_a_concurrent_writer(shared) -> None:
    different, limit_s = 0, time.monotonic() + 20
    while different <= 1000 and time.monotonic() < limit_s:  # on a busy computer the two rarely run together
        _, found, torn = hammer(shared, shared.controls.read, 1.0)
        different += found
        assert torn == 0
    assert different > 1000


def test_the_same_hammer_finds_torn_reads_where_nothing_guards(shared) -> None:
    def unguarded(into: np.ndarray) -> int:
        block = shared.controls
        sequence = int(block._sequence[0])
        into[:] = block._slots[sequence % 2][1:-2]
        return sequence

    torn, limit_s = 0, time.monotonic() + 10
    while not torn and time.monotonic() < limit_s:
        torn = hammer(shared, unguarded, 0.5)[2]
    assert torn > 0


@pytest.mark.parametrize("harm", ["begin", "end", "middle"])
def test_a_half_written_slot_is_refused_and_the_reader_keeps_what_it_had(harm: str) -> None:
    size = 17
    words = np.zeros(ControlBlock.nbytes(size) // 8)
    block = ControlBlock(words, size)
    assert block.write(np.full(size, 1.0)) == 1
    into = np.zeros(size)
    assert block.read(into) == 1 and (into == 1.0).all()
    block.write(np.full(size, 2.0))
    slot = block._slots[0]
    slot[{"begin": 0, "end": -1, "middle": 5}[harm]] += 2
    assert block.read(into) == -1
    assert (into == 1.0).all()


def test_nothing_published_leaves_the_vector_alone(shared) -> None:
    into = np.full(shared.spec.controls, 7.0)
    assert shared.controls.read(into) == 0
    assert (into == 7.0).all()


def test_module_is_free_of_torch_and_osc() -> None:
    code = "import sys, rtrave.audio.process; print([m for m in ('torch', 'pythonosc') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"
