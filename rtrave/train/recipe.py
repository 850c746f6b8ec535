"""Training recipes: architecture, losses, schedule, augmentation. The TOML files are in `rtrave/configs/training`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from rtrave.errors import RtraveError
from rtrave.layers.pqmf_design import bank_taps
from rtrave.model.architectures import load_architecture
from rtrave.model.spec import NetworkSpec, read_record
from rtrave.settings import configs_dir
from rtrave.train.losses import PERIOD_WINDOW

FOLDER = "training"
DEFAULT_RECIPE = "lean"
Loss = Literal["lean", "published"]
Padding = Literal["causal", "centered"]


@dataclass(frozen=True)
class Augmentation:
    """Augmentation of the training crops. Each share is 0 to 1, and each augmentation is drawn independently.

    Attributes
    ----------
    gain : float
        Share of crops whose level is changed by a gain drawn from `gain_db`; the peak stays below full scale.
    mute : float
        Share of crops that are silenced in part or as a whole.
    compress : float
        Share of crops whose dynamics are compressed, by up to `compress_amount` (1: a flat envelope).
    pitch : float
        Share of crops that are played faster or slower, by up to `pitch_semitones`.
    tone : float
        Share of crops that are equalised with a random gain per octave of up to `tone_db`, as by other instrument
        bodies and rooms.
    """

    gain: float = 0.0
    gain_db: tuple[float, float] = (-12.0, 3.0)
    mute: float = 0.0
    compress: float = 0.0
    compress_amount: float = 0.5
    pitch: float = 0.0
    pitch_semitones: float = 1.0
    tone: float = 0.0
    tone_db: float = 9.0


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training run except the sounds, the seed and the length.

    Attributes
    ----------
    architecture : str
        Name of an architecture in `rtrave/configs/architectures`.
    capacity, latent_size : int
        Replace the values of the architecture; 0 keeps them.
    padding : {"causal", "centered"}
    attenuation_db : float
        Stop-band attenuation of the filter bank, 25 to 150 dB: a lower one makes the filters and the delay shorter.
    batch, samples : int
        Crops in a step, and samples in a crop.
    settle_samples : int
        Samples at the start of a crop that the losses ignore, because the network has no input before them.
    loss : {"lean", "published"}
        See `rtrave.train.losses`.
    windows : tuple of int
        Window lengths of the spectra in samples, multiples of 4 from 16.
    windows_per_step : int
        Windows that are drawn for each step.
    level : float
        Weight of `rtrave.train.losses.level_difference` (lean loss).
    period : float
        Weight of `rtrave.train.losses.period_difference` (lean loss). It suits models that reproduce pitch already: a
        model whose output has no partials does not find them with this loss.
    learning_rate, last_learning_rate : float
        Learning rate at the start and at the end of the run; it decays exponentially.
    betas : tuple of float
        Betas of AdamW.
    kl_weight, kl_warm_up : float
        Weight of the KL divergence, and the share of the run over which it rises from 0.
    whitening : float
        Weight of `rtrave.train.losses.correlation`, which makes the latent dimensions equal in variance.
    phase_2 : float
        Share of the run after which phase 2 begins: the encoder is frozen, and a discriminator is trained. 1 for
        never.
    discriminator_capacity, discriminator_every : int
        Capacity of the discriminator, and the period of its steps in phase 2: it learns in one of so many steps, the
        decoder in the others.
    discriminator_learning_rate : float
        Constant rate in phase 2. 0 takes the rate of the model, which may have decayed too far for a new network.
    adversarial, feature_matching : float
        Weights of the decoder's losses in phase 2.
    average : float
        Decay per step of the exponential moving average of the weights, which the saved model has; 0 saves the last
        weights.
    bfloat16 : bool
        Encoder and decoder compute with 16 bits; filter bank, losses and weights keep 32.
    augmentation : Augmentation
    """

    architecture: str = "v2"
    capacity: int = 0
    latent_size: int = 0
    padding: Padding = "causal"
    attenuation_db: float = 100.0
    batch: int = 8
    samples: int = 65536
    settle_samples: int = 0
    loss: Loss = "lean"
    windows: tuple[int, ...] = (4096, 2048, 1024, 512, 256, 128)
    windows_per_step: int = 3
    level: float = 0.0
    period: float = 0.0
    learning_rate: float = 1e-3
    last_learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.8, 0.95)
    kl_weight: float = 1e-4
    kl_warm_up: float = 0.2
    whitening: float = 0.0
    phase_2: float = 1.0
    discriminator_capacity: int = 32
    discriminator_every: int = 2
    discriminator_learning_rate: float = 0.0
    adversarial: float = 1.0
    feature_matching: float = 10.0
    average: float = 0.0
    bfloat16: bool = False
    augmentation: Augmentation = Augmentation()

    def network(self, channels: int) -> NetworkSpec:
        """Return the network that the recipe trains, for so many audio channels.

        Raises
        ------
        RtraveError
            The architecture is unknown or not variational.
        """
        base = load_architecture(self.architecture)
        if base.regularisation != "variational":
            raise RtraveError(
                f"architecture: expected a variational one, got {self.architecture!r}, which is "
                f"{base.regularisation}: rtrave trains no others"
            )
        encoder, decoder = base.encoder, base.decoder
        if self.capacity:
            encoder, decoder = replace(encoder, capacity=self.capacity), replace(decoder, capacity=self.capacity)
        analysis, synthesis = bank_taps(base.bands, self.attenuation_db)
        return replace(
            base,
            encoder=encoder,
            decoder=decoder,
            latent_size=self.latent_size or base.latent_size,
            analysis_taps=analysis,
            synthesis_taps=synthesis,
            padding=self.padding,
            channels=channels,
        )


def recipe_names() -> list[str]:
    """List the names of the packaged recipes."""
    return sorted(path.stem for path in (configs_dir() / FOLDER).glob("*.toml"))


def load_recipe(name: str) -> Recipe:
    """Load a packaged recipe by its name, or a TOML file.

    A file with `like = "lean"` takes every key that it lacks from that packaged recipe.

    Raises
    ------
    RtraveError
        There is no such recipe, the file cannot be read, or a key or value in it is invalid; one line.
    """
    path = configs_dir() / FOLDER / f"{name}.toml"
    if not path.is_file():
        path = Path(name).expanduser()
    return read_recipe(_read_toml(path), path.name)


def _read_toml(path: Path) -> dict[str, object]:
    """Read a recipe file, merged over the packaged recipe that its key `like` names."""
    if not path.is_file():
        raise RtraveError(f"no recipe '{path}': give a TOML file or one of {', '.join(recipe_names())}")
    try:
        record: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RtraveError(f"cannot read '{path}': {error}") from error
    if "like" not in record:
        return record
    like = record.pop("like")
    if like not in recipe_names():
        raise RtraveError(f"{path.name}: like: expected one of {', '.join(recipe_names())}, got {like!r}")
    base = _read_toml(configs_dir() / FOLDER / f"{like}.toml")
    inherited, own = base.get("augmentation", {}), record.get("augmentation", {})
    if isinstance(inherited, dict) and isinstance(own, dict):
        record["augmentation"] = inherited | own
    return base | record


def _check_types(loaded: Recipe | Augmentation, default: Recipe | Augmentation, where: str) -> None:
    """Raise RtraveError for a value whose type differs from the default's; an integer may stand for a float."""
    for field in fields(default):
        value, like = getattr(loaded, field.name), getattr(default, field.name)
        if not _has_type_of(value, like):
            expected = "a table" if is_dataclass(like) else f"a value like {like!r}"
            raise RtraveError(f"{where}: {field.name}: expected {expected}, got {value!r}")


def _has_type_of(value: object, like: object) -> bool:
    if isinstance(like, tuple):
        return isinstance(value, tuple) and all(_has_type_of(item, like[0]) for item in value)
    return type(value) is type(like) or (isinstance(like, float) and type(value) is int)


def read_recipe(record: Mapping[str, object], where: str) -> Recipe:
    """Build a recipe from plain TOML or JSON types, and check its values; `where` names the file in errors."""
    recipe: Recipe = read_record(Recipe, record, where)
    _check_types(recipe, Recipe(), where)
    _check_types(recipe.augmentation, Augmentation(), where)
    for name, valid, expected in (
        ("loss", recipe.loss in get_args(Loss), f"one of {', '.join(get_args(Loss))}"),
        ("batch", recipe.batch >= 1, "1 or more"),
        (
            "windows",
            bool(recipe.windows) and not any(w < 16 or w % 4 for w in recipe.windows),
            "multiples of 4 from 16",
        ),
        ("windows_per_step", 1 <= recipe.windows_per_step <= len(recipe.windows), "1 to the number of windows"),
        ("level", recipe.level >= 0, "0 or above"),
        ("period", recipe.period >= 0, "0 or above"),
        ("kl_warm_up", 0 <= recipe.kl_warm_up <= 1, "0 to 1"),
        ("learning_rate", recipe.learning_rate > 0, "above 0"),
        ("last_learning_rate", recipe.last_learning_rate > 0, "above 0"),
        ("phase_2", 0 <= recipe.phase_2 <= 1, "0 to 1"),
        ("discriminator_every", recipe.discriminator_every >= 2, "2 or more"),
        ("discriminator_learning_rate", recipe.discriminator_learning_rate >= 0, "0 or above"),
        ("average", 0 <= recipe.average < 1, "0 or above, and below 1"),
        ("attenuation_db", 25 <= recipe.attenuation_db <= 150, "25 to 150"),
    ):
        if not valid:
            raise RtraveError(f"{where}: {name}: expected {expected}, got {getattr(recipe, name)!r}")
    network = recipe.network(1)
    shortest = recipe.settle_samples + max(*recipe.windows, PERIOD_WINDOW if recipe.period else 0)
    if recipe.samples % network.ratio or recipe.samples < shortest:
        raise RtraveError(
            f"{where}: samples: expected a multiple of {network.ratio}, {shortest} or more, got {recipe.samples}"
        )
    return recipe
