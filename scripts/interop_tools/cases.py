"""The models that are made with upstream's code: its configurations except hybrid, and the variants of BRAVE.

This module does not import upstream's code.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Case:
    """One model to make.

    Attributes
    ----------
    name : str
        Name of the case and of its folder.
    configs : tuple of str
        Upstream's configuration files, in the order of its command line.
    bindings : tuple of str
        Further gin bindings.
    channels : int
        Audio channels.
    sample_rate : int
        Hz.
    streaming : bool
        The TorchScript export has cached convolutions.
    ema : bool
        The checkpoint holds averaged weights beside the last ones, and the export takes them.
    transfer : bool
        The adaptive instance normalisation has statistics, as after learning a source and a target.
    fidelity : float
        Upstream's export option: the share of the latent variance that the exported latent space keeps.
    upstream : str
        Version of acids-rave.
    """

    name: str
    configs: tuple[str, ...]
    bindings: tuple[str, ...]
    channels: int = 1
    sample_rate: int = 44100
    streaming: bool = True
    ema: bool = False
    transfer: bool = False
    fidelity: float = 0.95
    upstream: str = "2.3.1"

    @property
    def checkpoint(self) -> str:
        """Path in the run folder; before 2.3 the export ignored checkpoints of other names."""
        return f"version_0/checkpoints/{'best' if self.upstream >= '2.3' else 'last'}.ckpt"


SMALL = ("CAPACITY=2",)
# A codebook of upstream's size would be the largest part of the file.
DISCRETE = (*SMALL, "CODEBOOK_SIZE=64")
# The full discriminator of v3 has 170 MB at any capacity; only one case has it.
FEW_DISCRIMINATORS = (
    "descript_discriminator.DescriptDiscriminator.periods=[]",
    "descript_discriminator.DescriptDiscriminator.fft_sizes=[512]",
)

CONFIGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "v1": (("v1.gin",), SMALL),
    "onnx": (("onnx.gin",), SMALL),
    "raspberry": (("raspberry.gin",), SMALL),
    "v2": (("v2.gin",), SMALL),
    "v2_adain": (("v2.gin", "adain.gin"), SMALL),
    "v2_snake": (("v2.gin", "snake.gin"), SMALL),
    "v2_noise": (("v2.gin", "noise.gin"), SMALL),
    "v2_wasserstein": (("v2.gin", "wasserstein.gin"), SMALL),
    "v2_spherical": (("v2.gin", "spherical.gin"), SMALL),
    "v2_small": (("v2_small.gin",), SMALL),
    "v2_small_adain": (("v2_small.gin", "adain.gin"), SMALL),
    "v2_small_wasserstein": (("v2_small.gin", "wasserstein.gin"), SMALL),
    "v2_small_spherical": (("v2_small.gin", "spherical.gin"), SMALL),
    "v2_nopqmf": (("v2_nopqmf.gin",), SMALL),
    "v2_nopqmf_small": (("v2_nopqmf_small.gin",), SMALL),
    "v3": (("v3.gin",), (*SMALL, *FEW_DISCRIMINATORS)),
    "discrete": (("discrete.gin",), DISCRETE),
    "discrete_snake": (("discrete.gin", "snake.gin"), DISCRETE),
    "discrete_snake_adain": (("discrete.gin", "snake.gin", "adain.gin"), DISCRETE),
    "discrete_noise": (("discrete.gin", "noise.gin"), DISCRETE),
    "discrete_spectral": (("discrete.gin", "spectral_discriminator.gin"), DISCRETE),
    "discrete_v3": (("discrete_v3.gin",), (*DISCRETE, *FEW_DISCRIMINATORS)),
}


def _brave(ratios: str, attenuation: int, dilations: str, size: tuple[str, ...] = SMALL) -> tuple[str, ...]:
    return (
        *size,
        f"RATIOS={ratios}",
        f"pqmf.CachedPQMF.attenuation={attenuation}",
        "blocks.Generator.use_noise=False",
        f"blocks.ResidualStack.dilations_list={dilations}",
    )


LONG = "[[3,1],[9,1],[27,1],[45,1],[63,1]]"
# Configurations of the BRAVE paper, as differences from v1; acids-rave does not contain them.
BRAVE = {
    "brave": _brave("[2,2,2,1]", 40, "[[3,1],[9,1],[27,1],[36,1]]"),
    "brave_c128_p70": _brave("[2,2,2,1]", 70, LONG),
    "brave_c128": _brave("[2,2,2,1]", 100, LONG),
    "brave_c256": _brave("[2,2,2,2]", 100, "[[3,1],[9,1],[27,1],[36,1]]"),
    "brave_c512": _brave("[4,2,2,2]", 100, "[[3,1],[9,1],[18,1],[36,1]]"),
    "brave_c1024": _brave("[4,4,2,2]", 100, "[[3,1],[9,1],[27,1]]"),
    "brave_c2048": _brave("[4,4,4,2]", 100, "[[1,1],[3,1],[5,1]]"),
}

# Older versions export other files. 2.1.1, the oldest installable version, has an export script that fails.
OLD = {
    "2.1.21": {
        "v1": (("v1.gin",), SMALL),
        "v2": (("v2.gin",), SMALL),
        "v2_noise": (("v2.gin", "noise.gin"), SMALL),
        "v2_wasserstein": (("v2.gin", "wasserstein.gin"), SMALL),
        "raspberry": (("raspberry.gin",), SMALL),
        "discrete": (("discrete.gin",), DISCRETE),
    },
    "2.2.2": {
        "v1": (("v1.gin",), SMALL),
        "v2": (("v2.gin",), SMALL),
        "v2_noise": (("v2.gin", "noise.gin"), SMALL),
        "v2_wasserstein": (("v2.gin", "wasserstein.gin"), SMALL),
        "v2_spherical": (("v2.gin", "spherical.gin"), SMALL),
        "v3": (("v3.gin",), (*SMALL, *FEW_DISCRIMINATORS)),
        "discrete": (("discrete.gin",), DISCRETE),
    },
}

# Models of the usual size, for the benchmark.
FULL_BRAVE = _brave("[2,2,2,1]", 40, "[[3,1],[9,1],[27,1],[36,1]]", ("CAPACITY=32",))
FULL: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "v1": (("v1.gin", "causal.gin"), ()),
    "v2": (("v2.gin", "causal.gin"), ()),
    "v3": (("v3.gin", "causal.gin"), FEW_DISCRIMINATORS),
    "v2_small": (("v2_small.gin", "causal.gin"), ()),
    "discrete": (("discrete.gin", "causal.gin"), ()),
    "brave": (("v1.gin", "causal.gin"), FULL_BRAVE),
    "raspberry": (("raspberry.gin", "causal.gin"), ()),
}

# One case of each kind, which are made first.
FIRST = (
    "v2_causal_mono_44100",
    "v2_centred_mono_44100",
    "v1_centred_mono_44100",
    "v1_causal_mono_44100",
    "v3_causal_mono_44100",
    "discrete_causal_mono_44100",
    "v2_wasserstein_causal_mono_44100",
    "v2_spherical_causal_mono_44100",
    "v2_small_causal_mono_44100",
    "raspberry_centred_mono_44100",
    "v2_causal_stereo_48000",
    "v2_noise_causal_mono_44100",
    "brave_causal_mono_44100",
    "v2_nopqmf_causal_mono_44100",
    "v2_causal_mono_44100_offline",
)


def full_cases() -> list[Case]:
    """List the models of full size, mono and causal, one per architecture."""
    return [Case(f"full_{label}", configs, bindings) for label, (configs, bindings) in FULL.items()]


def all_cases() -> list[Case]:
    """List every case, those of `FIRST` first. Names are unique."""
    cases = []
    for (label, (configs, bindings)), padding, channels, sample_rate in itertools.product(
        CONFIGS.items(), ("causal", "centred"), (1, 2), (44100, 48000)
    ):
        name = f"{label}_{padding}_{'mono' if channels == 1 else 'stereo'}_{sample_rate}"
        configs = (*configs, "causal.gin") if padding == "causal" else configs
        cases.append(Case(name, configs, bindings, channels, sample_rate))
    for upstream, configurations in OLD.items():
        for (label, (configs, bindings)), padding in itertools.product(configurations.items(), ("causal", "centred")):
            configs = (*configs, "causal.gin") if padding == "causal" else configs
            name = f"rave{upstream}_{label}_{padding}_mono_44100"
            cases.append(Case(name, configs, bindings, upstream=upstream))
    for label, bindings in BRAVE.items():
        cases.append(Case(f"{label}_causal_mono_44100", ("v1.gin", "causal.gin"), bindings))
    by_name = {case.name: case for case in cases}

    def variant(of: str, suffix: str, **changes: object) -> Case:
        return replace(by_name[of], name=f"{of}_{suffix}", **changes)  # type: ignore[arg-type]

    cases += [
        variant("brave_causal_mono_44100", "stereo", channels=2),
        variant("v2_causal_mono_44100", "offline", streaming=False),
        variant("v1_centred_mono_44100", "offline", streaming=False),
        variant("v3_causal_mono_44100", "discriminator", bindings=SMALL),
        variant("v3_causal_mono_44100", "transfer", transfer=True),
        variant("v2_causal_mono_44100", "ema", ema=True),
        variant("v2_causal_mono_44100", "fidelity99", fidelity=0.99),
    ]
    assert len({case.name for case in cases}) == len(cases)
    rank = {name: index for index, name in enumerate(FIRST)}
    return sorted(cases, key=lambda case: rank.get(case.name, len(rank)))
