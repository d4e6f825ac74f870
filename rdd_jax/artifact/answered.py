"""A teacher's stored answers to views, among the arrays of a set."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.training.stored import IMPL, StoredLabels

KIND = 'epochs'  # the `label_kind` of a card
FIELD = 'stored_labels'  # of a card: `views`, `top_k` and `bytes`
VALUES, CLASSES, KEY = 'labels.values', 'labels.classes', 'labels.key'
# Of `config.evaluation`: what the views are made by, but for how many there
# are.
VIEWS = (
  'batch_size',
  'augment',
  'convention',
  'cutmix',
  'mixup',
  'mixup_alpha',
)
SLACK = 1e-3  # of probabilities, above a sum of one


def to_arrays(labels: StoredLabels) -> dict[str, np.ndarray]:
  """Returns stored labels by name."""
  arrays = {
    VALUES: np.asarray(labels.values, np.float16),
    KEY: np.asarray(jax.random.key_data(labels.views)),
  }
  if labels.classes is not None:
    arrays[CLASSES] = np.asarray(labels.classes)
  return arrays


def from_arrays(
  arrays: Mapping[str, np.ndarray], card: Mapping[str, Any], where: str
) -> StoredLabels:
  """Builds the stored labels of a set: the inverse of `to_arrays`.

  Args:
    arrays: of the set.
    card: whose `teacher.temperature` is that of the answers.
    where: they come from, for errors.

  Raises:
    UserError: if they are not there, or not as `rdd_jax.artifact.schema` says.
  """
  outputs = arrays['targets'].shape[1]
  missing = [name for name in (VALUES, KEY) if name not in arrays]
  temperature = (card.get('teacher') or {}).get('temperature')
  views = (card.get(FIELD) or {}).get('views')
  if missing or not isinstance(temperature, int | float) or not views:
    lacks = missing or [
      'teacher.temperature or stored_labels.views on its card'
    ]
    raise UserError(
      f'{where}: label_kind is {KIND}, and it lacks {", ".join(lacks)}; copy '
      'both files again'
    )
  if not 0 < temperature < math.inf:
    raise UserError(
      f'{where} has teacher.temperature {temperature}; it is a number above 0: '
      'copy the card again'
    )
  values, key, classes = arrays[VALUES], arrays[KEY], arrays.get(CLASSES)
  k = values.shape[2] if values.ndim == 3 else 0
  if (
    values.dtype != np.float16
    or not 0 < k <= outputs
    or (classes is None) != (k == outputs)
    or (key.dtype, key.shape) != (np.uint32, (2,))
  ):
    raise UserError(
      f'{where}: {VALUES} is {values.dtype}{list(values.shape)}'
      f'{"" if classes is None else f" with {CLASSES}"}, for targets of '
      f'{outputs} columns; give float16[steps, rows, k], with the class of '
      f'each where k is less than that, and {KEY}, uint32[2]'
    )
  if classes is not None and (
    classes.shape != values.shape
    or classes.dtype.kind != 'u'
    or classes.max() >= outputs
  ):
    raise UserError(
      f'{where}: {CLASSES} is {classes.dtype}{list(classes.shape)}, up to '
      f'{classes.max()}; give unsigned{list(values.shape)} below {outputs}'
    )
  mass = values.sum(2, dtype=np.float32)
  if (values < 0).any() or not 0 < mass.min() <= mass.max() < 1 + SLACK:
    raise UserError(
      f'{where}: {VALUES} are no probabilities: sums go from {mass.min():g} to '
      f'{mass.max():g}; copy both files again'
    )
  return StoredLabels(
    jnp.asarray(values),
    None if classes is None else jnp.asarray(classes),
    jax.random.wrap_key_data(jnp.asarray(key), impl=IMPL),
    outputs,
    float(temperature),
  )


def require_views(
  card: Mapping[str, Any], evaluation: Mapping[str, Any], where: str = 'the set'
) -> None:
  """Checks that networks are to train on the views that labels are stored of.

  Args:
    card: of a set; one without stored labels of views asks for nothing.
    evaluation: how networks are to train, the fields of `config.evaluation`.
    where: the set is from, for errors.

  Raises:
    UserError: for more epochs, or other views.

  >>> card = {'label_kind': 'epochs', 'stored_labels': {'views': {'epochs': 9}}}
  >>> require_views(card, {'epochs': 5})
  >>> require_views(card, {'epochs': 10})
  Traceback (most recent call last):
  rdd_jax.core.errors.UserError: labels of the set are stored for 9 epochs, \
and evaluation.epochs=10: give 9 or fewer, or run its configuration again \
with evaluation.epochs=10, which labels it anew
  """
  views = (card.get(FIELD) or {}).get('views')
  if card.get('label_kind') != KIND or not views:
    return
  asked = evaluation['epochs']
  if asked > views['epochs']:
    raise UserError(
      f'labels of {where} are stored for {views["epochs"]} epochs, and '
      f'evaluation.epochs={asked}: give {views["epochs"]} or fewer, or run its '
      f'configuration again with evaluation.epochs={asked}, which labels it '
      'anew'
    )
  other = [
    name for name in VIEWS if name in views and evaluation[name] != views[name]
  ]
  if other:
    was = ', '.join(f'{name}={views[name]!r}' for name in other)
    now = ', '.join(f'{name}={evaluation[name]!r}' for name in other)
    raise UserError(
      f'labels of {where} are stored for views by {was}, and networks would '
      f'train by {now}: leave these fields of evaluation as they were, or '
      'run its configuration again with them, which labels it anew'
    )
