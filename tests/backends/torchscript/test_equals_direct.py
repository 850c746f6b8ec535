"""A third-party TorchScript file plays through the engine what direct calls return in chunks, one hop later."""

import numpy as np
import pytest

from rtrave.errors import RtraveError
from rtrave.streaming.open_stream import stream
from tests.backends.torchscript.playing import HOP, delayed, engine_of, folder_of, noise, play
from tests.third_party_scripts import Autoencoder, Blur, Effect, Features, directly, save


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scripts")


def engine_on(kind):
    """Make a fixture: one engine on a TorchScript module for all tests. `reset_engines` resets it before each test."""

    @pytest.fixture(scope="module")
    def made(folder):
        with engine_of(folder_of(kind(), folder)) as engine:
            yield engine

    return made


effect, features, blur, autoencoder = engine_on(Effect), engine_on(Features), engine_on(Blur), engine_on(Autoencoder)


@pytest.fixture(autouse=True)
def reset_engines(request):
    for name in ("effect", "features", "blur", "autoencoder"):
        if name in request.fixturenames:
            request.getfixturevalue(name).reset()


def test_effect(folder, effect):
    x = noise(1, 20 * HOP)
    y, z, _, lost = play(effect, x)
    assert lost == []
    assert z.shape == (0, 20)
    assert np.array_equal(y, delayed(directly(folder / "effect.ts", x)))


def test_effect_with_an_attribute_set(folder):
    x = noise(1, 5 * HOP)
    with engine_of(folder_of(Effect(), folder, gain=0.25)) as engine:
        assert engine.spec.attributes == {"gain": [0.25]}
        y = play(engine, x)[0]
    assert np.array_equal(y, delayed(directly(folder / "effect.ts", x, gain=0.25)))
    assert not np.array_equal(y, delayed(directly(folder / "effect.ts", x)))


def test_features_are_reported_while_the_dry_sound_passes(folder, features):
    x = noise(1, 10 * HOP)
    y, z_in, z_out, lost = play(features, x)
    expected = directly(folder / "features.ts", x, "encode")
    assert lost == []
    assert expected.shape == (4, 40)
    assert np.array_equal(z_in, delayed(expected, 4))
    assert np.array_equal(z_out, z_in)
    assert np.array_equal(y, delayed(x))


def test_effect_without_state_from_two_channels_to_one(folder, blur):
    x = noise(2, 10 * HOP)
    y, _, _, lost = play(blur, x)
    expected = delayed(directly(folder / "blur.ts", x))
    assert lost == []
    assert np.array_equal(y, np.concatenate([expected, expected]))


def test_encode_and_decode(folder, autoencoder):
    x = noise(2, 10 * HOP)
    y, z_in, z_out, lost = play(autoencoder, x)
    latents = directly(folder / "autoencoder.ts", x, "encode")
    assert lost == []
    assert np.array_equal(z_in, delayed(latents, 2))
    assert np.array_equal(z_out, z_in)
    assert np.array_equal(y, delayed(directly(folder / "autoencoder.ts", latents, "decode", hop=2)))


@pytest.mark.parametrize("space", [0, 1])
def test_latents_are_edited_between_encode_and_decode(folder, autoencoder, space):
    x = noise(2, 8 * HOP)
    y, z_in, z_out, _ = play(autoencoder, x, latent__scale=[1, 0.5, 1], latent__bias=[0.25, 0, 0], space=space)
    edited = directly(folder / "autoencoder.ts", x, "encode")
    edited = edited * np.array([[1], [0.5], [1]], "f4") + np.array([[0.25], [0], [0]], "f4")
    assert np.allclose(z_out, delayed(edited, 2), atol=1e-6)
    expected = delayed(directly(folder / "autoencoder.ts", edited.astype("f4"), "decode", hop=2))
    assert np.allclose(y, expected, atol=1e-5)
    assert not np.allclose(z_in, z_out, atol=0.1)


def test_dry_and_wet_are_aligned(features):
    """Mix half the dry signal with half of the input that the features pass on: the sum is the input, one hop later."""
    x = noise(1, 6 * HOP)
    assert features.spec.acoustic_delay == HOP
    assert np.allclose(play(features, x, mix=0.5)[0], delayed(x), atol=1e-6)


def test_reset_and_panic_restart_it(effect):
    x = noise(1, 4 * HOP)
    first = play(effect, x)[0]
    effect.reset()
    assert np.array_equal(play(effect, x)[0], first)
    after_panic = play(effect, x, panic=1)[0]
    assert np.array_equal(after_panic[:, HOP:], first[:, HOP:])


def test_noise_repeats_with_the_seed(folder):
    x = noise(2, 6 * HOP)
    script = folder_of(Autoencoder(), folder)
    played = []
    for seed in (1, 1, 2):
        with engine_of(script, seed=seed) as engine:
            played.append(play(engine, x, latent__noise=1)[0])
    assert np.array_equal(played[0], played[1])
    assert not np.array_equal(played[0], played[2])


def test_a_stream_waits_and_so_has_no_latency(folder):
    x = noise(2, 6 * HOP)
    live = stream(save(Autoencoder(), folder))
    latents = directly(folder / "autoencoder.ts", x, "encode")
    try:
        assert np.array_equal(live.encode(x[None])[0], latents)
        decoded = live.decode(latents[None])[0]
        assert np.array_equal(decoded, directly(folder / "autoencoder.ts", latents, "decode", hop=2))
        live.reset()
        assert np.array_equal(live.process(x[None])[0], decoded)
    finally:
        live.backend.close()


def test_no_snapshot(effect):
    assert not {"snapshot", "replay"} & set(effect.spec.capabilities)
    with pytest.raises(RtraveError, match="its state cannot be read"):
        effect.snapshot()
