"""Statistics of the live input, on request: begun and ended by OSC, then kept as the model's calibration."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rtrave.backends.torchscript.facts import ModelFacts
from rtrave.control.calibration import Calibration, Gatherer, calibrate, learn
from rtrave.control.namespace import Controls, Values
from rtrave.errors import ControlError

LEAST_FRAMES = 20
LISTEN = "/rtrave/calibration/listen"


class LiveCalibration:
    """Learns a calibration while somebody plays.

    Parameters
    ----------
    gatherer : Gatherer
        Filled by the recorder's thread.
    facts : callable
        Of the model that plays.
    controls : Controls
        Gets the new ranges.
    keep : callable
        Told of the new calibration; writes it. Called in a thread of its own.
    submit : callable
        Has something done on the OSC server's thread.
    """

    def __init__(
        self,
        gatherer: Gatherer,
        facts: Callable[[], ModelFacts],
        controls: Controls,
        keep: Callable[[Calibration], object],
        submit: Callable[[Callable[[], object]], object],
    ) -> None:
        self._gatherer, self._facts, self._controls = gatherer, facts, controls
        self._keep, self._submit = keep, submit
        controls.on_macro[LISTEN] = self._listen

    @property
    def seconds(self) -> float:
        """How long it has listened."""
        return self._gatherer.frames / self._facts().spec.latent_rate_hz

    def reset(self) -> None:
        """Another model plays: what was heard so far is not of it. OSC thread."""
        self._controls.macros[LISTEN] = (0,)

    def _listen(self, values: Values) -> None:
        """OSC thread."""
        if values[0]:
            self._gatherer.start()
            return
        if not self._gatherer.active:
            return
        seconds, z = self.seconds, self._gatherer.finish()
        if z.shape[1] < LEAST_FRAMES:
            raise ControlError("denied", f"{z.shape[1]} latent frames were heard: listen for longer", 0)

        facts = self._facts()

        def use(found: Calibration) -> None:
            if self._facts() is facts:  # else another model plays by now
                calibrate(self._controls, found)

        def finish() -> None:
            found = learn(z, facts.latent_pca, facts.latent_mean, facts.model_hash, seconds, ["live input"])
            self._submit(lambda: use(found))
            self._keep(found)

        threading.Thread(target=finish, name="calibration", daemon=True).start()
