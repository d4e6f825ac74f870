"""A set as a TFDS data set, beside the test rows that it is evaluated on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

import numpy as np

from rdd_jax.artifact.export.rows import decoded, png, to_bytes
from rdd_jax.artifact.export.tfds_writer import write_records
from rdd_jax.artifact.store import Distilled
from rdd_jax.core.errors import UserError, one_line
from rdd_jax.data import Dataset
from rdd_jax.data.readers.tfds_builder import open_builder


def write_tfds(
  root: Path, distilled: Distilled, dataset: Dataset | None = None
) -> Path:
  """Writes `ROOT/NAME/1.0.0` of array_record files.

  A record has `image` (8 bits, clipped) and `label` as any image data set has,
  and, so that nothing is lost, `pixels` (floats, not clipped), `target`,
  `weight` and `cell`. Rows of classes are the split `train`, outliers, whose
  label is -1, the split `outliers`, and test rows `test`.

  Args:
    root: made if it is not there; the `data_dir` to load it from.
    distilled: the set.
    dataset: whose test rows are added; `rdd_jax.data.load` needs some.

  Returns:
    The directory of the version.

  Raises:
    UserError: for images of other than one or three channels.
  """
  rows = decoded(distilled)
  classes, outputs = len(rows.card['class_names']), rows.targets.shape[1]
  known = rows.cells < classes
  splits = {'train': (int(known.sum()), lambda: _records(rows, known))}
  if not known.all():
    splits['outliers'] = (
      int((~known).sum()),
      lambda: _records(rows, ~known, label=-1),
    )
  if dataset is not None:
    splits['test'] = len(dataset.test_labels), lambda: _tests(dataset, outputs)
  source = re.sub(r'\W+', '_', rows.card['data']['name'].lower()).strip('_')
  return write_records(
    root,
    f'distilled_{source}',
    splits,
    image_shape=rows.images.shape[1:],
    class_names=rows.card['class_names'],
    outputs=outputs,
  )


def read_tfds(directory: Path) -> dict[str, np.ndarray]:
  """Reads the rows that `write_tfds` wrote, outliers last.

  Args:
    directory: of the version.

  Returns:
    The arrays of rows by the names of `rdd_jax.artifact.schema`.

  Raises:
    UserError: if it cannot be read.
  """
  try:
    builder = open_builder(directory)
    splits = [s for s in ('train', 'outliers') if s in builder.info.splits]
    found = [row for s in splits for row in builder.as_data_source(s)]
  except UserError:
    raise
  # What the libraries raise depends on their versions and on the damage.
  except Exception as error:
    raise UserError(
      f'cannot read {directory} ({one_line(error)}); convert the set again'
    ) from error
  named = {
    'images': ('pixels', np.float32),
    'targets': ('target', np.float32),
    'weights': ('weight', np.float32),
    'cells': ('cell', np.int32),
  }
  return {
    name: np.stack([row[key] for row in found]).astype(kind)
    for name, (key, kind) in named.items()
  }


def _records(
  rows: Distilled, chosen: np.ndarray, label: int | None = None
) -> Iterator[dict[str, Any]]:
  for i in np.flatnonzero(chosen):
    yield {
      'image': png(to_bytes(rows.images[i])),
      'label': int(rows.cells[i]) if label is None else label,
      'pixels': rows.images[i],
      'target': rows.targets[i],
      'weight': float(rows.weights[i]),
      'cell': int(rows.cells[i]),
    }


def _tests(dataset: Dataset, outputs: int) -> Iterator[dict[str, Any]]:
  for image, label in zip(
    dataset.test_images, dataset.test_labels, strict=True
  ):
    yield {
      'image': png(image),
      'label': int(label),
      'pixels': image.astype(np.float32) / 255,
      'target': np.eye(outputs, dtype=np.float32)[label],
      'weight': 1.0,
      'cell': int(label),
    }
