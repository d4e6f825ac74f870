"""What a run looks like: an image grid, and one page that explains itself."""

from rdd_jax.report.grid import grid_png
from rdd_jax.report.page import write_report

__all__ = ['grid_png', 'write_report']
