"""Training networks from scratch on a weighted batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
import math
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import optax

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, take
from rdd_jax.core.sharding import each
from rdd_jax.core.transform import DataSpec, State, Transform, identity
from rdd_jax.images.cutmix import cutmix
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables
from rdd_jax.training import sgd
from rdd_jax.training.recipe import Recipe
from rdd_jax.training.sgd import Learner, scorer

Told = Callable[[int, int], None]


class Training(NamedTuple):
  """Holds what a step of training changes."""

  learner: Learner
  average: Variables | None
  student: State
  order: Array  # i[n], the rows in the order of this epoch


def fit(
  net: nn.Module,
  batch: Batch,
  recipe: Recipe,
  *,
  num_classes: int,
  input_shape: tuple[int, ...],
  key: Array,
  student: Transform = identity(),
  preprocess: Preprocessing | None = None,
) -> Variables:
  """Trains one network from scratch, as `fit_many` does several.

  Args:
    net, batch, recipe, ...: as for `fit_many`; `key` is its only seed.
  """
  stacked = fit_many(
    net,
    batch,
    recipe,
    num_classes=num_classes,
    input_shape=input_shape,
    seeds=key[None],
    student=student,
    preprocess=preprocess,
  )
  return jax.tree.map(lambda leaf: leaf[0], stacked)


@partial(
  jax.jit,
  static_argnames=(
    'net',
    'recipe',
    'num_classes',
    'input_shape',
    'student',
    'parallel',
  ),
)
def fit_many(
  net: nn.Module,
  batch: Batch,
  recipe: Recipe,
  *,
  num_classes: int,
  input_shape: tuple[int, ...],
  seeds: Array,
  student: Transform = identity(),
  preprocess: Preprocessing | None = None,
  parallel: bool | None = None,
  learning_rate: Array | float | None = None,
) -> Variables:
  """Trains one network from scratch for each seed, and reports the last step.

  Compiled once for each (net, recipe, student, shapes): arms of equal shape,
  such as random, herding, k-center and distilled rows, share a program.

  Args:
    net: the network.
    batch: `n` rows to train on; kept on the device whole.
    recipe: how.
    num_classes: cells below it are in-distribution.
    input_shape: `(H, W, C)` of the rows once they are preprocessed.
    seeds: typed keys `[s]`.
    student: edits every minibatch last, scored by the network in training.
    preprocess: applied to the rows of each minibatch; None for rows that are
      already what the network takes.
    parallel: train the seeds side by side (`vmap`) or one by one (`lax.map`);
      None goes side by side except on CPUs, where it is slower.
    learning_rate: instead of the recipe's, for sets that come with their own;
      sets that differ in it share a program.

  Returns:
    Variables whose leaves are `[s, ...]`.
  """
  train = partial(
    _train,
    net,
    batch,
    recipe,
    num_classes,
    input_shape,
    student,
    preprocess,
    recipe.learning_rate if learning_rate is None else learning_rate,
  )
  return each(train, seeds, parallel)


def fit_in_turn(
  net: nn.Module,
  batch: Batch,
  recipe: Recipe,
  *,
  seeds: Array,
  tell: Told,
  parallel: bool | None = None,
  **options: Any,
) -> Variables:
  """Trains as `fit_many` does, to the same bits, and tells what is done.

  Networks that would be trained one by one are, by a call for each.

  Args:
    net, batch, recipe, seeds, parallel: as for `fit_many`.
    tell: called with how many networks were just trained, and how many are
      left.
    **options: the others of `fit_many`.
  """
  if parallel is None:
    parallel = jax.default_backend() != 'cpu'
  train = partial(fit_many, net, batch, recipe, parallel=parallel, **options)
  if parallel:
    found = jax.block_until_ready(train(seeds=seeds))
    tell(len(seeds), 0)
    return found
  each_one = []
  for i in range(len(seeds)):
    each_one.append(jax.block_until_ready(train(seeds=seeds[i : i + 1])))
    tell(1, len(seeds) - i - 1)
  return _together(*each_one)


@jax.jit
def _together(*stacked: Variables) -> Variables:
  return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *stacked)


def _train(
  net: nn.Module,
  batch: Batch,
  recipe: Recipe,
  num_classes: int,
  input_shape: tuple[int, ...],
  student: Transform,
  preprocess: Preprocessing | None,
  learning_rate: Array | float,
  key: Array,
) -> Variables:
  n, num_outputs = batch.targets.shape
  parts = math.ceil(n / (recipe.batch_size or n))
  size = math.ceil(n / parts)
  steps = recipe.num_steps(parts)
  tx = recipe.gradient_transformation(steps, learning_rate)

  def minibatch(order: Array, t: Array) -> tuple[Batch, Array]:
    if parts == 1:
      return batch, order
    epoch, part = jnp.divmod(t, parts)
    order = jax.lax.cond(part == 0, shuffled, lambda _: order, epoch)
    # The last minibatch of an epoch is filled up from the first.
    return take(batch, order[(part * size + jnp.arange(size)) % n]), order

  def shuffled(epoch: Array) -> Array:
    epoch_key = jax.random.fold_in(keys.named(key, 'order'), epoch)
    return jax.random.permutation(epoch_key, n)

  def vary(rows: Batch, key: Array) -> Batch:
    inputs = rows.inputs if preprocess is None else preprocess(rows.inputs)
    if recipe.augment is not None:
      inputs = recipe.augment(keys.named(key, 'augment'), inputs)
    rows = replace(rows, inputs=inputs)
    if recipe.cutmix:
      key = keys.named(key, 'cutmix')
      return cutmix(key, rows, probability=recipe.cutmix)
    return rows

  def step(state: Training, t: Array) -> tuple[Training, None]:
    now = jax.random.fold_in(keys.named(key, 'step'), t)
    rows, order = minibatch(state.order, t)
    rows = vary(rows, now)
    rows, edited = student.update(
      rows,
      state.student,
      key=keys.named(now, 'student'),
      score=scorer(net, state.learner.variables),
      synthetic=rows,
    )
    new = sgd.step(
      net, tx, state.learner, rows, num_classes, losses=recipe.losses
    )
    average = state.average
    if average is not None and recipe.ema is not None:
      decay = jnp.minimum(recipe.ema, (1 + t) / (10 + t))
      # The share of the first argument is the last one: here the kept one.
      kept = optax.incremental_update(average, new.variables, decay)
      average = cast(Variables, kept)
    return Training(new, average, edited, order), None

  spec = DataSpec(n, num_classes, num_outputs, num_classes, num_groups=0)
  fresh = sgd.init(net, tx, keys.named(key, 'init'), input_shape)
  state = Training(
    fresh,
    None if recipe.ema is None else fresh.variables,
    student.init(spec),
    jnp.arange(n),
  )
  state, _ = jax.lax.scan(step, state, jnp.arange(steps))
  return state.learner.variables if state.average is None else state.average
