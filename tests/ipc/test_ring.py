"""A ring gives back every row in order, or counts exactly the rows it dropped."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from rtrave.errors import RtraveError
from rtrave.ipc.hop_record import hop_dtype
from rtrave.ipc.shared_memory import attach, create
from rtrave.ipc.shared_spec import SharedSection, SharedSpec, spec_for
from tests.ipc.attaching import arguments_of


def rows_from(start: int, n: int) -> np.ndarray:
    return np.repeat(np.arange(start, start + n, dtype=np.float32)[:, None], 2, axis=1)


@pytest.fixture
def make(request):
    made = []

    def one(rows: int):
        made.append(create(SharedSpec(1, 2, 1, 3, audio_rows=rows, hops_rows=rows, controls_rows=rows)))
        return made[-1]

    yield one
    for shared in made:
        shared.unlink()


@pytest.mark.parametrize("capacity", [1, 17, 2047])
@pytest.mark.parametrize("block", [1, 17, 2047])
def test_order_and_drops_are_exact_under_wrap(make, capacity: int, block: int) -> None:
    shared = make(capacity)
    ring, rng = shared.audio, np.random.default_rng(capacity * 3000 + block)
    sent, got, dropped, number = [rows_from(0, 0)], [], 0, 0
    for _ in range(300):
        n = int(rng.choice([1, block, rng.integers(0, block + 1)]))
        rows = rows_from(number, n)
        fits = n <= capacity - ring.waiting()
        assert ring.write(rows) == fits
        if fits:
            sent.append(rows)
        else:
            dropped += n
        number += n
        if rng.random() < 0.6:
            got.append(ring.read(int(rng.integers(0, capacity + 1))))
    got.append(ring.read())
    np.testing.assert_array_equal(np.concatenate(got), np.concatenate(sent))
    assert sum(map(len, sent)) > 0 and ring.waiting() == 0
    assert shared.status.get("audio_dropped") == dropped
    assert shared.status.get("hops_dropped") == 0


@pytest.mark.parametrize("capacity", [1, 7])
def test_records_come_through_whole_and_typed(make, capacity: int) -> None:
    ring, dtype, sent = make(capacity).hops, hop_dtype(2, 1), []
    assert ring.read().dtype == dtype and len(ring.read()) == 0
    for k in range(20):
        record = np.zeros(1, dtype)
        record["latent_frame"], record["compute_s"], record["z_out"] = 2**40 + k, k / 3, [[[k], [-k]]]
        assert ring.write(record)
        sent.append(record)
        if ring.waiting() == capacity:
            got = ring.read()
            np.testing.assert_array_equal(got, np.concatenate(sent))
            got["late"] = 1  # a copy: the ring does not see it
            sent.clear()


def test_skip_discards_what_waits(make) -> None:
    ring = make(17).audio
    ring.write(rows_from(0, 15))
    assert ring.skip() == 15
    ring.write(rows_from(15, 10))
    np.testing.assert_array_equal(ring.read(), rows_from(15, 10))


READER = """
import sys
import numpy as np
from tests.ipc.attaching import attach_by_arguments
ring = attach_by_arguments(*sys.argv[2:]).audio
due = 0
while due < int(sys.argv[1]):
    rows = ring.read()
    expected = np.arange(due, due + len(rows), dtype=np.float32)
    assert (rows == expected[:, None]).all(), due
    due += len(rows)
"""


def test_another_process_reads_every_row_in_order_while_it_is_written(make) -> None:
    shared, total = make(2047), 400_000
    command = [sys.executable, "-c", READER, str(total), *arguments_of(shared)]
    child = subprocess.Popen(command)
    at = 0
    while at < total and child.poll() is None:
        n = min(97, total - at)
        if shared.audio.capacity - shared.audio.waiting() >= n:
            assert shared.audio.write(rows_from(at, n))
            at += n
    assert child.wait(20) == 0


def test_the_file_is_private_and_refuses_other_sizes(make, tmp_path) -> None:
    shared = make(16)
    assert shared.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(RtraveError, match="expected the sizes"):
        attach(SharedSection(shared.path, SharedSpec(1, 2, 1, 3, audio_rows=17, hops_rows=16, controls_rows=16)))
    with pytest.raises(RtraveError, match="cannot open"):
        attach(SharedSection(tmp_path / "none", shared.spec))


def test_counters_and_rows_outlive_a_writer_that_was_killed(make) -> None:
    shared = make(64)
    code = (
        "import os, signal, sys; import numpy as np\n"
        "from tests.ipc.attaching import attach_by_arguments\n"
        "shared = attach_by_arguments(*sys.argv[1:])\n"
        "shared.status.add('hops', 3); shared.audio.write(np.ones((5, 2), np.float32))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, *arguments_of(shared)], check=False)
    again = attach(shared.section)
    again.status.add("hops", 2)
    again.audio.write(np.full((4, 2), 2.0, np.float32))
    assert shared.status.as_dict()["hops"] == 5
    assert shared.audio.read()[:, 0].tolist() == [1.0] * 5 + [2.0] * 4


@pytest.mark.parametrize("hop", [128, 512, 1024, 2048, 4096])
def test_every_ring_holds_twenty_seconds(hop: int) -> None:
    spec = spec_for(channels=1, dims=16, latent_frames=1, controls=120, hop=hop)
    seconds = {"audio": spec.audio_rows / 48000, "hops": spec.hops_rows * hop / 48000}
    assert min(seconds.values()) >= 20
    assert spec.controls_rows * hop / 48000 >= 20
