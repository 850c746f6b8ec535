"""Contract of a stream on either backend: partition, reset, snapshots, independence, batch, refusals."""

import numpy as np
import pytest

from rtrave.errors import RtraveError
from rtrave.streaming.open_stream import stream
from tests.tiny import tiny_model

FRAMES = 31


@pytest.fixture(scope="module")
def model():
    return tiny_model(channels=2)


@pytest.fixture(scope="module", params=["torch", "onnx"])
def live(request, model):
    return stream(model, backend=request.param)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).standard_normal((1, 2, 128 * FRAMES)).astype(np.float32)


@pytest.fixture(autouse=True)
def from_silence(live):
    live.reset()


def test_partition(live, x):
    whole = live.process(x)
    live.reset()
    cuts = 128 * np.array([1, 2, 7, 20])
    assert np.array_equal(np.concatenate([live.process(part) for part in np.split(x, cuts, axis=2)], axis=2), whole)


def test_snapshot_and_restore(live, x):
    live.process(x[..., : 128 * 10])
    state = live.snapshot()
    after = live.process(x[..., 128 * 10 :])
    live.restore(state)
    assert np.array_equal(live.process(x[..., 128 * 10 :]), after)


def test_a_refused_snapshot_changes_nothing(live, x):
    live.process(x[..., :1280])
    before = live.snapshot()
    counters = {name: before[name] for name in ("encoded_frames", "decoded_frames")}
    wrong = {name: array[..., :1] for name, array in before.items() if name not in counters}
    with pytest.raises(RtraveError, match="states of this model and batch"):
        live.restore({**wrong, **counters})
    after = live.snapshot()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_two_streams_are_independent(live, model, x):
    alone = live.process(x)
    live.reset()
    other = stream(model, backend="onnx")
    mixed = []
    for part in np.split(x, FRAMES, axis=2):
        mixed.append(live.process(part))
        other.process(-part)
    assert np.array_equal(np.concatenate(mixed, axis=2), alone)


def test_the_input_is_not_changed(live, x):
    before = x.copy()
    live.process(x)
    assert np.array_equal(x, before)


def test_the_output_is_not_overwritten_by_the_next_block(live, x):
    first = live.process(x[..., :128])
    z = live.encode(x[..., :128])
    first_copy, z_copy = first.copy(), z.copy()
    live.process(x[..., 128:256])
    assert np.array_equal(first, first_copy)
    assert np.array_equal(z, z_copy)


@pytest.mark.parametrize("samples", [0, 1, 17, 127, 129, 2047])
def test_other_lengths_are_refused(live, samples):
    with pytest.raises(RtraveError, match="expected a multiple of the ratio 128"):
        live.process(np.zeros((1, 2, samples), np.float32))


def test_other_shapes_are_refused(live):
    with pytest.raises(RtraveError, match=r"expected the shape \[1, 2, time\]"):
        live.process(np.zeros((1, 1, 128), np.float32))
    with pytest.raises(RtraveError, match=r"expected the shape \[1, 4, time\]"):
        live.decode(np.zeros((1, 3, 1), np.float32))


def test_temperature_draws_follow_the_frame_not_the_block(live, x):
    whole = live.encode(x, temperature=1.0)
    live.reset()
    parts = [live.encode(part, temperature=1.0) for part in np.split(x, [128 * 3, 128 * 4], axis=2)]
    assert np.array_equal(np.concatenate(parts, axis=2), whole)
    live.reset()
    assert not np.array_equal(live.encode(x), whole)


def test_compiled_equals_torch(model, x):
    compiled, reference = stream(model), stream(model, backend="torch")
    y, expected = compiled.process(x), reference.process(x)
    assert np.abs(y - expected).max() < 1e-4 * np.abs(expected).max()
    observed_state, expected_state = compiled.snapshot(), reference.snapshot()
    assert observed_state.keys() == expected_state.keys()
    errors = [
        np.abs(observed_state[name] - expected_state[name]).max() / max(np.abs(expected_state[name]).max(), 1)
        for name in observed_state
    ]
    assert max(errors) < 1e-3


def test_rows_of_a_batch_are_independent_streams(model, x):
    batch = stream(model, batch=2)
    y = batch.process(np.concatenate((x, -x)))
    single = stream(model).process(x)
    assert np.abs(y[:1] - single).max() < 1e-5 * np.abs(single).max()
