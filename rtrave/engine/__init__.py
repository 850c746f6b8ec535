"""One hop: from the input through a backend, the latent chain and the mixer to the output. Needs no torch."""
