"""Differentiating through a whole training (BPTT, RaT-BPTT).

Feng et al., Embarrassingly Simple Dataset Distillation, ICLR 2024: the loss on
real rows of a network that was trained on the synthetic set, differentiated
through a window of the training at a random, or late, place. With the window as
long as the training it is back-propagation through time (Wang et al., Dataset
Distillation, arXiv 1811.10959).
"""

from __future__ import annotations

from dataclasses import replace

import flax.linen as nn
import jax
from jax import Array

from rdd_jax import networks
from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, group_mean
from rdd_jax.core.transform import Chains, State
from rdd_jax.core.unroll import Adjoint, checkpointed, truncated
from rdd_jax.images.augment import Augment
from rdd_jax.objectives.base import Objective, Step
from rdd_jax.training import sgd
from rdd_jax.training.inner import Inner, train


def unrolled(
  net: nn.Module,
  input_shape: tuple[int, ...],
  num_classes: int,
  num_cells: int,
  *,
  inner: Inner,
  window: int,
  earliest: int | None = None,
  augment: Augment | None = None,
  adjoint: Adjoint | None = None,
) -> Objective:
  """Computes the loss on real rows of a student trained on the synthetic ones.

  The `training` chain edits the real rows, scored by that student.

  Args:
    net: a new one is drawn at each step.
    input_shape: `(height, width, channels)`.
    num_classes: cells below it are in-distribution.
    num_cells: classes and outlier slots.
    inner: how the student trains; at most `inner.steps`.
    window: the steps that are differentiated, at most `inner.steps`.
    earliest: the window starts at random between this step and the last that
      leaves it room, and training ends with it (RaT-BPTT); None always takes
      the last one.
    augment: of real rows.
    adjoint: how the window is differentiated; by default exactly, keeping the
      parameters of each step.

  Returns:
    An objective with one value for each cell: the mean cross-entropy of its
    rows. Under the risk `mean()` they make the loss of all rows.

  Raises:
    ValueError: where the window does not fit.

  Deviations:
    The place of the window is drawn at each step, not for each epoch. Learned
    labels are softmax outputs, not clipped at zero.

  Source: Feng et al., ICLR 2024, algorithm 1.

  >>> import optax
  >>> from rdd_jax.objectives.base import trace
  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> inner = Inner(optax.adam(0.01), steps=4, batch_size=4)
  >>> objective = unrolled(
  ...   net, (2, 2, 1), 2, 2, inner=inner, window=2, earliest=0
  ... )
  >>> trace(objective, 4, (2, 2, 1), 2)[0].shape
  (2,)
  """
  last = inner.steps - window
  if window < 0 or not 0 <= (earliest or 0) <= last:
    raise ValueError(
      f'a window of {window} steps from step {earliest or 0} on does not fit '
      f'into {inner.steps}: lower window or earliest, or raise inner.steps'
    )

  def init(key: Array) -> State:
    return sgd.init(net, inner.optimizer, key, input_shape)

  def losses(
    synthetic: Batch, step: Step
  ) -> tuple[Array, Array, dict[str, Array]]:
    key, real = step.key, step.real
    start = last
    if earliest is not None:
      start = jax.random.randint(
        keys.named(key, 'start'), (), earliest, last + 1
      )
    student, _ = train(
      net,
      inner,
      step.state,
      synthetic,
      num_classes,
      key=keys.named(key, 'student'),
      edit=step.chains.student,
      synthetic=jax.lax.stop_gradient(synthetic),
      step_size=1.0 if step.step_size is None else step.step_size,
      adjoint=truncated(window, start, within=adjoint or checkpointed()),
    )
    if augment:
      inputs = augment(keys.named(key, 'augment'), real.inputs)
      real = replace(real, inputs=inputs)
    judged, _ = step.chains.training(
      real,
      key=keys.named(key, 'training'),
      score=sgd.scorer(net, student.variables),
      synthetic=jax.lax.stop_gradient(synthetic),
    )
    logits = networks.apply(net, student.variables, judged.inputs).logits
    values, mass = group_mean(
      inner.losses(logits, judged, num_classes),
      judged.weights,
      judged.cells,
      num_cells,
    )
    return values, mass, {}

  def advance(synthetic: Batch, step: Step) -> tuple[State, Chains]:
    del synthetic
    return init(step.key), step.chains

  return Objective(init, losses, advance)
