"""`rtrave.stream` refuses unknown options in one line; the public names and its signature stay."""

import inspect

import pytest

import rtrave


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "tensorflow"}, "backend: expected 'onnx' or 'torch', got 'tensorflow'"),
        ({"precision": "int1"}, "precision: expected one of float32, int8, got 'int1'"),
        ({"compat": "max"}, "compat: expected None or 'nn~', got 'max'"),
        ({"batch": 0}, "batch: expected 1 or more, got 0"),
    ],
)
def test_unknown_options(options, message):
    with pytest.raises(rtrave.RtraveError, match=message):
        rtrave.stream("strings", **options)


def test_the_public_surface():
    assert rtrave.__all__ == [
        "ControlError", "Model", "ModelSpec", "RtraveError", "Stream", "__version__", "load", "stream",
    ]  # fmt: skip
    for name in rtrave.__all__:
        assert getattr(rtrave, name)
    assert list(inspect.signature(rtrave.stream).parameters) == [
        "model", "batch", "backend", "precision", "seed", "noise", "compat", "hop", "threads",
    ]  # fmt: skip
