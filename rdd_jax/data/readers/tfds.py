"""Reads prepared TFDS directories as array_record, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
import difflib
import os
from pathlib import Path
import re
from typing import Any

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import tfds_images, tfds_records
from rdd_jax.data.readers.request import Request
from rdd_jax.data.readers.tfds_builder import open_builder
from rdd_jax.images.published import SHAPES
from rdd_jax.runtime import sizes

# By data set: the attribute that is the class, names of the classes, and the
# attribute that is the group. As in `grouped.read_celeba`.
_ATTRIBUTES = {'celeb_a': ('Blond_Hair', ('not blond', 'blond'), 'Male')}


def read(request: Request) -> list[Split]:
  """Reads splits of `tfds:WHERE`; test falls back to the validation split.

  So it does where the test split has no labels, as that of `imagenet2012`.
  Images are decoded by Pillow, as files of a folder are.

  Args:
    request: of `tfds:NAME`, optionally followed by /CONFIG and :VERSION, and of
      its splits, or expressions such as 'test[:100]'. Without channels, they
      are those that the data set declares.

  Returns:
    The splits; those of `celeb_a` are blond or not, in groups by sex.
  """
  return [_read(split, request) for split in request.splits]


def _read(split: str, request: Request) -> Split:
  where = request.name.removeprefix('tfds:')
  directory = version_directory(where, request.data_dir)
  builder = open_builder(directory)
  features = builder.info.features
  attributes = _ATTRIBUTES.get(builder.info.name)
  if attributes:
    label, names, group = attributes
    image_key, keys = 'image', (('attributes', label), ('attributes', group))
  else:
    image_key, label_key = _keys(builder.info, where)
    keys, names = ((label_key,),), tuple(features[label_key].names)
  source = _open(builder, split, image_key, where)
  falls_back = split.startswith('test') and 'validation' in builder.info.splits
  if falls_back:
    record = tfds_records.first(source, f'tfds:{where} {split}')
    if record is not None and tfds_records.get(record, keys[0]) < 0:
      split = split.replace('test', 'validation', 1)
      source = _open(builder, split, image_key, where)
  sizes.require_memory(8 * len(keys) * len(source), f'labels of tfds:{where}')
  depth = request.channels or features[image_key].shape[-1]
  images.check_channels(depth)
  found = tfds_images.read(
    source,
    f'tfds:{where} {split}',
    image_key,
    keys,
    (images.height_width(request.size), depth),
    request.pool,
  )
  return found.split(names)


def read_labels(
  where: str, split: str, keys: Sequence[str], data_dir: str | None
) -> list[np.ndarray]:
  """Reads class labels of the rows of `tfds:where`, each `i64[N]`.

  Args:
    where: as `read`, and so `split` and `data_dir`.
    split: a split of the data set.
    keys: names of labels in a record.
    data_dir: see `load`.

  Raises:
    UserError: as `read` does, or when a record has no such label.
  """
  import tensorflow_datasets as tfds

  directory = version_directory(where, data_dir)
  builder = open_builder(directory)
  there = sorted(
    key
    for key, feature in builder.info.features.items()
    if isinstance(feature, tfds.features.ClassLabel)
  )
  for key in keys:
    if key not in there:
      raise UserError(
        f'tfds:{where} has no class label {key!r} (it has '
        f'{", ".join(there) or "none"}); name another data set'
      )
  source = _open(builder, split, 'image', where)
  rows = [
    [record[key] for key in keys]
    for record in tfds_records.every(source, f'tfds:{where} {split}')
  ]
  return list(np.array(rows, np.int64).reshape(-1, len(keys)).T)


def how_to_prepare(where: str, data_dir: str | Path) -> str:
  """Returns the commands that prepare a data set.

  Args:
    where: NAME, optionally followed by /CONFIG and :VERSION.
    data_dir: where it is put.

  >>> how_to_prepare('mnist', '/data').split(' && ')[1]
  'python -m rdd_jax.data.prepare mnist --data_dir=/data'
  """
  return (
    "pip install 'rdd_jax[prepare]' && "
    f'python -m rdd_jax.data.prepare {where} --data_dir={data_dir}'
  )


def _keys(info: Any, where: str) -> tuple[str, str]:
  """The names of the image and the label in a record."""
  import tensorflow_datasets as tfds

  # Places365 declares a third key.
  image_key, label_key = (info.supervised_keys or ('image', 'label'))[:2]
  features = dict(info.features)
  image, label = features.get(image_key), features.get(label_key)
  if not (
    isinstance(image, tfds.features.Image)
    and image.np_dtype == np.uint8
    and isinstance(label, tfds.features.ClassLabel)
  ):
    raise UserError(
      f'tfds:{where} has {image_key!r}: {image} and {label_key!r}: {label}; '
      'only uint8 images with one class label each can be read'
    )
  return image_key, label_key


def _open(builder: Any, split: str, image_key: str, where: str) -> Any:
  """The records of a split, with images left encoded."""
  import tensorflow_datasets as tfds

  directory, spec = builder.data_dir, _spec(builder, split, where)
  try:
    return builder.as_data_source(
      split=spec,
      decoders={image_key: tfds.decode.SkipDecoding()},
    )
  except NotImplementedError as error:
    raise UserError(
      f'tfds:{where} in {directory} is not in array_record format; prepare it '
      f'in another directory: {how_to_prepare(where, "OTHER")}'
    ) from error
  except ValueError as error:
    raise UserError(
      f'tfds:{where} has no split {split!r}; write it like train[:1000]'
    ) from error


def _spec(builder: Any, split: str, where: str) -> str:
  """A split as TFDS calls it: validation, where there is no test."""
  splits = builder.info.splits
  base, bracket, slicing = split.partition('[')
  if base == 'test' and base not in splits:
    base = 'validation'
  if base not in splits:
    raise UserError(
      f'tfds:{where} has no split {split!r} in {builder.data_dir} (it has '
      f'{", ".join(splits)}); load_split reads a single split'
    )
  return base + bracket + slicing


def version_directory(where: str, data_dir: str | None) -> Path:
  """Returns the newest prepared version of a data set, as TFDS lays it out.

  Args:
    where: NAME, optionally followed by /CONFIG and :VERSION.
    data_dir: see `load`.

  Raises:
    UserError: if there is none, or there are several configurations.
  """
  from tensorflow_datasets.core import constants

  root = Path(
    data_dir or os.environ.get('RDD_JAX_DATA_DIR') or constants.DATA_DIR
  ).expanduser()
  path, _, version = where.partition(':')
  if Path(path).is_absolute() or '..' in Path(path).parts:
    raise UserError(
      f'tfds:{where} is no name of a data set: give tfds:NAME, and the '
      'directory that it is prepared in by --config.data.data_dir, or '
      'RDD_JAX_DATA_DIR'
    )
  found = [
    info.parent
    for info in (root / path).glob('**/dataset_info.json')
    if version in ('', info.parent.name)
  ]
  if not found:
    raise UserError(_not_prepared(where, root))
  parents = sorted({d.parent.relative_to(root).as_posix() for d in found})
  if len(parents) > 1:
    raise UserError(
      f'tfds:{where} is prepared in several configurations; '
      f'name one of {", ".join(f"tfds:{p}" for p in parents)}'
    )
  return max(found, key=lambda d: [int(n) for n in re.findall(r'\d+', d.name)])


def _not_prepared(where: str, root: Path) -> str:
  import tensorflow_datasets as tfds

  if not root.is_dir():
    there = f'there is no data directory {root}'
    there += ' (set data_dir or RDD_JAX_DATA_DIR)'
  else:
    prepared = sorted(
      {i.relative_to(root).parts[0] for i in root.glob('**/dataset_info.json')}
    )
    there = f'{root} has {", ".join(prepared) or "nothing in it"}'
  name = re.split('[/:]', where)[0]
  builders = tfds.list_builders(with_community_datasets=False)
  known = {*builders, *SHAPES}
  if name not in known:
    near = difflib.get_close_matches(name, known, n=2)
    hint = f'did you mean {" or ".join(f"tfds:{n}" for n in near)}? '
    return (
      f'tfds:{where} is unknown to TFDS and not prepared; '
      f'{hint if near else ""}{there}'
    )
  return f'tfds:{where} is not prepared: {there}; {how_to_prepare(where, root)}'
