"""A teacher's answers to all views of a training, stored in its place.

Of FKD (Shen and Xing, A Fast Knowledge Distillation Framework for Visual
Recognition, ECCV 2022), as SRe2L relabels its images of ImageNet. The views are
made again by a key, so that no crop or box is stored.

Deviations: probabilities at the temperature are stored, not logits; views
  depend on the step, so that none is drawn twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.batch import Batch
from rdd_jax.core.errors import UserError
from rdd_jax.training.recipe import Recipe
from rdd_jax.training.teacher import Teacher
from rdd_jax.training.views import Views

IMPL = 'threefry2x32'  # of keys of views, whatever JAX is told to use


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class StoredLabels:
  """Holds the labels of the rows of each step.

  Attributes:
    values: `f16[steps, rows, k]`, the largest probabilities, rounded down.
    classes: `u8[steps, rows, k]`, or `u16`, whose they are; None where all are
      there, in order.
    views: a typed key of `IMPL`, of the views that the labels are of.
    num_outputs: of a label.
    temperature: at which the teacher answered.
  """

  values: Array
  classes: Array | None
  views: Array
  num_outputs: int = field(metadata={'static': True})
  temperature: float = field(default=1.0, metadata={'static': True})

  def targets(self, t: Array | int) -> Array:
    """Returns labels `f32[rows, o]` of a step; they sum to one.

    What the largest probabilities leave is spread evenly over the others
    (marginal smoothing).
    """
    values = self.values[t].astype(jnp.float32)
    mass = values.sum(-1, keepdims=True)
    if self.classes is None:
      return values / mass
    rows, k = values.shape
    rest = (1 - mass) / (self.num_outputs - k)
    spread = jnp.broadcast_to(rest, (rows, self.num_outputs))
    at = self.classes[t].astype(jnp.int32)
    return jnp.put_along_axis(spread, at, values, -1, inplace=False)

  def relabel(self, rows: Batch, num_classes: int, t: Array | int) -> Batch:
    """Returns the view of a step with its labels; outliers keep their own.

    Args:
      rows: the view.
      num_classes: cells from here on are outliers.
      t: the step.
    """
    known = (rows.cells < num_classes)[:, None]
    targets = jnp.where(known, self.targets(t), rows.targets)
    return replace(rows, targets=targets)

  def require(self, steps: int, rows: int) -> None:
    """Checks that there are labels for a training.

    Args:
      steps: of the training.
      rows: of a minibatch.

    Raises:
      UserError: for more steps than were labeled, or other minibatches.
    """
    has = self.values.shape[:2]
    if has[0] < steps or has[1] != rows:
      raise UserError(
        f'labels are stored for {has[0]} steps of {has[1]} rows, and networks '
        f'are to train for {steps} of {rows}: give fewer epochs, the batch '
        'size of the card, or a set with labels=teacher'
      )

  @property
  def size(self) -> int:
    """Returns the bytes of the labels, and of the key of the views."""
    arrays = self.values, self.classes, jax.random.key_data(self.views)
    return sum(leaf.nbytes for leaf in jax.tree.leaves(arrays))


Labeler = Teacher | StoredLabels


def answers(
  teacher: Teacher, batch: Batch, recipe: Recipe, *, views: Array, top_k: int
) -> StoredLabels:
  """Stores a teacher's answers to all views of a training.

  Args:
    teacher: who answers.
    batch: `n` rows, as the network takes them.
    recipe: of the training.
    views: a typed key, of the views.
    top_k: numbers of a label that are stored, at most its length; 0 is all.
  """
  parts = Views(batch, recipe, None, views).parts
  num_outputs = batch.targets.shape[1]
  k = top_k or num_outputs
  steps = recipe.num_steps(parts)
  epochs = [
    jax.device_get(_epoch(teacher, batch, recipe, views, epoch, k))
    for epoch in range(-(-steps // parts))
  ]
  values, classes = (
    np.concatenate(x)[:steps] for x in zip(*epochs, strict=True)
  )
  narrow = np.uint8 if num_outputs <= 256 else np.uint16
  return StoredLabels(
    jnp.asarray(values),
    jnp.asarray(classes.astype(narrow)) if k < num_outputs else None,
    views,
    num_outputs,
    teacher.temperature,
  )


@partial(jax.jit, static_argnames=('recipe', 'k'))
def _epoch(
  teacher: Teacher,
  batch: Batch,
  recipe: Recipe,
  key: Array,
  epoch: Array | int,
  k: int,
) -> tuple[Array, Array]:
  """The largest `k` answers to the views of an epoch, and whose they are."""
  views = Views(batch, recipe, None, key)
  order = views.order(epoch)

  def one(part: Array) -> tuple[Array, Array]:
    found = teacher.answers(views.at(order, epoch * views.parts + part).inputs)
    if k == found.shape[1]:
      return _down(found), jnp.zeros((), jnp.int32)
    values, classes = jax.lax.top_k(found, k)
    return _down(values), classes

  return jax.lax.map(one, jnp.arange(views.parts))


def _down(x: Array) -> Array:
  """Probabilities in half precision, none of them larger than it was."""
  near = x.astype(jnp.float16)
  above = near.astype(x.dtype) > x
  return jnp.where(above, jnp.nextafter(near, jnp.zeros_like(near)), near)
