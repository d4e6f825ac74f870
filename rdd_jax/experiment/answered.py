"""Labels of a set by a teacher, stored for each view of the training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import json
from pathlib import Path
from typing import Any

import jax
from jax import Array
import numpy as np

from rdd_jax.artifact import answered, store
from rdd_jax.artifact.store import Distilled
from rdd_jax.core import keys
from rdd_jax.core.errors import UserError
from rdd_jax.training.recipe import Recipe
from rdd_jax.training.stored import IMPL, StoredLabels, answers
from rdd_jax.training.teacher import Teacher
from rdd_jax.training.views import Views

SHOWN = 8  # rows whose views a card tells from others


def views_key(root: int, seed: int) -> Array:
  """Returns the key of the views that all networks of a set see.

  Args:
    root: `config.seed`.
    seed: the distillation seed.
  """
  key = keys.named(jax.random.key(root, impl=IMPL), 'views')
  return jax.random.fold_in(key, seed)


def by_epoch(
  found: Distilled, teacher: Teacher, recipe: Recipe, views: Array, top_k: int
) -> Distilled:
  """Returns a set with a teacher's answers to each view; its card says so.

  Args:
    found: the set, with hard labels; of its card `evaluation` is read.
    teacher: who answers.
    recipe: by which networks train, that of the card.
    views: a typed key, of the views.
    top_k: numbers of a label that are stored; 0 is all.
  """
  labels = answers(
    teacher, store.to_batch(found), recipe, views=views, top_k=top_k
  )
  evaluation = found.card['evaluation']
  described = {
    'views': {name: evaluation[name] for name in ('epochs', *answered.VIEWS)},
    'top_k': top_k,
    'bytes': labels.size,
    'digest': _digest(found, recipe, views),
  }
  card = {**found.card, 'label_kind': answered.KIND, answered.FIELD: described}
  return replace(found, teacher=labels, card=card)


def require_same_views(found: Distilled, recipe: Recipe) -> None:
  """Checks that this version makes the views that labels were stored for.

  Args:
    found: a set; one without stored labels of views asks for nothing.
    recipe: by which networks train.

  Raises:
    UserError: if they are others, so that no label fits its row.
  """
  told = (found.card.get(answered.FIELD) or {}).get('digest')
  if told is None or not isinstance(found.teacher, StoredLabels):
    return
  now = _digest(found, recipe, found.teacher.views)
  if len(now) != len(told) or not np.allclose(now, told, atol=1e-2):
    versions = found.card.get('versions') or {}
    made = ', '.join(f'{k} {versions.get(k)}' for k in ('rdd_jax', 'jax'))
    raise UserError(
      'labels of the set are stored for views that are made otherwise here, by '
      f'another version or setting of JAX: install {made}, which made them'
    )


def _digest(found: Distilled, recipe: Recipe, views: Array) -> list[float]:
  """The first numbers of what tells views from others, for a card."""
  rows = Views(store.to_batch(found), recipe, None, views)
  return np.round(np.asarray(jax.jit(rows.digest)())[:SHOWN], 3).tolist()


def fits_views(directory: Path, now: Mapping[str, Any]) -> bool:
  """Tells whether networks are to see the views that labels are stored for.

  Args:
    directory: of a finished set; one without stored labels of views fits.
    now: fields of the configuration, by path.
  """
  try:
    card = json.loads((directory / store.CARD).read_text())
  except ValueError:  # it is made again
    return True
  asked = {
    name: now[f'evaluation.{name}'] for name in ('epochs', *answered.VIEWS)
  }
  try:
    answered.require_views(card, asked, str(directory))
  except UserError:
    return False
  return True
