"""Calibrations: their statistics, the ranges that follow, and their files."""

import numpy as np
import pytest

from rtrave.control import calibration as c
from rtrave.control.namespace import Controls
from rtrave.control.vector import make_layout
from rtrave.errors import RtraveError
from tests.engine.chain import Chain, latents


def learned(dims: int = 3, frames: int = 20_000) -> tuple[c.Calibration, Chain]:
    chain = Chain(dims, rotated=True)
    wide = np.arange(1, dims + 1)[:, None].astype(np.float32)
    components = wide * latents(dims, frames) + 0.5
    z = chain.pca.T @ components + chain.mean[:, None]
    return c.learn(z, chain.pca, chain.mean, "hash", 12.0, ["a.wav"]), chain


def test_the_numbers_are_those_of_the_components() -> None:
    found = learned()[0].spaces["compressed"]
    assert np.allclose(found.mean, 0.5, atol=0.05)
    assert np.allclose(found.std, [1, 2, 3], rtol=0.02)
    low, high = found.range
    assert np.allclose(low, 0.5 - 2.326 * np.arange(1, 4), atol=0.2)
    assert np.allclose(high, 0.5 + 2.326 * np.arange(1, 4), atol=0.2)


def test_norm_aliases_span_the_range_of_their_space() -> None:
    found, chain = learned()
    controls = Controls(chain.layout)
    c.calibrate(controls, found)
    for space, name in enumerate(c.SPACES):
        controls.set("/rtrave/space", (name,))
        low, high = found.spaces[name].range
        for n in range(3):
            controls.set(f"/rtrave/norm/latent/{n}/value", (0.0,))
            assert controls.get(f"/rtrave/latent/{n}/value") == pytest.approx((max(low[n], -10),))
            controls.set(f"/rtrave/norm/latent/{n}/bias", (1.0,))
            half = (min(high[n], 10) - max(low[n], -10)) / 2
            assert controls.get(f"/rtrave/latent/{n}/bias") == pytest.approx((half,))
            assert controls.get(f"/rtrave/norm/latent/{n}/bias") == pytest.approx((1.0,))
        controls.set("/rtrave/norm/latents/value", (0.5,))
        middle = (np.clip(low, -10, 10) + np.clip(high, -10, 10)) / 2
        assert controls.get("/rtrave/latents/value") == pytest.approx(middle)
        assert controls.low[space].shape == (chain.layout.size,)
    controls.set("/rtrave/norm/mix", (0.25,))
    assert controls.get("/rtrave/mix") == (0.25,)


def test_a_dimension_that_does_not_move_keeps_a_range() -> None:
    found = c.statistics(np.zeros((2, 10), np.float32))
    low, high = found.range
    assert np.allclose(high - low, c.NARROWEST)


def test_a_file_round_trip_keeps_it(tmp_path) -> None:
    found, _ = learned()
    path = tmp_path / "deep" / "x.json"
    c.save(found, path)
    again = c.load(path, "hash")
    assert (again.seconds, again.sources) == (12.0, ("a.wav",))
    for name in c.SPACES:
        assert np.array_equal(again.spaces[name].percentiles, found.spaces[name].percentiles)
    with pytest.raises(RtraveError, match="another model"):
        c.load(path, "other")


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('"version": 1', '"version": 2'),
        ('"std"', '"sdt"'),
        ("[", "{"),
        ('"mean": [', '"mean": [1, '),
        ("0.", "NaN, 0."),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, was: str, now: str) -> None:
    path = tmp_path / "x.json"
    c.save(learned(2, 100)[0], path)
    path.write_text(path.read_text().replace(was, now, 1) if was != "[" else path.read_text().replace(was, now))
    with pytest.raises(RtraveError) as caught:
        c.load(path, "hash")
    assert "\n" not in str(caught.value)


def test_another_number_of_dimensions_is_refused() -> None:
    with pytest.raises(RtraveError, match="expected 4 dimensions, got 3"):
        c.calibrate(Controls(make_layout(4)), learned(3)[0])


def test_a_long_recording_is_thinned_out() -> None:
    gatherer = c.Gatherer(2)
    gatherer.add(latents(2, 5))
    assert gatherer.frames == 0  # inactive
    gatherer.start()
    z = np.arange(50_000, dtype=np.float32).repeat(2).reshape(-1, 2).T
    for part in np.split(z, 100, axis=1):
        gatherer.add(part)
    collected = gatherer.finish()
    assert gatherer.frames == 50_000 and 10_000 <= collected.shape[1] <= c.MAX_GATHERED
    assert np.allclose(np.percentile(collected[0], [1, 50, 99]), [500, 25_000, 49_500], atol=30)
