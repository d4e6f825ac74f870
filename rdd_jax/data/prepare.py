"""Downloads a TFDS data set once: `python -m rdd_jax.data.prepare NAME`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import importlib.util
import os
import sys

from rdd_jax.core.errors import UserError


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


def main(argv: Sequence[str] | None = None) -> int:
  """Runs the command.

  Args:
    argv: arguments, by default those of the process.

  Returns:
    The exit status: 2 if the data set cannot be prepared, with the reason on
    stderr.
  """
  parser = argparse.ArgumentParser(
    prog='python -m rdd_jax.data.prepare',
    description='Download a TFDS data set and write it as array_record.',
  )
  parser.add_argument('name', help='for example cifar10')
  parser.add_argument('--data_dir', help='default: $RDD_JAX_DATA_DIR')
  arguments = parser.parse_args(argv)
  try:
    directory = prepare(arguments.name, arguments.data_dir)
  except UserError as error:
    print(error, file=sys.stderr)
    return 2
  print(directory)
  return 0


if __name__ == '__main__':
  sys.exit(main())
