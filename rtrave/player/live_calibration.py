"""Live calibration: OSC starts and ends it, and the statistics of the input become the model's calibration."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rtrave.backends.facts import ModelFacts
from rtrave.control.calibration import Calibration, Gatherer, calibrate, learn
from rtrave.control.namespace import Controls, Values
from rtrave.errors import ControlError

LEAST_FRAMES = 20
LISTEN = "/rtrave/calibration/listen"


class LiveCalibration:
    """A calibration that is learned while somebody plays.

    Parameters
    ----------
    gatherer : Gatherer
        The recorder's thread fills it.
    facts : callable
        () -> ModelFacts of the model that plays.
    controls : Controls
        Get the new ranges.
    save : callable
        (calibration) -> None: writes it. Called on a thread of its own.
    submit : callable
        Calls a function on the OSC server's thread.
    """

    def __init__(
        self,
        gatherer: Gatherer,
        facts: Callable[[], ModelFacts],
        controls: Controls,
        save: Callable[[Calibration], object],
        submit: Callable[[Callable[[], object]], object],
    ) -> None:
        self._gatherer, self._facts, self._controls = gatherer, facts, controls
        self._save, self._submit = save, submit
        controls.on_macro[LISTEN] = self._listen

    def reset(self) -> None:
        """Switch off for another model: the latents so far are not its own. OSC server's thread."""
        self._controls.macros[LISTEN] = (0,)

    def _listen(self, values: Values) -> None:
        """Start, or finish and learn. OSC server's thread."""
        if values[0]:
            self._gatherer.start()
            return
        if not self._gatherer.active:
            return
        facts = self._facts()
        seconds = self._gatherer.frames / facts.spec.latent_rate_hz
        z = self._gatherer.finish()
        if z.shape[1] < LEAST_FRAMES:
            expected = f"expected at least {LEAST_FRAMES} latent frames, got {z.shape[1]}"
            raise ControlError("denied", f"{expected}: listen for longer", 0)

        def use(learned: Calibration) -> None:
            if self._facts() is facts:  # else another model plays by now
                calibrate(self._controls, learned)

        def finish() -> None:
            learned = learn(z, facts.latent_pca, facts.latent_mean, facts.model_hash, seconds, ["live input"])
            self._submit(lambda: use(learned))
            self._save(learned)

        threading.Thread(target=finish, name="calibration", daemon=True).start()
