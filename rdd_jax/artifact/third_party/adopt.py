"""From what a file holds to an artifact, and what was assumed on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from rdd_jax.artifact.store import Distilled, from_arrays, to_arrays
from rdd_jax.artifact.third_party.experiments import choose_experiment
from rdd_jax.artifact.third_party.labels import Targets, in_order, targets_of
from rdd_jax.artifact.third_party.names import absent, by_name
from rdd_jax.artifact.third_party.pick import pick_images, pick_labels
from rdd_jax.artifact.third_party.pixels import INPUTS, arrange, scale_of
from rdd_jax.artifact.third_party.readers import Raw
from rdd_jax.artifact.third_party.top_k import find_top_k
from rdd_jax.core.errors import UserError
from rdd_jax.images.preprocessing import Preprocessing

ORDERED = 'ordered'  # labels of rows that stand class after class


class Images(NamedTuple):
  """What the images and labels of a file are, understood.

  Attributes:
    images: `[n, H, W, C]`, on `scale`.
    scale: 'unit', 'bytes', 'signed', 'standardized' or 'whitened'.
    labels: what the targets and the classes are.
    notes: sentences that say what was assumed.
  """

  images: np.ndarray
  scale: str
  labels: Targets
  notes: tuple[str, ...]


def understand(
  raw: Raw,
  shape: tuple[int, int, int],
  class_names: Sequence[str],
  where: str,
  *,
  labels: Raw | str | None = None,
  images_key: str = '',
  labels_key: str = '',
  layout: str = '',
  scale: str = '',
  label_kind: str = '',
  experiment: int | None = None,
  classes: Sequence[str] = (),
) -> Images:
  """Finds images and labels, and what they are.

  Args:
    raw: of the file.
    shape: `(H, W, C)` of the test rows.
    class_names: of the data set.
    where: what errors call the file.
    labels: of a file of their own; or 'ordered', class after class.
    images_key: the name of the images, where it is not obvious.
    labels_key: likewise.
    layout: see `arrange`.
    scale: see `scale_of`.
    label_kind: see `targets_of`.
    experiment: see `choose_experiment`.
    classes: what the set calls the classes, in their order; () is as the data
      set does.

  Raises:
    UserError: wherever there is no one answer.
  """
  arrays, chosen = raw.arrays, ()
  if not images_key or experiment is not None:
    arrays, chosen = choose_experiment(raw.arrays, experiment, where)
  name, found = pick_images(arrays, images_key, where)
  what = f'images of {where}'
  images = arrange(found, shape, layout, what)
  given = _labels(arrays, labels, labels_key, where, name, len(images))
  if labels == ORDERED:
    given = in_order(len(images), len(class_names), where)
  own = raw.class_names if labels is None else ()
  by_directory = bool(own) and given.ndim == 1
  named: tuple[str, ...] = ()
  if by_directory:
    given, named = by_name(given, raw.class_names, class_names, where, classes)
  told = scale_of(images, scale, what)
  kinds = targets_of(
    given, len(images), len(class_names), label_kind, f'labels of {where}'
  )
  if (classes or own) and not by_directory:
    listed = classes if own else ()
    kinds = _reordered(kinds, own or classes, class_names, where, listed)
  order = 'HWC' if found.shape[1:] == shape else 'CHW'
  notes = [
    *chosen,
    f'images {name!r} {list(found.shape)}'
    + (f' taken as {order}' if found.ndim == 4 else ''),
    f'values from {float(images.min()):.3g} to {float(images.max()):.3g} taken '
    f'as {told}{"" if scale == told else " by their range"}',
    f'labels taken as {kinds.kind}',
    *kinds.notes,
    *named,
    *absent(kinds.cells, class_names),
  ]
  return Images(images, told, kinds, tuple(notes))


def adopt(
  found: Images, preprocess: Preprocessing, card: dict[str, Any], where: str
) -> Distilled:
  """Builds the artifact of images and labels that are understood.

  Args:
    found: from `understand`.
    preprocess: from pixels to what networks take; what it is the inverse of
      the images must have been through, where they are no pixels.
    card: says `factor` and `class_names`, and all else that evaluation needs.
    where: what errors call the set.

  Raises:
    UserError: if whitened images come with a preprocessing that does not
      whiten, or the other way round; or as `rdd_jax.artifact.schema` says.
  """
  if (found.scale == 'whitened') != (preprocess.whiten is not None) and (
    found.scale in INPUTS
  ):
    raise UserError(
      f'{where} is {found.scale}, but its preprocessing '
      f'{"does not whiten" if preprocess.whiten is None else "whitens"}; pass '
      'another --scale or --zca'
    )
  images = found.images.astype(np.float32)
  if found.scale == 'bytes':
    images = images / 255
  elif found.scale == 'signed':
    images = images / 2 + 0.5
  elif found.scale in INPUTS:
    images = np.asarray(preprocess.inverse(jnp.asarray(images)))
  made = Distilled(
    images=images,
    targets=found.labels.targets,
    weights=np.ones(len(images), np.float32),
    cells=found.labels.cells,
    preprocessing=preprocess,
    card=card,
  )
  return from_arrays(to_arrays(made), card, where)


def _reordered(
  kinds: Targets,
  classes: Sequence[str],
  names: Sequence[str],
  where: str,
  listed: Sequence[str],
) -> Targets:
  """Labels that count `names`, of some that count `classes`."""
  what = f'the list of classes of {where}'
  order, notes = by_name(np.arange(len(classes)), classes, names, what, listed)
  targets = np.empty_like(kinds.targets)
  targets[:, order] = kinds.targets
  return kinds._replace(
    targets=targets,
    cells=order[kinds.cells].astype(np.int32),
    notes=(*kinds.notes, *notes),
  )


def _labels(
  arrays: Mapping[str, np.ndarray],
  labels: Raw | str | None,
  key: str,
  where: str,
  images: str,
  rows: int,
) -> np.ndarray:
  if labels == ORDERED:
    return np.empty(0)
  others = {name: array for name, array in arrays.items() if name != images}
  there = labels.arrays if isinstance(labels, Raw) else others
  top = None if key else find_top_k(there, rows)
  if top is not None:
    return top
  if isinstance(labels, Raw):
    found = pick_labels(labels.arrays, key, f'labels of {where}', rows)
  else:
    found = pick_labels(arrays, key, where, rows, images)
  if found is None:
    raise UserError(
      f'{where} has no labels for {rows} images; pass --labels=FILE, or '
      f'--labels={ORDERED} if rows stand class after class, as many of each'
    )
  return found
