"""How an expert trains on real data, an epoch at a time.

Experts of MTT are plain SGD; those of FTD (Du et al., Minimizing the
Accumulated Trajectory Error, CVPR 2023) and DATM seek flat minima by GSAM
(Zhuang et al., Surrogate Gap Minimization Improves Sharpness-Aware Training,
ICLR 2022).

Deviations: GSAM's radius is constant, not scheduled with the learning rate.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import optax

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, with_inputs
from rdd_jax.core.feed import Drawn, Window, draw_steps, of_step
from rdd_jax.core.losses import RowLosses, cross_entropy
from rdd_jax.core.measure import Measure
from rdd_jax.core.numerics import safe_divide
from rdd_jax.core.sharding import constrain
from rdd_jax.core.streamed import Images
from rdd_jax.core.transform import BoundTransform
from rdd_jax.images.augment import Augment
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables
from rdd_jax.training import sgd
from rdd_jax.training.sgd import Learner


class ExpertState(NamedTuple):
  """Holds an expert, and the state of the chain that edits its rows."""

  learner: Learner
  edit: BoundTransform


class Expert(NamedTuple):
  """Trains experts by pure functions.

  Attributes:
    init: `(key) -> ExpertState`.
    epoch: `(state, key, images u8[N, H, W, C], measure) -> state`.
    draw: `(key, images, measure)` to what the steps of an epoch take: keys
      `[steps]`, and rows, a batch of `[steps, n]` whose inputs are numbers.
    part: `(state, drawn, images, first, last) -> state` after the steps
      `[first, last)` of an epoch, by one program for all numbers; of images,
      or of a window of a stream, see `core.feed`.
    count: `(N) -> steps of an epoch`.
    size: `(N) -> rows of a step`.
  """

  init: Callable[[Array], ExpertState]
  epoch: Callable[[ExpertState, Array, Images, Measure], ExpertState]
  draw: Callable[[Array, Images, Measure], Drawn]
  part: Callable[
    [ExpertState, Drawn, Images | Window, Array | int, Array | int], ExpertState
  ]
  count: Callable[[int], int]
  size: Callable[[int], int]


def flat_gradient(
  net: nn.Module,
  variables: Variables,
  batch: Batch,
  num_classes: int,
  *,
  radius: float,
  alpha: float,
  losses: RowLosses = cross_entropy,
) -> tuple[Variables, Variables]:
  """Computes GSAM's gradient: sharpness falls, and so does the surrogate gap.

  `s - alpha * (g - <g, s> / <s, s> * s)`, with `g` the gradient at `theta`, and
  `s` that at `theta + radius * g / |g|`. With `alpha=0` it is SAM's; with
  `radius=0` the ordinary one.

  Args:
    net: the network.
    variables: its parameters and batch statistics.
    batch: `n` rows.
    num_classes: cells below it are in-distribution.
    radius: of the ascent, not negative.
    alpha: weight of the part of `g` that is orthogonal to `s`.
    losses: of rows, `f[n]`.

  Returns:
    The gradient in the parameters, and the new batch statistics.

  Source: Zhuang et al., ICLR 2022, eq. 5 and algorithm 1.
  """
  plain, _ = sgd.gradient(net, variables, batch, num_classes, losses)
  length = radius / (optax.tree.norm(plain) + 1e-12)
  params = jax.tree.map(lambda p, g: p + length * g, variables['params'], plain)
  steep, stats = sgd.gradient(
    net, {**variables, 'params': params}, batch, num_classes, losses
  )
  square = jnp.asarray(optax.tree.vdot(steep, steep))
  share = safe_divide(optax.tree.vdot(plain, steep), square)
  grads = jax.tree.map(lambda s, g: s - alpha * (g - share * s), steep, plain)
  return grads, stats


def expert(
  net: nn.Module,
  tx: optax.GradientTransformation,
  input_shape: tuple[int, ...],
  num_classes: int,
  *,
  preprocess: Preprocessing,
  batch_size: int,
  steps: int = 0,
  augment: Augment | None = None,
  radius: float = 0.0,
  alpha: float = 0.0,
  losses: RowLosses = cross_entropy,
  edit: BoundTransform,
) -> Expert:
  """Makes experts on a measure, each minibatch edited by a chain.

  Args:
    net: the network.
    tx: its optimizer.
    input_shape: `(height, width, channels)`.
    num_classes: cells below it are in-distribution.
    preprocess: from uint8 images to network inputs.
    batch_size: rows of a step; at most those of the data set.
    steps: of an epoch; 0 goes once through the data set, and drops an
      incomplete last batch. An epoch draws from the measure by inverse CDF, so
      where all weights are equal it takes (nearly) every row once.
    augment: of each image on its own.
    radius: of GSAM; 0 is plain SGD.
    alpha: of GSAM.
    losses: what an expert makes small.
    edit: the chain and its first state; scored by the expert as it is.

  The rows of a step are shared out to the devices of a mesh that is set, as far
  as they divide; statistics of a batch norm are those of all of them.
  """

  def init(key: Array) -> ExpertState:
    return ExpertState(sgd.init(net, tx, key, input_shape), edit)

  def count(n: int) -> int:
    return steps or n // size(n)

  def size(n: int) -> int:
    return min(batch_size, n)

  def draw(key: Array, images: Images, measure: Measure) -> Drawn:
    n = len(images)
    return draw_steps(key, images, measure, count(n), size(n))

  def step(
    images: Images | Window, drawn: Drawn, t: Array, state: ExpertState
  ) -> ExpertState:
    key, batch = jax.tree.map(lambda x: x[t], drawn)
    batch = constrain(batch)
    inputs = preprocess(of_step(images, batch.inputs, t))
    if augment:
      inputs = augment(keys.named(key, 'augment'), inputs)
    current, rows = state.learner, with_inputs(batch, inputs)
    batch, edited = state.edit(
      rows,
      key=keys.named(key, 'edit'),
      score=sgd.scorer(net, current.variables),
      synthetic=rows,
    )
    if radius:
      grads, stats = flat_gradient(
        net,
        current.variables,
        batch,
        num_classes,
        radius=radius,
        alpha=alpha,
        losses=losses,
      )
    else:
      grads, stats = sgd.gradient(
        net, current.variables, batch, num_classes, losses
      )
    return ExpertState(sgd.update(tx, current, grads, stats), edited)

  def epoch(
    state: ExpertState, key: Array, images: Images, measure: Measure
  ) -> ExpertState:
    drawn = draw(key, images, measure)
    return part(state, drawn, images, 0, count(len(images)))

  def part(
    state: ExpertState,
    drawn: Drawn,
    images: Images | Window,
    first: Array | int,
    last: Array | int,
  ) -> ExpertState:
    return jax.lax.fori_loop(first, last, partial(step, images, drawn), state)

  return Expert(init, epoch, draw, part, count, size)
