"""RAVE models: what they are (`spec`), their networks, their latent space, and the files they come in (`formats`)."""
