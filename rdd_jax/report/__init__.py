"""What a run looks like: an image grid, and one page that explains itself."""

from rdd_jax.report.grid import grid_png
from rdd_jax.report.page import write_report
from rdd_jax.report.summary import TRUST

__all__ = ['TRUST', 'grid_png', 'write_report']
