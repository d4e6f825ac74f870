"""What a run looks like: an image grid, and one page that explains itself."""

from rdd_jax.report.grid import grid_png
from rdd_jax.report.page import write_report
from rdd_jax.report.tables import WHOLE_RUN, markdown

__all__ = [
  'WHOLE_RUN',
  'grid_png',
  'markdown',
  'write_report',
]
