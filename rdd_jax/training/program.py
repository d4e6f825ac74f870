"""How a network trains from scratch: where it starts, and its step."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import optax

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch
from rdd_jax.core.losses import Softened
from rdd_jax.core.transform import DataSpec, State, Transform
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables
from rdd_jax.training import sgd
from rdd_jax.training.recipe import Recipe
from rdd_jax.training.sgd import Learner, scorer
from rdd_jax.training.stored import Labeler, StoredLabels
from rdd_jax.training.views import Views


class Training(NamedTuple):
  """Holds what a step of training changes."""

  learner: Learner
  average: Variables | None
  student: State
  order: Array  # i[n], the rows in the order of this epoch

  def found(self) -> Variables:
    """Returns the network, or the average of its weights."""
    return self.learner.variables if self.average is None else self.average


def program(
  net: nn.Module,
  batch: Batch,
  recipe: Recipe,
  num_classes: int,
  input_shape: tuple[int, ...],
  student: Transform,
  preprocess: Preprocessing | None,
  learning_rate: Array | float | None,
  teacher: Labeler | None,
  key: Array,
) -> tuple[Callable[[], Training], Callable[..., tuple[Training, None]]]:
  """Returns how training starts, and its step, see `fit_many`."""
  n, num_outputs = batch.targets.shape
  own = key if teacher is None or teacher.views is None else teacher.views
  views = Views(batch, recipe, preprocess, own)
  steps = recipe.num_steps(views.parts)
  if learning_rate is None:
    learning_rate = recipe.learning_rate
  tx = recipe.gradient_transformation(steps, learning_rate)
  losses = recipe.losses
  if teacher is not None:
    losses = Softened(teacher.temperature)
  if isinstance(teacher, StoredLabels):
    teacher.require(steps, views.size)

  def ordered(order: Array, t: Array) -> Array:
    if views.parts == 1:
      return order
    epoch, part = jnp.divmod(t, views.parts)
    return jax.lax.cond(part == 0, views.order, lambda _: order, epoch)

  def step(state: Training, t: Array) -> tuple[Training, None]:
    now = jax.random.fold_in(keys.named(key, 'step'), t)
    order = ordered(state.order, t)
    rows = views.at(order, t)
    if teacher is not None:
      rows = teacher.relabel(rows, num_classes, t)
    rows, edited = student.update(
      rows,
      state.student,
      key=keys.named(now, 'student'),
      score=scorer(net, state.learner.variables),
      synthetic=rows,
    )
    new = sgd.step(net, tx, state.learner, rows, num_classes, losses=losses)
    average = state.average
    if average is not None and recipe.ema is not None:
      decay = jnp.minimum(recipe.ema, (1 + t) / (10 + t))
      # The share of the first argument is the last one: here the kept one.
      kept = optax.incremental_update(average, new.variables, decay)
      average = cast(Variables, kept)
    return Training(new, average, edited, order), None

  def start() -> Training:
    spec = DataSpec(n, num_classes, num_outputs, num_classes, num_groups=0)
    fresh = sgd.init(net, tx, keys.named(key, 'init'), input_shape)
    return Training(
      fresh,
      None if recipe.ema is None else fresh.variables,
      student.init(spec),
      jnp.arange(n),
    )

  return start, step
