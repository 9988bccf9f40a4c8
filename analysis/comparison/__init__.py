"""Two sweeps side by side: two judges, two recipes, two machines."""

from .page import write_comparison

__all__ = ["write_comparison"]
