"""Reads data sets in plain files: image folders, IDX and npz."""

from __future__ import annotations

from collections.abc import Iterable
import gzip
import math
from pathlib import Path
import struct
from zipfile import BadZipFile
import zlib

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.checks import class_numbers
from rdd_jax.data.dataset import Split, check_split

_SUFFIXES = ('.bmp', '.gif', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


def read_folder(
  path: str, split: str, size: images.Size, channels: int | None
) -> Split:
  """Reads `PATH/SPLIT/CLASS/**` in sorted order; classes are those of train.

  Args:
    path: of the directory.
    split: 'train', 'test' (or else 'val' or 'validation'), or another name.
    size: see `load`.
    channels: see `load`.

  Raises:
    UserError: for a class that is not in training, or a missing file.
  """
  root = _directory(path, 'folder')
  stand_ins = {'test': ('test', 'val', 'validation')}.get(split, (split,))
  found = [root / s for s in stand_ins if (root / s).is_dir()]
  if not found:
    raise UserError(
      f'folder:{path} has no {" or ".join(s + "/" for s in stand_ins)}; '
      f'put images in {root / split}/CLASS/'
    )
  reference = root / 'train' if (root / 'train').is_dir() else found[0]
  names = _subdirectories(reference)
  if not names:
    raise UserError(
      f'{reference} is empty; put images in a directory for each class'
    )
  unknown = sorted(set(_subdirectories(found[0])) - set(names))
  if unknown:
    raise UserError(
      f'{found[0]} has a class {unknown[0]!r} that {reference} lacks; '
      'rename or remove it'
    )
  return read_classes(found[0], names, size=size, channels=channels)


def read_classes(
  root: Path,
  names: list[str] | None = None,
  *,
  size: images.Size = None,
  channels: int | None = None,
) -> Split:
  """Reads `ROOT/CLASS/**` in sorted order.

  Args:
    root: a directory with one for each class.
    names: of the classes, in order; by default all directories, sorted.
    size: see `load`.
    channels: see `load`.

  Raises:
    UserError: if there is no image, or one cannot be read.
  """
  if names is None:
    names = _subdirectories(root)
  rows = [
    (file, label)
    for label, name in enumerate(names)
    for file in sorted((root / name).rglob('*'))
    if file.suffix.lower() in _SUFFIXES and not file.name.startswith('.')
  ]
  if not rows:
    raise UserError(
      f'{root} has no images; put {", ".join(_SUFFIXES)} files '
      'in its class directories'
    )
  pixels = images.stack(
    ((str(file), file.read_bytes()) for file, _ in rows),
    len(rows),
    size,
    channels,
  )
  labels = np.array([label for _, label in rows])
  files = np.array([str(file.relative_to(root)) for file, _ in rows])
  return Split(pixels, labels, tuple(names), names=files)


def read_idx(
  path: str, split: str, size: images.Size, channels: int | None
) -> Split:
  """Reads LeCun's IDX files: `train-` or `t10k-`, `images-idx3`, `labels-idx1`.

  Args:
    path: of the directory.
    split: 'train' or 'test'.
    size: see `load`.
    channels: see `load`.

  Raises:
    UserError: for a missing or damaged file, or another split.
  """
  root = _directory(path, 'idx')
  stems = {'train': ('train',), 'test': ('t10k', 'test')}.get(split)
  if stems is None:
    raise UserError(
      f'idx:{path} has no split {split!r}; IDX directories have train and test'
    )
  pixels = images.convert(
    _idx_array(root, stems, 'images', 3)[..., None], size, channels
  )
  labels = _idx_array(root, stems, 'labels', 1)
  return Split(pixels, labels, class_numbers(labels))


def _idx_array(
  root: Path, stems: tuple[str, ...], kind: str, rank: int
) -> np.ndarray:
  candidates = [
    root / f'{stem}-{kind}{dot}idx{rank}-ubyte{gz}'
    for stem in stems
    for dot in '-.'
    for gz in ('', '.gz')
  ]
  file = next((c for c in candidates if c.is_file()), None)
  if file is None:
    raise UserError(
      f'{root} has no {candidates[0].name} (or .gz); put the IDX files there'
    )
  try:
    raw = file.read_bytes()
    raw = gzip.decompress(raw) if file.suffix == '.gz' else raw
  except (OSError, EOFError, zlib.error) as error:
    raise UserError(
      f'{file} cannot be read ({error}); download it again'
    ) from error
  header = 4 + 4 * rank
  # Two zero bytes, 8 for unsigned bytes, and the number of dimensions.
  if len(raw) < header or raw[:4] != bytes((0, 0, 8, rank)):
    raise UserError(
      f'{file} starts with {raw[:4].hex() or "nothing"}, not the IDX magic '
      f'number 0000080{rank}; give an IDX file of unsigned bytes'
    )
  shape = struct.unpack(f'>{rank}I', raw[4:header])
  if len(raw) - header != math.prod(shape):
    raise UserError(
      f'{file} holds {len(raw) - header} bytes where its header {shape} says '
      f'{math.prod(shape)}; download it again'
    )
  return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


def read_npz(
  path: str, split: str, size: images.Size, channels: int | None
) -> Split:
  """Reads `SPLIT_images`, `SPLIT_labels`, and `SPLIT_groups` if there.

  Args:
    path: of the file.
    split: 'train', 'test', or another name.
    size: see `load`.
    channels: see `load`.

  >>> import tempfile
  >>> with tempfile.NamedTemporaryFile(suffix='.npz') as file:
  ...   np.savez(file, test_images=np.zeros((1, 4, 4, 1), np.uint8),
  ...            test_labels=np.array([1]))
  ...   read_npz(file.name, 'test', None, 3).class_names
  ('0', '1')
  """
  pixels_key, labels_key = f'{split}_images', f'{split}_labels'
  wanted = {pixels_key, labels_key}
  optional = {'train_labels', f'{split}_groups', 'class_names'}
  file = Path(path).expanduser()
  arrays = read_arrays(file, f'npz:{path}', wanted, optional)
  labels = arrays[labels_key]
  names = arrays.get('class_names')
  if names is None:
    names = class_numbers(arrays.get('train_labels', labels))
  found = check_split(
    Split(
      arrays[pixels_key],
      labels,
      tuple(str(n) for n in names),
      arrays.get(f'{split}_groups'),
    ),
    f'npz:{path}: {split}',
  )
  return found._replace(images=images.convert(found.images, size, channels))


def read_arrays(
  file: Path, name: str, wanted: set[str], optional: Iterable[str] = ()
) -> dict[str, np.ndarray]:
  """Reads arrays of an npz, by key.

  Args:
    file: the path.
    name: what an error calls it.
    wanted: keys that must be there.
    optional: keys that are read where they are there.

  Raises:
    UserError: for a file that is no npz of plain arrays, or lacks a key.
  """
  if not file.is_file():
    raise UserError(f'{name} is not a file; check the path')
  try:
    with np.load(file, allow_pickle=False) as stored:
      keys = set(stored.files)
      arrays = {key: stored[key] for key in keys & wanted.union(optional)}
  except (ValueError, TypeError, OSError, EOFError, BadZipFile) as error:
    raise UserError(
      f'{name} is not an npz of plain arrays ({error}); save it with '
      'np.savez and no object arrays'
    ) from error
  if not wanted <= keys:
    raise UserError(
      f'{name} lacks {", ".join(sorted(wanted - keys))} (it has '
      f'{", ".join(sorted(keys)) or "nothing"}); save the arrays so named'
    )
  return arrays


def _directory(path: str, scheme: str) -> Path:
  root = Path(path).expanduser()
  if not root.is_dir():
    raise UserError(f'{scheme}:{path} is not a directory; check the path')
  if not any(root.iterdir()):
    raise UserError(f'{scheme}:{path} is an empty directory; put data there')
  return root


def _subdirectories(root: Path) -> list[str]:
  return sorted(
    d.name for d in root.iterdir() if d.is_dir() and d.name[0] != '.'
  )
