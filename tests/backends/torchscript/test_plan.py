"""Choice of the methods of a TorchScript file that are played."""

import pytest

from rtrave.backends.torchscript.plan import Call, Plan, choose_plan
from rtrave.errors import RtraveError


def calls(**params):
    return {name: Call(name, *numbers) for name, numbers in params.items()}


@pytest.mark.parametrize(
    ("given", "methods", "dims", "hop", "frames", "channels"),
    [
        (calls(forward=(1, 1, 1, 1)), ("forward",), 0, 2048, 1, 1),
        (calls(forward=(1, 1, 2, 1)), ("forward",), 0, 2048, 1, 2),
        (calls(shimmer=(3, 1, 2, 1)), ("shimmer",), 0, 2048, 1, 3),
        (
            calls(forward=(1, 1, 1, 1), encode=(1, 1, 8, 512), decode=(8, 512, 1, 1)),
            ("encode", "decode"),
            8,
            2048,
            4,
            1,
        ),
        (calls(forward=(1, 1, 1, 1), encode=(1, 1, 8, 512), decode=(9, 512, 1, 1)), ("forward",), 0, 2048, 1, 1),
        (calls(encode=(2, 1, 4, 512)), ("encode",), 4, 2048, 4, 2),
        (calls(pitch=(1, 1, 2, 4096)), ("pitch",), 2, 4096, 1, 1),
        (calls(forward=(1, 1, 3, 384)), ("forward",), 3, 6144, 16, 1),
        (calls(decode=(16, 2048, 2, 1)), ("decode",), 16, 2048, 1, 2),
        (calls(prior=(8, 2048, 8, 2048), decode=(8, 2048, 1, 1)), ("decode",), 8, 2048, 1, 1),
    ],
)
def test_choice(given, methods, dims, hop, frames, channels):
    plan = choose_plan(given)
    assert (plan.methods, plan.dims, plan.hop, plan.latent_frames, plan.channels) == (
        methods,
        dims,
        hop,
        frames,
        channels,
    )
    assert Plan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (calls(prior=(8, 2048, 8, 2048)), "expected a method that takes or returns audio, got prior"),
        (calls(forward=(0, 1, 1, 1)), "of 1 or more, got less"),
        (calls(encode=(1, 1, 4, 0)), "of 1 or more, got less"),
        (calls(encode=(1, 1, 4, 2047)), "2047"),
        (calls(forward=(500, 1, 1, 1)), "64 audio channels, got 500"),
        (calls(encode=(1, 1, 100000, 2048)), "got 100000 x 1"),
    ],
)
def test_refused(given, why):
    with pytest.raises(RtraveError, match=why):
        choose_plan(given)
