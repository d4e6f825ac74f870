"""Downloads a TFDS data set once: `python -m rdd_jax.data.prepare NAME`.

NAME is TFDS's, such as cifar10. Needs `pip install 'rdd_jax[prepare]'`;
training from what is written does not.
"""

from __future__ import annotations

import importlib.util
import os

from absl import flags

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import cli

_DATA_DIR = flags.DEFINE_string(
  'data_dir', None, 'By default $RDD_JAX_DATA_DIR.', allow_override=True
)


def prepare(name: str, data_dir: str | None = None) -> str:
  """Downloads a data set and writes it as array_record files.

  This, unlike reading the files, needs TensorFlow.

  Args:
    name: a TFDS name, with or without the `tfds:` that `load` asks for.
    data_dir: by default `$RDD_JAX_DATA_DIR`, or else where TFDS keeps data.

  Returns:
    The directory that was written.

  Raises:
    UserError: without TensorFlow, for an unknown name, or if the download
      fails.
  """
  if importlib.util.find_spec('tensorflow') is None:
    raise UserError(
      f'preparing {name} needs TensorFlow, which is not installed; '
      "pip install 'rdd_jax[prepare]'"
    )
  import tensorflow_datasets as tfds

  try:
    builder = tfds.builder(
      name.removeprefix('tfds:'),
      data_dir=data_dir or os.environ.get('RDD_JAX_DATA_DIR'),
      file_format='array_record',
    )
    builder.download_and_prepare(file_format='array_record')
  except tfds.core.DatasetNotFoundError as error:
    raise UserError(
      f'{name} is unknown to TFDS; see tensorflow.org/datasets/catalog'
    ) from error
  except OSError as error:
    raise UserError(
      f'{name} could not be downloaded ({error}); check the network and retry'
    ) from error
  return str(builder.data_dir)


def main(argv: list[str]) -> None:
  """Prepares what is named, and prints where it was written."""
  if len(argv) != 2:
    raise UserError('give one name: python -m rdd_jax.data.prepare cifar10')
  print(prepare(argv[1], _DATA_DIR.value))


if __name__ == '__main__':
  cli.start(main)
