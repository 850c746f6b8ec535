"""The training itself: one step after another, each a function of the state before it, the seed and its number.

Nothing random is kept between steps: every draw comes from the seed, the step's number and what it is for. So a run
goes on after a kill bit by bit as it would have without, on the same processor and build and with as many threads; a
graphics card adds in any order, and promises no bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from rtrave.errors import RtraveError
from rtrave.model.discriminator import Discriminator
from rtrave.model.rave import Model
from rtrave.train import losses
from rtrave.train.adversary import new_discriminator
from rtrave.train.hear import Heard, hear
from rtrave.train.recipe import Recipe

WINDOWS, DRAWS = 1, 2  # what a step draws for; its crops: `rtrave.train.batches`
GRADIENT_LIMIT = 10.0  # norm of all gradients of a step together
WARM_UP_STEPS = 100  # in which the learning rate rises


class Trainer:
    """A model in training.

    Parameters
    ----------
    model : Model
        Is changed.
    recipe : Recipe
    seed : int
    device : str
        "cpu", "cuda", ...

    Attributes
    ----------
    step : int
        Steps done.
    told : dict of float
        Each loss of this phase as it was last.
    averaged : dict of Tensor
        The running mean of the weights, or empty.
    discriminator : Discriminator or None
        From phase 2 on.
    """

    def __init__(self, model: Model, recipe: Recipe, seed: int, device: str = "cpu") -> None:
        self.model, self.recipe, self.seed = model.to(device), recipe, seed
        self.device, self.step, self.phase = torch.device(device), 0, 1
        self.told: dict[str, float] = {}
        self._said: dict[str, Tensor] = {}  # of the step that is being done
        self.discriminator: Discriminator | None = None
        self.discriminator_optimizer: torch.optim.Optimizer | None = None
        self.weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.averaged = {name: p.detach().clone() for name, p in self.weights.items()} if recipe.average else {}
        self.optimizer = self._optimizer(list(self.weights.values()))
        self._set_phase(1)

    def _optimizer(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.AdamW(parameters, self.recipe.learning_rate, self.recipe.betas, weight_decay=0.0, fused=True)

    def _set_phase(self, phase: int) -> None:
        """Encoder frozen and discriminator made in phase 2."""
        self.phase, self.told = phase, {}
        self.model.train()
        for name, buffer in self.model.decoder.named_buffers(recurse=False):
            if name == "warmed_up":
                buffer.fill_(int(phase == 2))
        if phase == 1:
            return
        self.model.encoder.eval().requires_grad_(False)
        made = new_discriminator(self.recipe.discriminator_capacity, self.model.network.channels, self.seed)
        self.discriminator = made.to(self.device)
        self.discriminator_optimizer = self._optimizer(list(made.parameters()))

    def _generator(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, self.step, purpose))

    def _device_generator(self, purpose: int) -> torch.Generator:
        """One that draws where the model computes: as many numbers as a crop has samples come from it."""
        seed = np.random.SeedSequence((self.seed, self.step, purpose)).generate_state(1, np.uint64)
        return torch.Generator(self.device).manual_seed(int(seed[0]) >> 1)

    def advance(self, crops: Tensor, progress: float) -> dict[str, float]:
        """Do one step, and tell the phase's losses. A step teaches the discriminator or the model: what the other kind
        tells is as it was last.

        Parameters
        ----------
        crops : Tensor
            Audio float32 [B, C, T] to learn from, of this step (`rtrave.train.batches`).
        progress : float
            Share of the run that is done: rates, weights and phases follow it.

        Raises
        ------
        RtraveError
            A loss is no number any more.
        """
        if self.phase == 1 and progress >= self.recipe.phase_2:
            self._set_phase(2)
        rate = self.learning_rate(progress)
        for optimizer, own in (
            (self.optimizer, rate),
            (self.discriminator_optimizer, self.recipe.discriminator_learning_rate or rate),
        ):
            for group in optimizer.param_groups if optimizer else ():
                group["lr"] = own
        judges = self.discriminator is not None and self.step % self.recipe.discriminator_every == 0
        with torch.set_grad_enabled(not judges):
            x = crops.to(self.device, non_blocking=True)
            heard = hear(self.model, x, self._device_generator(DRAWS), self.recipe.bfloat16)
        if self.discriminator is not None and judges:
            loss = self._judge(self.discriminator, heard)
            self._descend(loss, self.discriminator_optimizer, list(self.discriminator.parameters()))
        else:
            loss = self._compare(heard, progress)
            if self.discriminator is not None:
                loss = loss + self._please(self.discriminator, heard)
            self._descend(loss, self.optimizer, [p for p in self.weights.values() if p.requires_grad])
            self._average()
        self.told |= self._numbers()
        self._said = {}
        self.step += 1
        return self.told | {"learning_rate": rate}

    def learning_rate(self, progress: float) -> float:
        """Falls by equal factors; a short rise at the very start keeps Adam's first steps small."""
        recipe = self.recipe
        fallen = recipe.learning_rate * (recipe.last_learning_rate / recipe.learning_rate) ** min(progress, 1)
        return float(fallen * min((self.step + 1) / WARM_UP_STEPS, 1))

    def _compare(self, heard: Heard, progress: float) -> Tensor:
        """The weighted sum of what spectra and latents say."""
        recipe, windows, kept = self.recipe, self._windows(), slice(self.recipe.settle_samples, None)
        expected, came = heard.expected[..., kept], heard.came[..., kept]
        if recipe.loss == "published":
            total = losses.published(expected, came, windows) + losses.published(heard.wanted, heard.made, windows)
        else:
            total = losses.lean(expected, came, windows, recipe.level)
            if recipe.period:
                period = losses.period_difference(expected, came)
                self._tell("period", period)
                total = total + recipe.period * period
        self._tell("distance", total)
        if self.phase == 1:
            weight = recipe.kl_weight * (min(progress / recipe.kl_warm_up, 1) if recipe.kl_warm_up else 1)
            divergence, correlation = losses.divergence(heard.mean, heard.std), losses.correlation(heard.mean)
            self._tell("divergence", divergence)
            self._tell("correlation", correlation)
            total = total + weight * divergence + recipe.whitening * correlation
        return total

    def _tell(self, name: str, value: Tensor) -> None:
        self._said[name] = value.detach().float()

    def _numbers(self) -> dict[str, float]:
        """What the step said: fetched at once, since a device waits each time."""
        numbers = dict(zip(self._said, torch.stack(list(self._said.values())).tolist(), strict=True))
        for name, number in numbers.items():
            if not math.isfinite(number):
                raise RtraveError(f"step {self.step}: {name} became {number}: train again with a lower learning_rate")
        return numbers

    def _windows(self) -> tuple[int, ...]:
        recipe = self.recipe
        chosen = self._generator(WINDOWS).choice(len(recipe.windows), recipe.windows_per_step, replace=False)
        return tuple(recipe.windows[i] for i in sorted(chosen))

    def _judge(self, discriminator: Discriminator, heard: Heard) -> Tensor:
        """The discriminator's loss."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            loss = losses.hinge_discriminator(discriminator(heard.expected), discriminator(heard.came)).float()
        self._tell("discriminator", loss)
        return loss

    def _please(self, discriminator: Discriminator, heard: Heard) -> Tensor:
        """The decoder's losses by the discriminator."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            with torch.no_grad():
                real = discriminator(heard.expected)
            discriminator.requires_grad_(False)  # the way back leads through it, and stops at none of its weights
            fake = discriminator(heard.came)
            discriminator.requires_grad_(True)
            adversarial, matching = losses.hinge_decoder(fake), losses.feature_matching(real, fake)
        self._tell("adversarial", adversarial)
        self._tell("feature_matching", matching)
        return self.recipe.adversarial * adversarial.float() + self.recipe.feature_matching * matching.float()

    def _descend(self, loss: Tensor, optimizer: torch.optim.Optimizer | None, parameters: list[Tensor]) -> None:
        assert optimizer is not None
        for tensor in (*self.weights.values(), *(self.discriminator.parameters() if self.discriminator else ())):
            tensor.grad = None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_LIMIT)
        optimizer.step()

    @torch.no_grad()
    def _average(self) -> None:
        """The running mean starts out short, so that the first weights do not linger in it."""
        if not self.averaged:
            return
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        weights = [self.weights[name] for name in self.averaged]
        get_ema_multi_avg_fn(decay)(list(self.averaged.values()), weights, self.step)

    def result(self) -> Model:
        """A copy of the model as it is to be kept, on the processor: with averaged weights, where there are some."""
        copy = Model(self.model.network, self.model.name, self.model.sample_rate)
        copy.load_state_dict({**self.model.state_dict(), **self.averaged})
        return copy.cpu().eval()

    def state(self) -> dict[str, Any]:
        """Everything that a run goes on from; tensors are not copied."""
        found: dict[str, Any] = {
            "step": self.step,
            "phase": self.phase,
            "model": self.model.state_dict(),
            "averaged": self.averaged,
            "optimizer": self.optimizer.state_dict(),
        }
        if self.discriminator is not None and self.discriminator_optimizer is not None:
            found["discriminator"] = self.discriminator.state_dict()
            found["discriminator_optimizer"] = self.discriminator_optimizer.state_dict()
        return found

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.step = int(state["step"])
        if state["phase"] != self.phase:
            self._set_phase(int(state["phase"]))
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, mean in self.averaged.items():
            mean.copy_(state["averaged"][name])
        if self.discriminator is not None and self.discriminator_optimizer is not None:
            self.discriminator.load_state_dict(state["discriminator"])
            self.discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])
