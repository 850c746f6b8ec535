"""Time training steps of upstream's class: python reference_steps.py CAPACITY LATENTS BATCH SAMPLES EVERY.

Runs in the interoperability environment. It reads lines "PHASE COUNT", does COUNT training steps of PHASE on noise, and
prints the seconds that they took. Model, losses, optimizers and training step are upstream's. Lightning's loop, logs
and data on disk are left out, which favours upstream.
"""

from __future__ import annotations

import logging
import sys
import time

import cached_conv
import gin
import rave
import torch


def main() -> None:
    """Build the model, and answer requests until the input ends."""
    logging.disable(logging.ERROR)
    capacity, latents, batch, samples, every = map(int, sys.argv[1:])
    gin.parse_config_files_and_bindings(
        ["v2.gin", "causal.gin"], [f"CAPACITY={capacity}", f"LATENT_SIZE={latents}", "SAMPLING_RATE=44100"]
    )
    cached_conv.use_cached_conv(False)
    torch.manual_seed(0)
    model = rave.RAVE().train()
    model.update_discriminator_every = every
    generator, discriminator = model.configure_optimizers()
    optimizers = generator["optimizer"], discriminator["optimizer"]
    model.optimizers = lambda: optimizers
    model.log = model.log_dict = lambda *_, **__: None
    print(torch.__version__, flush=True)
    index = 0
    for line in sys.stdin:
        phase, count = map(int, line.split())
        model.warmed_up = phase == 2
        before_s = time.perf_counter()
        for _ in range(count):
            model.training_step(torch.randn(batch, 1, samples) / 8, index)
            index += 1
        print(time.perf_counter() - before_s, flush=True)


if __name__ == "__main__":
    main()
