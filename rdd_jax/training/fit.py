"""Training networks from scratch on a weighted batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.batch import Batch
from rdd_jax.core.parts import Parts, in_one
from rdd_jax.core.sharding import each
from rdd_jax.core.transform import Transform, identity
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables
from rdd_jax.training.program import Training, program
from rdd_jax.training.recipe import Recipe
from rdd_jax.training.stored import Labeler
from rdd_jax.training.views import minibatches

Told = Callable[[int, int], None]


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
  teacher: Labeler | None = None,
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
    teacher=teacher,
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
  teacher: Labeler | None = None,
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
    teacher: labels the rows of classes, as they are trained on: augmented and
      mixed. Networks are trained to give its answers, at its temperature,
      whatever loss the recipe has. Where it has a key of views, all networks
      see the same ones; its stored answers are to these.

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
    learning_rate,
    teacher,
  )
  return each(train, seeds, parallel)


def fit_in_turn(
  net: nn.Module,
  batch: Batch,
  recipe: Recipe,
  *,
  seeds: Array,
  tell: Told,
  parts: Parts = in_one,
  parallel: bool | None = None,
  **options: Any,
) -> Variables:
  """Trains as `fit_many` does, to the same bits, and tells what is done.

  Networks that would be trained one by one are, each in parts.

  Args:
    net, batch, recipe, seeds, parallel: as for `fit_many`.
    tell: called with how many networks were just trained, and how many are
      left.
    parts: trains each network, see `core.parts`.
    **options: the others of `fit_many`.
  """
  if parallel is None:
    parallel = jax.default_backend() != 'cpu'
  if parallel:
    found = jax.block_until_ready(
      fit_many(net, batch, recipe, seeds=seeds, parallel=True, **options)
    )
    tell(len(seeds), 0)
    return found
  steps, arguments = _arguments(net, batch, recipe, **options)
  data, each_one = np.asarray(jax.random.key_data(seeds)), []
  for i in range(len(seeds)):
    trained = parts(
      f'network {i + 1} of {len(seeds)}',
      (batch, data[i]),
      partial(_start, *arguments, seeds, i),
      partial(_advance, *arguments, seeds, i),
      steps,
    )
    each_one.append(jax.block_until_ready(trained.found()))
    tell(1, len(seeds) - i - 1)
  return _together(*each_one)


@jax.jit
def _together(*each_one: Variables) -> Variables:
  return jax.tree.map(lambda *leaves: jnp.stack(leaves), *each_one)


def _arguments(
  net: nn.Module,
  batch: Batch,
  recipe: Recipe,
  *,
  num_classes: int,
  input_shape: tuple[int, ...],
  student: Transform = identity(),
  preprocess: Preprocessing | None = None,
  learning_rate: Array | float | None = None,
  teacher: Labeler | None = None,
) -> tuple[int, tuple[Any, ...]]:
  """The number of steps, and what `program` takes before a key."""
  steps = recipe.num_steps(minibatches(batch, recipe))
  return steps, (
    net,
    batch,
    recipe,
    num_classes,
    input_shape,
    student,
    preprocess,
    learning_rate,
    teacher,
  )


_STATIC = (0, 2, 3, 4, 5)


def _of_one(arguments: Sequence[Any]) -> tuple[Any, ...]:
  """The arguments of `program`: with a key, for seeds and which of them."""
  *given, seeds, i = arguments
  return (*given, seeds[i])


@partial(jax.jit, static_argnums=_STATIC)
def _begun(*arguments: Any) -> Training:
  return program(*_of_one(arguments))[0]()


def _start(*arguments: Any) -> Training:
  """Room for a state: `_advance` begins by itself, so one program is enough."""

  def room(leaf: jax.ShapeDtypeStruct) -> Array:
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
      return jnp.zeros(leaf.shape, leaf.dtype)
    return jax.device_put(np.zeros(leaf.shape, leaf.dtype))

  return jax.tree.map(room, _begun.eval_shape(*arguments))


@partial(jax.jit, static_argnums=_STATIC, donate_argnums=11)
def _advance(*arguments: Any) -> Training:
  *given, state, first, last = arguments
  start, step = program(*_of_one(given))
  state = jax.lax.cond(first == 0, start, lambda: state)
  return jax.lax.fori_loop(first, last, lambda t, s: step(s, t)[0], state)


def _train(*arguments: Any) -> Variables:
  batch, recipe = arguments[1:3]
  start, step = program(*arguments)
  steps = recipe.num_steps(minibatches(batch, recipe))
  state, _ = jax.lax.scan(step, start(), jnp.arange(steps))
  return state.found()
