"""Opens a prepared TFDS directory, which imports nothing that a file names."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

from rdd_jax.core.errors import UserError

_OWN = 'tensorflow_datasets.core.features.'


def open_builder(directory: Path) -> Any:
  """Opens a directory of array_record files.

  `features.json` names a class for each feature, and TFDS 4.9.10 imports the
  module of any name. Here, only its own features are taken.

  Args:
    directory: of a version, which holds `dataset_info.json`.

  Returns:
    The builder of TFDS.

  Raises:
    UserError: if the files name another class, or cannot be read.
  """
  import tensorflow_datasets as tfds

  known = tfds.features.FeatureConnector.cls_from_name

  def own(name: str) -> Any:
    if not name.startswith(_OWN):
      raise UserError(
        f'{directory} has a feature of the class {name}, which is none of '
        'TFDS and was not imported; prepare the data set again with features '
        'of tfds.features'
      )
    return known(name)

  # Wherever a name is nested, it is looked up by this method.
  with mock.patch.object(
    tfds.features.FeatureConnector, 'cls_from_name', staticmethod(own)
  ):
    return tfds.builder_from_directory(str(directory))
