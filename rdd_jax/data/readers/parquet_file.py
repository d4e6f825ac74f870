"""Reads a parquet file whole, if there is memory for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rdd_jax.runtime.sizes import require_memory

if TYPE_CHECKING:
  import pyarrow as pa


def read_table(path: Path) -> pa.Table:
  """Reads all of a parquet file, whose footer says what it takes.

  Args:
    path: of the file.

  Raises:
    UserError: if that is more memory than is free.
    Exception: of pyarrow, which depends on the damage.
  """
  from pyarrow import parquet

  with parquet.ParquetFile(path, page_checksum_verification=True) as opened:
    footer = opened.metadata
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    # Runs of one value take next to nothing in the file.
    cells = footer.num_rows * footer.num_columns
    total = sum(group.total_byte_size for group in groups)
    require_memory(max(total, 8 * cells), f'what {path} holds')
    return opened.read()
