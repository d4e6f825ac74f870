"""Recovery of images from a teacher: its loss, and its batch statistics.

Yin et al., Squeeze, Recover and Relabel, NeurIPS 2023 (SRe2L), after Yin et
al., Dreaming to Distill, CVPR 2020 (DeepInversion): images that the teacher
recognizes, and whose moments at each batch norm are those that it remembers of
its training data. No real row is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, take
from rdd_jax.core.numerics import safe_divide, safe_sqrt
from rdd_jax.core.sharding import each
from rdd_jax.core.transform import Chains, EmptyState, State
from rdd_jax.images.augment import Augment
from rdd_jax.networks import Variables
from rdd_jax.networks.moments import apply_with_moments
from rdd_jax.objectives.base import Objective, Step
from rdd_jax.objectives.trajectory import Trajectories


def statistics_loss(
  net: nn.Module, variables: Variables, x: Array, first: float = 1.0
) -> tuple[Array, Array]:
  """Computes how far the moments of a batch are from the running ones.

  `sum_l |mean_l - running mean_l| + |var_l - running var_l|` over batch norms,
  in the Euclidean norm over channels.

  Args:
    net: a network with batch norm.
    variables: with its running statistics.
    x: one batch of images, `f[n, H, W, C]`.
    first: what the first batch norm counts.

  Returns:
    The loss `f[]`, and the logits `f[n, o]`.

  Raises:
    UserError: for a network without batch norm.

  Source: Yin et al., CVPR 2020, eq. 4; Yin et al., NeurIPS 2023, eq. 8.
  """
  outputs, seen = apply_with_moments(net, variables, x)
  gaps = [
    _distance(own.mean, kept.mean) + _distance(own.variance, kept.variance)
    for own, kept in seen
  ]
  loss = (first - 1) * gaps[0] + jnp.sum(jnp.stack(gaps))
  return loss, outputs.logits


def _distance(a: Array, b: Array) -> Array:
  return safe_sqrt(jnp.sum((a - b) ** 2))


def batches(cells: np.ndarray, num_classes: int, rows: int) -> np.ndarray:
  """Deals the images of classes out to batches in which classes are equal.

  Where there are several times more classes than rows of a batch, each batch
  has an image of some classes, in their order.

  Args:
    cells: `i[n]`, in order, as many of each class.
    num_classes: cells from here on are outliers, which are in none.
    rows: of a batch, at least, where there are so many.

  Returns:
    `i[b, m]`, row numbers.

  >>> batches(np.array([0, 0, 0, 0, 1, 1, 1, 1, 2]), 2, 3).tolist()
  [[0, 4, 1, 5], [2, 6, 3, 7]]
  >>> batches(np.array([0, 0, 1, 1, 2, 2, 3, 3]), 4, 2).tolist()
  [[0, 2], [4, 6], [1, 3], [5, 7]]
  """
  inside = np.flatnonzero(cells < num_classes)
  by_class = inside.reshape(num_classes, -1).T  # [of a class, classes]
  count = _most_parts(len(by_class), inside.size, rows)
  if count == len(by_class):
    count *= _most_parts(num_classes, num_classes, rows)
  return by_class.reshape(count, -1)


def _most_parts(n: int, size: int, rows: int) -> int:
  """The largest divisor of `n` that leaves so many rows of `size` in a part."""
  return max(
    b for b in range(1, n + 1) if n % b == 0 and (b == 1 or size // b >= rows)
  )


def recovery(
  net: nn.Module,
  input_shape: tuple[int, ...],
  num_classes: int,
  cells: np.ndarray,
  *,
  alpha: float = 0.01,
  first: float = 10.0,
  jitter: int = 4,
  rows: int = 100,
  augment: Augment | None = None,
) -> Objective:
  """Recovers images from the first expert, as it is after its last epoch.

  `CE + alpha * R_BN` of each batch of images, shifted around by one draw.

  Args:
    net: of the teacher, with batch norm.
    input_shape: `(height, width, channels)`.
    num_classes: cells below it are in-distribution.
    cells: `i[n]`, of the rows that networks see, in order.
    alpha: weight of the statistics.
    first: what the first batch norm counts among them.
    jitter: pixels by which a batch is rolled along each axis, at most.
    rows: of a batch, at least; all batches are recovered in each step.
    augment: of each batch, after rolling.

  Returns:
    An objective with a value for each batch, and one for outliers, which are
    to have the teacher's answer to none, without statistics.

  Raises:
    UserError: for a network without batch norm.

  Deviations: released code makes one batch after the other, each of an image
    of each class; here all are made together.

  Source: Yin et al., NeurIPS 2023, eq. 7-9.

  >>> from rdd_jax.objectives.base import trace
  >>> net = networks.build('convnet', 2, width=4, depth=1, norm='batch')
  >>> objective = recovery(net, (4, 4, 1), 2, np.array([0, 0, 1, 1]), rows=2)
  >>> flat = networks.flatten(networks.init(net, jax.random.key(0), (4, 4, 1)))
  >>> trace(objective, 4, (4, 4, 1), 2, feed=flat)[0].shape
  (2,)
  """
  unflatten = networks.unflatten(net, input_shape)
  known = batches(cells, num_classes, rows)
  outliers = np.flatnonzero(cells >= num_classes)
  jax.eval_shape(  # an error comes before a teacher is trained
    lambda key, x: apply_with_moments(
      net, networks.init(net, key, input_shape), x
    )[1],
    jax.random.key(0),
    jnp.zeros((1, *input_shape)),
  )

  def moved(key: Array, x: Array) -> Array:
    by = jax.random.randint(keys.named(key, 'jitter'), (2,), 0, jitter + 1)
    x = jnp.roll(jnp.roll(x, by[0], 1), by[1], 2)
    return augment(keys.named(key, 'augment'), x) if augment else x

  def losses(
    synthetic: Batch, step: Step
  ) -> tuple[Array, Array, dict[str, Array]]:
    key, teacher = step.key, jax.lax.stop_gradient(unflatten(step.feed))

    def of_batch(given: tuple[Array, Array]) -> tuple[Array, Array]:
      some, own = take(synthetic, given[0]), jax.random.fold_in(key, given[1])
      gap, logits = statistics_loss(
        net, teacher, moved(own, some.inputs), first
      )
      said = optax.softmax_cross_entropy(logits, some.targets).mean()
      return said, gap

    numbers = jnp.arange(len(known))
    said, gap = each(of_batch, (jnp.asarray(known), numbers))
    values = said + alpha * gap
    metrics = {'cross_entropy': said.mean(), 'statistics': gap.mean()}
    if len(outliers):
      none = take(synthetic, jnp.asarray(outliers))
      logits = networks.apply(net, teacher, moved(key, none.inputs)).logits
      apart = optax.softmax_cross_entropy(logits, none.targets)
      mean = safe_divide(none.weights @ apart, none.weights.sum())
      values = jnp.concatenate([values, mean[None]])
      metrics['outliers'] = mean
    return values, jnp.ones_like(values), metrics

  def advance(synthetic: Batch, step: Step) -> tuple[State, Chains]:
    del synthetic
    return step.state, step.chains

  return Objective(
    lambda key: EmptyState(), losses, advance, last_of_first, in_parts=True
  )


def last_of_first(
  seed: Sequence[int], step: int, experts: Trajectories
) -> np.ndarray:
  """Returns the last snapshot `f[p]` of the first expert, at every step.

  Args:
    seed: not looked at.
    step: likewise.
    experts: their snapshots, flat.
  """
  del seed, step
  return np.asarray(experts[0][-1])
