"""The native file stores a model exactly; damaged files and other kinds are refused in one line."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rtrave.errors import RtraveError
from rtrave.model.formats.load import load
from rtrave.model.formats.native import load_native, save_native
from tests.tiny import tiny_model


@pytest.fixture
def path(tmp_path):
    save_native(tiny_model(), tmp_path / "tiny.safetensors", "random weights")
    return tmp_path / "tiny.safetensors"


def test_round_trip(path):
    model, again = tiny_model(), load(path)
    assert again.spec == model.spec
    assert again.source == path
    state = model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in again.state_dict().items())


def test_half_as_long_is_the_same_to_rounding(path, tmp_path):
    save_native(tiny_model(), tmp_path / "half.safetensors", half=True)
    exact, loaded = tiny_model().state_dict(), load(tmp_path / "half.safetensors").state_dict()
    rounded = {name for name in exact if not torch.equal(exact[name], loaded[name])}
    saved = path.stat().st_size - (tmp_path / "half.safetensors").stat().st_size
    assert saved >= 2 * sum(exact[name].numel() for name in rounded) > 0
    assert all(name.startswith(("encoder.", "decoder.")) for name in rounded)
    for name, value in exact.items():
        torch.testing.assert_close(loaded[name], value, rtol=2**-11, atol=1e-7)


def test_names_are_those_of_rave(path):
    names = set(load_file(path))
    assert {"encoder.encoder.net.0.weight_g", "decoder.net.2.weight_v", "pqmf.forward_conv.weight"} <= names
    assert {"latent_pca", "latent_mean", "fidelity"} <= names


def rewritten(path, change):
    state = load_file(path)
    header = json.loads(path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")])["__metadata__"]
    change(state, header)
    save_file(state, path, metadata=header)


def with_nan(state, header):
    state["latent_mean"][0] = np.nan


def without_a_weight(state, header):
    del state["decoder.net.0.weight_g"]


def with_another_shape(state, header):
    state["latent_mean"] = torch.zeros(5)


def with_no_record(state, header):
    del header["rtrave"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_nan, "expected finite numbers in 'latent_mean', got NaN or infinity"),
        (without_a_weight, "expected the entry 'decoder.net.0.weight_g', got none"),
        (with_another_shape, r"of shape \(4,\), got \(5,\)"),
        (with_no_record, "expected an rtrave model, got another file"),
    ],
)
def test_wrong_content_is_refused(path, change, message):
    rewritten(path, change)
    with pytest.raises(RtraveError, match=message) as refused:
        load_native(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("keep", [0, 1, 8, 17, 2047, -1])
def test_a_truncated_file_is_refused(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RtraveError, match="damaged") as refused:
        load(path)
    assert "\n" not in str(refused.value)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(RtraveError, match=r"registered names \(.*strings.*\), got 'nothing'"):
        load("nothing")


def test_an_unknown_format_is_refused(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(RtraveError, match="got another format"):
        load(tmp_path / "model.bin")
