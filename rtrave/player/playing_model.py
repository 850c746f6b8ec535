"""The model that plays, and how much sound the models of a run have played. Control process."""

from __future__ import annotations

from rtrave.backends.facts import ModelFacts
from rtrave.model.spec import ModelSpec


class PlayingModel:
    """The model that plays, as all parts of a run know it.

    `adopt` is for the OSC server's thread while the main thread waits; the rest may be called from any thread.

    Parameters
    ----------
    facts : ModelFacts
        The model that plays first.

    Attributes
    ----------
    index : int
        How many models played before it.
    """

    def __init__(self, facts: ModelFacts) -> None:
        self._facts = facts
        self.index = 0
        self._before_s, self._counts_from = 0.0, 0

    def facts(self) -> ModelFacts:
        """Return the facts of the model that plays."""
        return self._facts

    def spec(self) -> ModelSpec:
        """Return its specification."""
        return self._facts.spec

    def played_s(self, latent_frame: int) -> float:
        """Return the seconds that all models have played up to a latent frame of the model that plays."""
        return self._before_s + (latent_frame - self._counts_from) / self._facts.spec.latent_rate_hz

    def adopt(self, facts: ModelFacts, latent_frame: int) -> None:
        """Change to the model that plays from this latent frame on."""
        self._before_s, self._counts_from = self.played_s(latent_frame), latent_frame
        self._facts = facts
        self.index += 1
