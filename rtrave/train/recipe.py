"""How a model is trained, as a record that a TOML file fills: see `rtrave/configs/training`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from rtrave.errors import RtraveError
from rtrave.layers.pqmf_design import bank_taps
from rtrave.model.architectures import load_architecture
from rtrave.model.spec import NetworkSpec, read_record
from rtrave.settings import configs_dir
from rtrave.train.losses import PERIOD_WINDOW

FOLDER = "training"
DEFAULT_RECIPE = "lean"
LOSSES = ("lean", "published")


@dataclass(frozen=True)
class Augmentation:
    """How often a crop is changed, each 0 to 1, and by how much.

    Attributes
    ----------
    gain : float
        Share of crops that get another level, drawn from `gain_db` and held below full scale.
    mute : float
        Share of crops of which a part, or all, is silence.
    compress : float
        Share of crops whose course of loudness is flattened, by up to `compress_amount` (1: flat).
    pitch : float
        Share of crops that are played faster or slower, by up to `pitch_semitones`.
    tone : float
        Share of crops whose octaves get gains of their own, up to `tone_db`: the sounds of other bodies and rooms.
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
    """A recipe.

    Attributes
    ----------
    architecture : str
        A named one (`rtrave/configs/architectures`).
    capacity, latent_size : int
        Instead of the architecture's; 0 keeps that.
    padding : str
        "causal" or "centered".
    attenuation_db : float
        Of the filter bank's stop bands: less is shorter, and so less late.
    batch, samples : int
        Crops in a step, and samples of each.
    settle_samples : int
        At the start of a crop, which no loss looks at: the network has heard nothing before them.
    loss : str
        "lean" or "published", see `rtrave.train.losses`.
    windows : tuple of int
        Of the spectra, samples.
    windows_per_step : int
        So many of them are drawn for each step ("lean").
    level : float
        Weight of the power that patches of the spectrum hold ("lean"), see `rtrave.train.losses.level_difference`.
    period : float
        Weight of the difference of what is periodic ("lean"), see `rtrave.train.losses.period_difference`: for models
        that have pitch already, since sounds without partials do not find them by it.
    learning_rate, last_learning_rate : float
        At the start and at the end; between them it falls by equal factors.
    betas : tuple of float
        Of AdamW.
    kl_weight, kl_warm_up : float
        Of the divergence of the posterior, and the share of the run in which the weight rises from 0.
    whitening : float
        Weight of the squared distance of the latents' covariance from unity: components of even weight.
    phase_2 : float
        Share of the run after which the encoder is frozen and the discriminator joins; 1 for never.
    discriminator_capacity, discriminator_every : int
        Its width, and that it learns in every such step of phase 2 (the decoder in the others).
    discriminator_learning_rate : float
        All through phase 2; 0 for the model's, which may have fallen too low for a network that begins.
    adversarial, feature_matching : float
        Weights in phase 2.
    average : float
        The model kept is a running mean of the weights with this decay per step; 0 keeps the last ones.
    bfloat16 : bool
        The networks compute with 16 bits; filter bank, losses and weights have 32.
    augmentation : Augmentation
    """

    architecture: str = "v2"
    capacity: int = 0
    latent_size: int = 0
    padding: str = "causal"
    attenuation_db: float = 100.0
    batch: int = 8
    samples: int = 65536
    settle_samples: int = 0
    loss: str = "lean"
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
        """The network to be trained."""
        known = load_architecture(self.architecture)
        if known.regularisation != "variational":
            raise RtraveError(
                f"{self.architecture} is {known.regularisation}: only variational models are trained here"
            )
        encoder, decoder = known.encoder, known.decoder
        if self.capacity:
            encoder, decoder = replace(encoder, capacity=self.capacity), replace(decoder, capacity=self.capacity)
        analysis, synthesis = bank_taps(known.bands, self.attenuation_db)
        return replace(
            known,
            encoder=encoder,
            decoder=decoder,
            latent_size=self.latent_size or known.latent_size,
            analysis_taps=analysis,
            synthesis_taps=synthesis,
            padding=self.padding,
            channels=channels,
        )


def recipe_names() -> list[str]:
    """The names of the recipes that come along."""
    return sorted(path.stem for path in (configs_dir() / FOLDER).glob("*.toml"))


def load_recipe(name: str) -> Recipe:
    """A recipe by its name or from a TOML file; RtraveError, one line, for what cannot be used.

    With `like = "lean"` a file has the keys of that recipe (of those that come along) wherever it has none of its own.
    """
    path = configs_dir() / FOLDER / f"{name}.toml"
    if not path.is_file():
        path = Path(name).expanduser()
    return read_recipe(_record(path), path.name)


def _record(path: Path) -> dict[str, Any]:
    """What a file holds, over what the recipe holds that it is like."""
    if not path.is_file():
        raise RtraveError(f"no recipe {str(path)!r}: give a TOML file or one of {', '.join(recipe_names())}")
    try:
        record: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RtraveError(f"cannot read {path}: {error}") from error
    if "like" not in record:
        return record
    like = record.pop("like")
    if like not in recipe_names():
        raise RtraveError(f"{path.name}: like = {like!r} came, expected one of {', '.join(recipe_names())}")
    base = _record(configs_dir() / FOLDER / f"{like}.toml")
    own = record.get("augmentation", {})
    if isinstance(own, dict):
        record["augmentation"] = base.get("augmentation", {}) | own
    return base | record


def _check_types(came: Recipe | Augmentation, default: Recipe | Augmentation, where: str) -> None:
    """Refuse values of other types than the default ones have; whole numbers will do for any."""
    for field in fields(default):
        value, like = getattr(came, field.name), getattr(default, field.name)
        if not _is_like(value, like):
            wanted = "a table" if is_dataclass(like) else f"something like {like!r}"
            raise RtraveError(f"{where}: {field.name} = {value!r} came, expected {wanted}")


def _is_like(value: Any, like: Any) -> bool:
    if isinstance(like, tuple):
        return isinstance(value, tuple) and all(_is_like(item, like[0]) for item in value)
    return type(value) is type(like) or (isinstance(like, float) and type(value) is int)


def read_recipe(record: dict[str, Any], where: str) -> Recipe:
    """A recipe from plain types, checked."""
    recipe: Recipe = read_record(Recipe, record, where)
    _check_types(recipe, Recipe(), where)
    _check_types(recipe.augmentation, Augmentation(), where)
    for name, good, wanted in (
        ("loss", recipe.loss in LOSSES, f"one of {', '.join(LOSSES)}"),
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
        ("average", 0 <= recipe.average < 1, "0 up to, not with, 1"),
        ("attenuation_db", 25 <= recipe.attenuation_db <= 150, "25 to 150"),
    ):
        if not good:
            raise RtraveError(f"{where}: {name} = {getattr(recipe, name)!r} came, expected {wanted}")
    network = recipe.network(1)
    least = recipe.settle_samples + max(*recipe.windows, PERIOD_WINDOW if recipe.period else 0)
    if recipe.samples % network.ratio or recipe.samples < least:
        raise RtraveError(
            f"{where}: samples = {recipe.samples} came, expected a multiple of {network.ratio}, {least} or more"
        )
    return recipe
