"""Item response and latent class models by marginal maximum likelihood."""
