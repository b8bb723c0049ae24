"""Item response and latent class models by marginal maximum likelihood."""

from mixirt._core import __version__

__all__ = ["__version__"]
