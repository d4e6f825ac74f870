"""What a distilled set must be, checked whenever one is read.

Schema 1: a card, which is a JSON object with `schema`, `factor` (of
multi-formation) and `class_names` at least, and these arrays of n images:

| array | |
|---|---|
| `images` | `f[n, h, w, C]`, finite |
| `targets` | `f[n, o]`, finite; o = classes, or one more with a reject |
| | class; on the simplex unless the card's `label_kind` is 'free' |
| `weights` | `f[n]`, finite, not negative, and not all of them 0 |
| `cells` | `i[n]`, not negative |
| `preprocessing.mean`, `.std` | `f[C]`, finite; std above 0 |
| `preprocessing.centre` | `f[d]`, d = h * w * C; with the next two or none |
| `preprocessing.whiten`, `.unwhiten` | `f[d, d]` |
| `teacher.params...`, `.batch_stats...` | finite, where the `label_kind` is |
| | 'teacher': the network that labels, see `rdd_jax.artifact.teaching` |
| `labels.values` | `f16[steps, rows, k]`, where the `label_kind` is 'epochs': |
| | a teacher's probabilities, of the views of each step |
| `labels.classes` | `u[steps, rows, k]`, whose they are, unless k = o |
| `labels.key` | `u32[2]`, data of the key that the views are made by |
"""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import Any

import numpy as np

from rdd_jax.artifact.card import SCHEMA, statistics_limit_of, temperature_of
from rdd_jax.core.errors import UserError

PREFIX = 'preprocessing.'  # of its arrays
LAYOUT = {
  'images': ('f', 4),
  'targets': ('f', 2),
  'weights': ('f', 1),
  'cells': ('i', 1),
}
STANDARDISING = ('mean', 'std')
WHITENING = ('centre', 'whiten', 'unwhiten')
SLACK = 1e-3  # of a row of targets, from a sum of one


def require_card(card: Any, where: str) -> None:
  """Raises a UserError unless `card` is one that this version reads.

  Args:
    card: what was read.
    where: it was read from.
  """
  if not isinstance(card, dict) or 'schema' not in card:
    raise UserError(
      f'{where} holds no card (a JSON object with "schema"); give the '
      "card.json that a run wrote, or convert other people's sets by python "
      '-m rdd_jax.evaluate'
    )
  schema = card['schema']
  if not isinstance(schema, int) or schema < 1:
    raise UserError(
      f'{where} has schema {schema!r}, which never was; this version reads '
      f'{SCHEMA}: copy the card again'
    )
  if schema > SCHEMA:
    maker = (card.get('versions') or {}).get('rdd_jax') or 'a newer version'
    raise UserError(
      f'{where} has schema {schema}, newer than {SCHEMA}, the newest that this '
      f'version reads; install rdd_jax {maker}, which wrote it'
    )
  factor, names = card.get('factor'), card.get('class_names')
  if not isinstance(factor, int) or factor < 1:
    raise UserError(
      f'{where} has factor {factor!r}; it is 1, or the tiles along the side of '
      'an image: copy the card again'
    )
  if not isinstance(names, list | tuple) or not names:
    raise UserError(
      f'{where} has class_names {names!r}; it is a name for each class: copy '
      'the card again'
    )
  found = temperature_of(card)
  if found is not None and not (
    isinstance(found, int | float) and 0 < found < math.inf
  ):
    raise UserError(
      f'{where} has calibration.temperature {found!r}; it is a number above 0, '
      'what divides logits: copy the card again, or leave the field out'
    )
  limit = statistics_limit_of(card)
  if limit is not None and not (
    type(limit) in (int, float) and 0 <= limit < math.inf
  ):
    raise UserError(
      f'{where} has calibration.statistics_limit {limit!r}; it is a number '
      'from 0, a distance: copy the card again, or leave the field out'
    )


def require_arrays(
  arrays: Mapping[str, np.ndarray], card: Mapping[str, Any], where: str
) -> None:
  """Raises a UserError unless the arrays are as the module says.

  Args:
    arrays: by name.
    card: that `require_card` let pass; its `arrays`, if there, are the shapes.
    where: they were read from.
  """
  wanted = [*LAYOUT, *(PREFIX + name for name in STANDARDISING)]
  missing = [name for name in wanted if name not in arrays]
  if missing:
    raise UserError(
      f'{where} lacks {", ".join(missing)} (it has '
      f'{", ".join(sorted(arrays)) or "nothing"}); copy the set again, or save '
      'the arrays so named'
    )
  for name, shape in card.get('arrays', {}).items():
    if name not in arrays or list(arrays[name].shape) != list(shape):
      found = list(arrays[name].shape) if name in arrays else 'not there'
      raise UserError(
        f'{where}: {name} is {found} where the card says {shape}; copy both '
        'files again'
      )
  n = len(arrays['cells']) if arrays['cells'].ndim else 0
  for name, (kind, rank) in LAYOUT.items():
    array = arrays[name]
    if array.ndim != rank or array.dtype.kind != kind or len(array) != n:
      raise UserError(
        f'{where}: {name} is {_describe(array)} beside {n} cells; give '
        f'{"floats" if kind == "f" else "integers"} of rank {rank} with a row '
        'for each cell'
      )
  if not n:
    raise UserError(f'{where} holds no image; distil or copy it again')
  for name, array in arrays.items():
    if array.dtype.kind == 'f' and not np.isfinite(array).all():
      count = int((~np.isfinite(array)).sum())
      raise UserError(
        f'{where}: {name} has {count} entries that are not finite; the run '
        'diverged or the file is damaged: distil or copy it again'
      )
  _require_rows(arrays, card, where)
  _require_preprocessing(arrays, where)


def _require_rows(
  arrays: Mapping[str, np.ndarray], card: Mapping[str, Any], where: str
) -> None:
  weights, cells, targets = (
    arrays[name] for name in ('weights', 'cells', 'targets')
  )
  if (weights < 0).any() or not weights.any():
    raise UserError(
      f'{where}: weights are in [{weights.min():g}, {weights.max():g}]; give '
      'none below 0 and some above'
    )
  if (cells < 0).any():
    raise UserError(
      f'{where}: cells go down to {cells.min()}; give the class, or the number '
      'of classes + the outlier slot'
    )
  classes, outputs = len(card['class_names']), targets.shape[1]
  if outputs not in (classes, classes + 1):
    raise UserError(
      f'{where}: targets have {outputs} columns for {classes} class_names; '
      'give one for each class, and at most a reject class besides'
    )
  if card.get('label_kind') == 'free':
    return
  off = np.abs(targets.sum(1) - 1) > SLACK
  off |= targets.min(1) < -SLACK
  if off.any():
    row = int(np.argmax(off))
    raise UserError(
      f'{where}: targets of {int(off.sum())} rows are not on the simplex (row '
      f'{row} sums to {targets[row].sum():g}); normalise them, or set the '
      'card\'s label_kind to "free" if a regression is meant to take them'
    )


def _require_preprocessing(
  arrays: Mapping[str, np.ndarray], where: str
) -> None:
  height, width, channels = arrays['images'].shape[1:]
  flat = height * width * channels
  shapes = {
    'mean': (channels,),
    'std': (channels,),
    'centre': (flat,),
    'whiten': (flat, flat),
    'unwhiten': (flat, flat),
  }
  given = {
    name.removeprefix(PREFIX): array
    for name, array in arrays.items()
    if name.startswith(PREFIX)
  }
  whitening = [name for name in WHITENING if name in given]
  if whitening and len(whitening) != len(WHITENING):
    raise UserError(
      f'{where} has of whitening only {", ".join(whitening)}; give '
      f'{", ".join(PREFIX + name for name in WHITENING)}, or none of them'
    )
  for name, array in given.items():
    if name not in shapes:
      raise UserError(
        f'{where} has {PREFIX}{name}, which this version does not know (it '
        f'knows {", ".join(shapes)}); install the version that the card names'
      )
    if array.shape != shapes[name] or array.dtype.kind != 'f':
      raise UserError(
        f'{where}: {PREFIX}{name} is {_describe(array)} for images '
        f'{[height, width, channels]}; give floats{list(shapes[name])}'
      )
  if not (given['std'] > 0).all():
    raise UserError(
      f'{where}: {PREFIX}std goes down to {given["std"].min():g}; give one '
      'above 0 for each channel'
    )


def _describe(array: np.ndarray) -> str:
  return f'{array.dtype}{list(array.shape)}'
