"""Gradient matching along a network's training (DC, DSA, IDC).

Zhao, Mopuri and Bilen, Dataset Condensation with Gradient Matching, ICLR 2021,
eq. 9-10 and algorithm 1; Zhao and Bilen, Dataset Condensation with
Differentiable Siamese Augmentation, ICML 2021; Kim et al., Dataset Condensation
via Efficient Synthetic-Data Parameterization, ICML 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax import networks
from rdd_jax.core.batch import Batch, Look
from rdd_jax.core.numerics import safe_divide, safe_sqrt
from rdd_jax.core.sharding import sum_in_blocks
from rdd_jax.core.transform import Chains, State
from rdd_jax.images.augment import Augment
from rdd_jax.networks import Variables
from rdd_jax.objectives.base import Objective, Step
from rdd_jax.objectives.cells import map_cells
from rdd_jax.training import sgd
from rdd_jax.training.inner import Inner, train
from rdd_jax.training.sgd import Learner

Distance = Callable[[Variables, Variables], Array]


def cosine(a: Variables, b: Variables) -> Array:
  """Returns one minus the cosine, summed over output units (DC, eq. 10).

  `sum_i (1 - <a_i, b_i> / (|a_i| |b_i|))` over the output units `i` of all
  layers; the last axis of a kernel counts them. One-dimensional parameters,
  that is biases and normalization, are left out, as in the released code.

  Args:
    a: gradients, a tree of parameters.
    b: likewise, of the same shapes.

  Returns:
    `f[]`.
  """

  def layer(a: Array, b: Array) -> Array:
    a, b = a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1])
    # sqrt has no gradient at zero, where a dead unit puts it.
    norm = safe_sqrt((a**2).sum(0)) * safe_sqrt((b**2).sum(0))
    return jnp.sum(1 - (a * b).sum(0) / (norm + 1e-6))

  return _over_leaves(layer, a, b, lambda leaf: leaf.ndim > 1)


def squared(a: Variables, b: Variables) -> Array:
  """Returns the summed squared difference over convolution kernels (IDC).

  Args:
    a: gradients, a tree of parameters.
    b: likewise, of the same shapes.
  """
  return _over_leaves(lambda a, b: jnp.sum((a - b) ** 2), a, b, _is_kernel)


def absolute(a: Variables, b: Variables) -> Array:
  """Returns the summed absolute difference over convolution kernels (IDC).

  Args:
    a: gradients, a tree of parameters.
    b: likewise, of the same shapes.
  """
  return _over_leaves(lambda a, b: jnp.sum(jnp.abs(a - b)), a, b, _is_kernel)


DISTANCES: dict[str, Distance] = {
  'cosine': cosine,
  'mse': squared,
  'l1': absolute,
}


def _is_kernel(leaf: Array) -> bool:
  return leaf.ndim == 4


def _over_leaves(
  layer: Callable[[Array, Array], Array],
  a: Variables,
  b: Variables,
  keep: Callable[[Array], bool],
) -> Array:
  pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
  terms = [layer(x, y) for x, y in pairs if keep(x)]
  if not terms:
    raise ValueError(
      'this distance compares convolution kernels, and the network has none: '
      "use distance='cosine'"
    )
  return jnp.sum(jnp.stack(terms))


class GradientState(NamedTuple):
  """The network along whose training gradients are matched."""

  learner: Learner
  age: Array  # i[]: matchings since it was initialised


def gradient_matching(
  net: nn.Module,
  input_shape: tuple[int, ...],
  num_classes: int,
  num_cells: int,
  *,
  real_rows: int,
  synthetic_rows: int,
  inner: Inner,
  outer: int,
  distance: Distance = cosine,
  augment: Augment | None = None,
) -> Objective:
  """Matches the loss gradients of real and synthetic rows, cell by cell.

  `D(grad_w L(A(x_r), w), grad_w L(A(x_s), w))` of each cell, along the training
  of the network's parameters `w`.

  A network lives for `outer` matchings and trains between them; then a new one
  is drawn. One step of the distiller is one matching of all cells.

  Args:
    net: whose parameter gradients are matched.
    input_shape: `(height, width, channels)`.
    num_classes: cells below it are in-distribution.
    num_cells: classes and outlier slots.
    real_rows: the most real rows of a cell that are matched.
    synthetic_rows: the most synthetic rows of a cell.
    inner: how the network trains between matchings, and on which rows.
    outer: matchings in the life of a network.
    distance: between two gradients.
    augment: Siamese; drawn once for each cell and step.

  Returns:
    An objective with one value for each cell. Its metric `unmatched` is the
    share of real mass beyond `real_rows`.

  Deviations:
    All cells are matched at the same synthetic set, and one optimizer step
    follows; IDC's released code takes a step after each class. Networks with
    batch statistics are matched in training mode, with the statistics of the
    cell's own rows.

  Source: Zhao, Mopuri and Bilen, ICLR 2021, eq. 9-10 (DC); Zhao and Bilen, ICML
    2021 (DSA); Kim et al., ICML 2022 (IDC).

  >>> import optax
  >>> from rdd_jax.objectives.base import trace
  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> inner = Inner(optax.sgd(0.1), steps=1, batch_size=4)
  >>> objective = gradient_matching(
  ...   net, (2, 2, 1), 2, 2, outer=3,
  ...   inner=inner, real_rows=4, synthetic_rows=2,
  ... )
  >>> trace(objective, 4, (2, 2, 1), 2)[0].shape
  (2,)
  """

  def init(key: Array) -> State:
    fresh = sgd.init(net, inner.optimizer, key, input_shape)
    return GradientState(fresh, jnp.zeros([], jnp.int32))

  def losses(
    synthetic: Batch, step: Step
  ) -> tuple[Array, Array, dict[str, Array]]:
    variables = step.state.learner.variables

    def gradient(batch: Batch) -> Variables:
      mass = batch.weights.sum()

      def of_rows(rows: Batch) -> Variables:
        def cell_loss(params: Variables) -> Array:
          outputs, _ = networks.apply_training(
            net, {**variables, 'params': params}, rows.inputs
          )
          values = inner.losses(outputs.logits, rows, num_classes)
          return safe_divide(rows.weights @ values, mass)

        return jax.grad(cell_loss)(variables['params'])

      size = networks.block_size(variables, batch.inputs, training=True)
      return sum_in_blocks(of_rows, batch, size)

    return map_cells(
      gradient,
      distance,
      step.key,
      step.real,
      synthetic,
      num_cells=num_cells,
      real_rows=real_rows,
      synthetic_rows=synthetic_rows,
      augment=augment,
      look=step.look,
    )

  def advance(synthetic: Batch, step: Step) -> tuple[State, Chains]:
    if outer == 1:
      return init(step.key), step.chains

    def trained() -> tuple[State, Chains]:
      place = 'training' if inner.data == 'real' else 'student'
      new, edited = train(
        net,
        inner,
        step.state.learner,
        step.real if inner.data == 'real' else synthetic,
        num_classes,
        key=step.key,
        edit=getattr(step.chains, place),
        synthetic=synthetic,
        look=step.look if inner.data == 'real' else Look(),
      )
      return (
        GradientState(new, step.state.age + 1),
        step.chains._replace(**{place: edited}),
      )

    return jax.lax.cond(
      step.state.age + 1 == outer,
      lambda: (init(step.key), step.chains),
      trained,
    )

  return Objective(init, losses, advance, in_parts=True)
