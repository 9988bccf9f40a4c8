"""The latents' part of the report: a list of all, dashboards of some, and a page for each SAE that holds the others."""

from .section import latents_section

__all__ = ["latents_section"]
