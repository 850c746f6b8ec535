"""RAVE models: facts (`spec`), networks, latent space, and file formats (`formats`)."""
