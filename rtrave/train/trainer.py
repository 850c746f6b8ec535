"""Training steps: losses, gradients, phases and the state of a checkpoint.

Each step is a function of the state before it, of the seed and of its index. No random state survives a step: every
draw is seeded with the seed, the index of the step and the purpose of the draw. A resumed run therefore equals an
uninterrupted one bit for bit, on the same processor and build and with as many threads. On a graphics card it does
not, because the order of additions varies there.
"""

from __future__ import annotations

import math
from typing import NotRequired, TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from rtrave.errors import RtraveError
from rtrave.model.discriminator import Discriminator
from rtrave.model.rave import Model
from rtrave.train import losses
from rtrave.train.adversary import new_discriminator
from rtrave.train.forward import ForwardPass, forward_pass
from rtrave.train.recipe import Recipe

WINDOWS, DRAWS = 1, 2  # purposes of draws, part of their seeds; that of the crops is in `rtrave.train.batches`
GRADIENT_LIMIT = 10.0  # largest norm of all gradients of a step together
WARM_UP_STEPS = 100  # steps over which the learning rate rises


class TrainerState(TypedDict):
    """The state of a trainer, as a checkpoint stores it. The keys are part of the file format."""

    step: int
    phase: int
    model: dict[str, Tensor]
    averaged: dict[str, Tensor]
    optimizer: dict[str, object]
    discriminator: NotRequired[dict[str, Tensor]]
    discriminator_optimizer: NotRequired[dict[str, object]]


class Trainer:
    """A model in training. Not thread-safe.

    Parameters
    ----------
    model : Model
        Is trained in place.
    recipe : Recipe
    seed : int
        Seed of every draw.
    device : str
        PyTorch device: "cpu", "cuda", ...

    Attributes
    ----------
    step : int
        Number of completed steps.
    phase : int
        1, or 2 after the encoder was frozen.
    last_losses : dict of float
        The latest value of each loss of this phase.
    averaged : dict of Tensor
        The exponential moving average of the weights; empty if the recipe has none.
    discriminator : Discriminator or None
        None in phase 1.
    """

    def __init__(self, model: Model, recipe: Recipe, seed: int, device: str = "cpu") -> None:
        self.model, self.recipe, self.seed = model.to(device), recipe, seed
        self.device, self.step, self.phase = torch.device(device), 0, 1
        self.last_losses: dict[str, float] = {}
        self._step_losses: dict[str, Tensor] = {}  # losses of the step in progress
        self.discriminator: Discriminator | None = None
        self.discriminator_optimizer: torch.optim.Optimizer | None = None
        self.weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.averaged = {name: p.detach().clone() for name, p in self.weights.items()} if recipe.average else {}
        self.optimizer = self._new_optimizer(list(self.weights.values()))
        self._set_phase(1)

    def _new_optimizer(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.AdamW(parameters, self.recipe.learning_rate, self.recipe.betas, weight_decay=0.0, fused=True)

    def _set_phase(self, phase: int) -> None:
        """Enter a phase; phase 2 freezes the encoder and creates the discriminator."""
        self.phase, self.last_losses = phase, {}
        self.model.train()
        for name, buffer in self.model.decoder.named_buffers(recurse=False):
            if name == "warmed_up":
                buffer.fill_(int(phase == 2))
        if phase == 1:
            return
        self.model.encoder.eval().requires_grad_(False)
        created = new_discriminator(self.recipe.discriminator_capacity, self.model.network.channels, self.seed)
        self.discriminator = created.to(self.device)
        self.discriminator_optimizer = self._new_optimizer(list(created.parameters()))

    def _generator(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, self.step, purpose))

    def _device_generator(self, purpose: int) -> torch.Generator:
        """Return a generator on the model's device, so that large draws need no transfer."""
        seed = np.random.SeedSequence((self.seed, self.step, purpose)).generate_state(1, np.uint64)
        return torch.Generator(self.device).manual_seed(int(seed[0]) >> 1)

    def advance(self, crops: Tensor, progress: float) -> dict[str, float]:
        """Do one step, which trains either the model or the discriminator.

        Parameters
        ----------
        crops : Tensor
            Training audio of this step, float32 [B, C, T] (`rtrave.train.batches`).
        progress : float
            Completed share of the run, 0 to 1. It determines the learning rate, the weights and the phase.

        Returns
        -------
        dict of float
            The latest value of each loss of this phase, and the learning rate. The losses of the network that this
            step did not train are from an earlier step.

        Raises
        ------
        RtraveError
            A loss is NaN or infinite.
        """
        if self.phase == 1 and progress >= self.recipe.phase_2:
            self._set_phase(2)
        rate = self._set_learning_rates(progress)
        trains_discriminator = self.discriminator is not None and self.step % self.recipe.discriminator_every == 0
        with torch.set_grad_enabled(not trains_discriminator):
            x = crops.to(self.device, non_blocking=True)
            observed = forward_pass(self.model, x, self._device_generator(DRAWS), self.recipe.bfloat16)
        if self.discriminator is not None and trains_discriminator:
            loss = self._discriminator_loss(self.discriminator, observed)
            self._update(loss, self.discriminator_optimizer, list(self.discriminator.parameters()))
        else:
            loss = self._model_loss(observed, progress)
            if self.discriminator is not None:
                loss = loss + self._adversarial_loss(self.discriminator, observed)
            self._update(loss, self.optimizer, [p for p in self.weights.values() if p.requires_grad])
            self._update_average()
        self.last_losses |= self._fetch_losses()
        self._step_losses = {}
        self.step += 1
        return self.last_losses | {"learning_rate": rate}

    def _set_learning_rates(self, progress: float) -> float:
        """Set the learning rates of both optimizers; return that of the model."""
        rate = self.learning_rate(progress)
        for optimizer, own in (
            (self.optimizer, rate),
            (self.discriminator_optimizer, self.recipe.discriminator_learning_rate or rate),
        ):
            for group in optimizer.param_groups if optimizer else ():
                group["lr"] = own
        return rate

    def learning_rate(self, progress: float) -> float:
        """Return the learning rate of the model, which decays exponentially with `progress`.

        It rises linearly over the first 100 steps, because Adam's first steps are too large otherwise.
        """
        recipe = self.recipe
        decayed = recipe.learning_rate * (recipe.last_learning_rate / recipe.learning_rate) ** min(progress, 1)
        return float(decayed * min((self.step + 1) / WARM_UP_STEPS, 1))

    def _model_loss(self, observed: ForwardPass, progress: float) -> Tensor:
        """Return the weighted sum of the spectral distances and, in phase 1, of the latent regularisers."""
        recipe, windows, settled = self.recipe, self._draw_windows(), slice(self.recipe.settle_samples, None)
        expected, output = observed.expected[..., settled], observed.output[..., settled]
        if recipe.loss == "published":
            bands = losses.published(observed.expected_bands, observed.output_bands, windows)
            total = losses.published(expected, output, windows) + bands
        else:
            total = losses.lean(expected, output, windows, recipe.level)
            if recipe.period:
                period = losses.period_difference(expected, output)
                self._record("period", period)
                total = total + recipe.period * period
        self._record("distance", total)
        if self.phase == 1:
            weight = recipe.kl_weight * (min(progress / recipe.kl_warm_up, 1) if recipe.kl_warm_up else 1)
            divergence = losses.divergence(observed.mean, observed.std)
            correlation = losses.correlation(observed.mean)
            self._record("divergence", divergence)
            self._record("correlation", correlation)
            total = total + weight * divergence + recipe.whitening * correlation
        return total

    def _record(self, name: str, value: Tensor) -> None:
        self._step_losses[name] = value.detach().float()

    def _fetch_losses(self) -> dict[str, float]:
        """Return the losses of this step as numbers, in one transfer, since each transfer waits for the device."""
        values = torch.stack(list(self._step_losses.values())).tolist()
        numbers = dict(zip(self._step_losses, values, strict=True))
        for name, number in numbers.items():
            if not math.isfinite(number):
                raise RtraveError(
                    f"loss {name}: expected a finite number, got {number} at step {self.step}: "
                    "train again with a lower learning_rate"
                )
        return numbers

    def _draw_windows(self) -> tuple[int, ...]:
        recipe = self.recipe
        chosen = self._generator(WINDOWS).choice(len(recipe.windows), recipe.windows_per_step, replace=False)
        return tuple(recipe.windows[i] for i in sorted(chosen))

    def _discriminator_loss(self, discriminator: Discriminator, observed: ForwardPass) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            loss = losses.hinge_discriminator(discriminator(observed.expected), discriminator(observed.output)).float()
        self._record("discriminator", loss)
        return loss

    def _adversarial_loss(self, discriminator: Discriminator, observed: ForwardPass) -> Tensor:
        """Return the decoder's weighted adversarial and feature matching losses."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            with torch.no_grad():
                real = discriminator(observed.expected)
            discriminator.requires_grad_(False)  # backward passes through it, but needs no gradients of its weights
            fake = discriminator(observed.output)
            discriminator.requires_grad_(True)
            adversarial, matching = losses.hinge_decoder(fake), losses.feature_matching(real, fake)
        self._record("adversarial", adversarial)
        self._record("feature_matching", matching)
        return self.recipe.adversarial * adversarial.float() + self.recipe.feature_matching * matching.float()

    def _update(self, loss: Tensor, optimizer: torch.optim.Optimizer | None, parameters: list[Tensor]) -> None:
        """Do one optimizer step on clipped gradients of the loss."""
        assert optimizer is not None
        for tensor in (*self.weights.values(), *(self.discriminator.parameters() if self.discriminator else ())):
            tensor.grad = None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_LIMIT)
        optimizer.step()

    @torch.no_grad()
    def _update_average(self) -> None:
        """Update the moving average; its decay is shorter at first, so that the initial weights fade soon."""
        if not self.averaged:
            return
        decay = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        weights = [self.weights[name] for name in self.averaged]
        get_ema_multi_avg_fn(decay)(list(self.averaged.values()), weights, self.step)

    def result(self) -> Model:
        """Return a copy of the model on the processor, with averaged weights if the recipe averages."""
        copy = Model(self.model.network, self.model.name, self.model.sample_rate)
        copy.load_state_dict({**self.model.state_dict(), **self.averaged})
        return copy.cpu().eval()

    def state(self) -> TrainerState:
        """Return everything that `restore` needs. The tensors are not copied."""
        state = TrainerState(
            step=self.step,
            phase=self.phase,
            model=self.model.state_dict(),
            averaged=self.averaged,
            optimizer=self.optimizer.state_dict(),
        )
        if self.discriminator is not None and self.discriminator_optimizer is not None:
            state["discriminator"] = self.discriminator.state_dict()
            state["discriminator_optimizer"] = self.discriminator_optimizer.state_dict()
        return state

    def restore(self, state: TrainerState) -> None:
        """Continue from a state that `state` returned.

        Raises
        ------
        KeyError, RuntimeError, ValueError
            The state belongs to another network or recipe.
        """
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
