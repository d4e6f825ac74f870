"""Rows as a TFDS directory of array_record files, without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import json
from pathlib import Path
from typing import Any

import numpy as np

VERSION = '1.0.0'
Split = tuple[int, Callable[[], Iterator[Mapping[str, Any]]]]  # rows, records


def write_records(
  root: Path,
  name: str,
  splits: Mapping[str, Split],
  *,
  image_shape: tuple[int, ...],
  class_names: Sequence[str],
  outputs: int,
) -> Path:
  """Writes what `tfds.builder_from_directory` and `data.load` read.

  Args:
    root: where TFDS data sets are.
    name: of this one, in lower case with underscores.
    splits: how many records each has, and what yields them: `image`, an
      encoded one, `label` and `cell`, ints, `weight`, a float, and `pixels`
      `f32[*image_shape]` and `target` `f32[outputs]`.
    image_shape: (H, W, C).
    class_names: by label.
    outputs: columns of targets.

  Returns:
    The directory that was written.
  """
  from array_record.python import array_record_module  # type: ignore[attr-defined]
  import tensorflow_datasets as tfds

  directory = root / name / VERSION
  directory.mkdir(parents=True, exist_ok=True)
  feature = tfds.features
  features = feature.FeaturesDict(
    {
      'image': feature.Image(shape=image_shape),
      'label': feature.ClassLabel(names=list(class_names)),
      'pixels': feature.Tensor(shape=image_shape, dtype=np.float32),
      'target': feature.Tensor(shape=(outputs,), dtype=np.float32),
      'weight': feature.Scalar(dtype=np.float32),
      'cell': feature.Scalar(dtype=np.int64),
    }
  )
  features.save_config(str(directory))
  told = []
  for split, (count, records) in splits.items():
    file = directory / f'{name}-{split}.array_record-00000-of-00001'
    writer = array_record_module.ArrayRecordWriter(str(file), 'group_size:1')
    size = 0
    for record in records():
      encoded = _example(record)
      size += len(encoded)
      writer.write(encoded)
    writer.close()
    told.append(
      {
        'name': split,
        'shardLengths': [str(count)],
        'numBytes': str(size),
        'filepathTemplate': '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
      }
    )
  keys = [{'featureKey': key} for key in ('image', 'label')]
  info = {
    'name': name,
    'version': VERSION,
    'description': 'A distilled set, written by rdd_jax.convert.',
    'fileFormat': 'array_record',
    'supervisedKeys': {'tuple': {'items': keys}},
    'splits': told,
  }
  # Last: a directory without it is not taken for a data set.
  (directory / 'dataset_info.json').write_text(json.dumps(info, indent=1))
  return directory


def _example(record: Mapping[str, Any]) -> bytes:
  """Serializes a row as a `tf.train.Example`."""
  from tensorflow_datasets.proto import tf_example_pb2

  example = tf_example_pb2.Example()  # type: ignore[attr-defined]
  for name, value in record.items():
    field = example.features.feature[name]
    if isinstance(value, bytes):
      field.bytes_list.value.append(value)
    elif isinstance(value, int):
      field.int64_list.value.append(value)
    else:
      field.float_list.value.extend(np.ravel(value).tolist())
  return example.SerializeToString()
