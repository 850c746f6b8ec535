"""Exports of RAVE's own are rebuilt exactly; messages name what cannot be rebuilt.

The exports here are imitations. tests/interop repeats this with files of RAVE's own code, if there are any.
"""

import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import rtrave
from rtrave.errors import RtraveError
from rtrave.model.formats import exports
from rtrave.model.formats.export_reader import read_export
from rtrave.model.formats.load import load
from rtrave.model.rave import Model
from rtrave.model.spec import NetworkSpec, NoiseSpec
from rtrave.model.weights import folded
from tests.backends.torchscript.playing import probed_here
from tests.model.official_export import DilatedUnit, export, plain_network
from tests.reference import DATA
from tests.third_party_scripts import Autoencoder, save
from tests.tiny import tiny_model


def variant(padding="causal", noise=None, **sizes):
    """Return a tiny model of version 2 with random weights."""
    model = tiny_model(**sizes)
    network = replace(model.network, padding=padding, decoder=replace(model.network.decoder, noise=noise))
    torch.manual_seed(1)
    return Model(network, "tiny", 48000).eval()


MODELS = {
    "v2": tiny_model,
    "v2 in stereo": lambda: variant(channels=2),
    "v2 centred": lambda: variant("centered", ratios=(4, 1, 2)[::2]),
    "v2 with noise": lambda: variant("centered", NoiseSpec(2, (2, 4), 5, 12)),
    "v1": lambda: load(DATA / "v1"),
    "v1 causal": lambda: load(DATA / "v1_causal"),
    "raspberry": lambda: load(DATA / "raspberry"),
    "brave": lambda: load(DATA / "brave"),
    "v2_small": lambda: load(DATA / "v2_small"),
}


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_network_and_weights_come_back(name, streaming, tmp_path):
    model = MODELS[name]()
    again, notes = read_export(export(model, tmp_path / "again.ts", streaming))
    assert again.network == plain_network(model)
    assert (again.name, again.sample_rate) == ("again", model.sample_rate)
    expected = folded(model).state_dict()
    assert again.state_dict().keys() == expected.keys()
    for key, value in again.state_dict().items():
        torch.testing.assert_close(value, expected[key], rtol=0, atol=0)
    assert len(notes) == (not streaming)


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    return export(tiny_model(), tmp_path_factory.mktemp("export") / "tiny.ts")


def test_load_rebuilds_it_in_a_child_and_keeps_it(script, monkeypatch):
    model = load(script)
    assert (model.source, model.name) == (script, "tiny")
    x = torch.randn(1, 1, 1280, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(model(x), tiny_model()(x), rtol=0, atol=1e-5)
    monkeypatch.setattr(subprocess, "run", None)  # a second child would fail
    assert load(script).spec == model.spec


def test_a_damaged_copy_in_the_cache_is_made_again(script):
    load(script)
    exports.native_file(script).write_bytes(b"damaged")
    assert load(script).network.latent_size == 4


def test_streams_of_the_script_and_of_its_model_are_one(script):
    x = np.random.default_rng(3).standard_normal((1, 1, 1024)).astype(np.float32)
    output = rtrave.stream(script).process(x)
    expected = rtrave.stream(load(script), backend="torch").process(x)
    np.testing.assert_allclose(output, expected, atol=1e-4 * np.abs(expected).max())


def test_one_that_does_not_stream_is_rebuilt_and_said_so(tmp_path):
    path = export(tiny_model(), tmp_path / "offline.ts", streaming=False)
    with pytest.warns(UserWarning, match=r"offline\.ts was exported without streaming"):
        model = load(path)
    notes = []
    exports.as_native(path, notes.append)
    assert any("rebuilt as a streaming model" in line for line in notes)
    x = np.zeros((1, 1, model.spec.ratio), np.float32)
    assert np.isfinite(rtrave.stream(model, backend="torch").process(x)).all()


def test_what_is_cached_needs_no_torch(script):
    exports.as_native(script)
    code = (
        "import sys; from pathlib import Path; from rtrave.model.formats.exports import as_native;"
        f"as_native(Path({str(script)!r})); assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def steeper(root):
    root.encoder.encoder.net[3] = nn.LeakyReLU(0.3)


def strange(root):
    root.decoder.net[1] = nn.ELU()


def recurrent(root):
    root.decoder.net.append(DilatedUnit(nn.ReLU()))


def other_padding(root):
    root.encoder.encoder.net[0].cache.padding = 5


def other_dilation(root):
    root.encoder.encoder.net[1].aligned.branches[0].net[3].dilation = (2,)


def not_finite(root):
    root.latent_mean[0] = torch.nan


def other_shape(root):
    root.latent_mean = torch.zeros(9)


def no_rate(root):
    del root.sr


def silly_rate(root):
    root.sr = 0


def other_encoder(root):
    root.encoder = DilatedUnit(root.encoder.encoder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (steeper, r"encoder\.encoder\.net\.3: expected \{'slope': 0\.2\}, got \{'slope': 0\.3\}: it cannot be rebuilt"),
        (strange, r"decoder\.net\.1: expected a layer of RAVE.s, got ELU: it cannot be rebuilt"),
        (recurrent, r"decoder\.net\.10\.net: expected .*, got ReLU: it cannot be rebuilt"),
        (other_padding, r"encoder\.encoder\.net\.0: expected .*, got .*'cache': 5"),
        (other_dilation, r"expected .*'dilation': 1.*, got .*'dilation': 2"),
        (not_finite, "expected finite numbers in 'latent_mean', got NaN or infinity"),
        (other_shape, r"expected 'latent_mean' of shape \(4,\), got \(9,\)"),
        (no_rate, "expected an export of RAVE's, got .*it cannot be rebuilt"),
        (silly_rate, "sample rate: expected a positive whole number, got 0"),
        (other_encoder, "encoder: expected one of RAVE's, got DilatedUnit: it cannot be rebuilt"),
    ],
)
def test_what_cannot_be_rebuilt_is_named(change, message, tmp_path):
    path = export(tiny_model(), tmp_path / "other.ts", change=change)
    with pytest.raises(RtraveError, match=message) as refused, warnings.catch_warnings():
        warnings.simplefilter("error")
        read_export(path)
    assert str(refused.value).startswith(f"'{path}': ")
    assert "\n" not in str(refused.value)


def test_any_other_script_streams_by_the_contract_and_has_no_native_model(tmp_path):
    path = save(Autoencoder(), tmp_path)
    probed_here(path)
    stream = rtrave.stream(path)
    try:
        assert not isinstance(stream.spec.network, NetworkSpec)
        assert np.isfinite(stream.process(np.zeros((1, 2, stream.hop), np.float32))).all()
    finally:
        stream.backend.close()
    with pytest.raises(RtraveError, match="batch: expected 1 for a third-party TorchScript file, got 2"):
        rtrave.stream(path, batch=2)
    with pytest.raises(RtraveError, match=r"expected an export of RAVE's own, .*: use rtrave\.stream"):
        load(path)
