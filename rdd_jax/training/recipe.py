"""How a network is trained from scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax import Array
import optax

from rdd_jax.core.errors import UserError, choose
from rdd_jax.core.losses import RowLosses, cross_entropy
from rdd_jax.images.augment import Augment
from rdd_jax.images.mixup import ALPHA

SCHEDULES: dict[str, Callable[[Any, int], optax.Schedule]] = {
  'constant': lambda rate, n: optax.constant_schedule(rate),
  'step': lambda rate, n: optax.piecewise_constant_schedule(
    rate, {n // 2: 0.1}
  ),
  'milestones': lambda rate, n: optax.piecewise_constant_schedule(
    rate, {2 * n // 3: 0.2, 5 * n // 6: 0.2}
  ),
  'cosine': lambda rate, n: optax.cosine_decay_schedule(rate, n),
  'half_cosine': lambda rate, n: optax.cosine_decay_schedule(rate, 2 * n),
  'warmup': lambda rate, n: optax.warmup_cosine_decay_schedule(
    0.0, rate, n // 2, n
  ),
}


def _kernels(params: Any) -> Any:
  """Tells which parameters decay by 'adamw': no biases, nor those of norms."""
  return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


OPTIMIZERS = {
  'sgd': lambda rate, momentum: optax.sgd(rate, momentum),
  'adam': lambda rate, momentum: optax.adam(rate),
  'adamw': lambda rate, momentum: optax.adam(rate),  # and its decay
}


@dataclass(frozen=True)
class Recipe:
  """Describes how a network trains; hashable: equal recipes share a program.

  Attributes:
    epochs: passes over the rows; give either this or `steps`.
    steps: SGD steps.
    batch_size: rows in a step; None takes all. Rows are dealt out evenly, so
      100 rows by at most 64 are two minibatches of 50.
    learning_rate: the largest rate.
    schedule: 'constant'; 'step', x0.1 after half (DC, DSA); 'milestones', x0.2
      after 2/3 and 5/6 (IDC); 'cosine'; 'half_cosine', its first half, which
      ends at half the rate (RDED); 'warmup', linear over the first half and
      cosine after it (MTT, GLaD).
    optimizer: 'sgd' with `momentum`, 'adam', or 'adamw'.
    momentum: of 'sgd'.
    weight_decay: times the parameters, added to the gradient (as in PyTorch);
      'adamw' adds it to the step instead, to that of kernels alone.
    augment: acts on every minibatch, after preprocessing.
    cutmix: the probability that a step mixes its rows; see `images.mixup.mix`
      where `mixup` is set too.
    mixup: likewise.
    mixup_alpha: of its shares, Beta(alpha, alpha).
    ema: the decay of the average of the weights that is returned; None returns
      the last weights. Early steps decay faster, by (1 + t) / (10 + t).
    losses: what is made small.

  Raises:
    UserError: for both or neither of `epochs` and `steps`, or an unknown
      schedule or optimizer.
  """

  epochs: int | None = None
  steps: int | None = None
  batch_size: int | None = None
  learning_rate: float = 0.01
  schedule: str = 'constant'
  optimizer: str = 'sgd'
  momentum: float = 0.9
  weight_decay: float = 5e-4
  augment: Augment | None = None
  cutmix: float = 0.0
  mixup: float = 0.0
  mixup_alpha: float = ALPHA
  ema: float | None = None
  losses: RowLosses = cross_entropy

  def __post_init__(self) -> None:
    if (self.epochs is None) == (self.steps is None):
      raise UserError(
        f'a recipe takes either epochs or steps, got epochs={self.epochs} and '
        f'steps={self.steps}; set one of them'
      )
    choose('schedule', self.schedule, SCHEDULES)
    choose('optimizer', self.optimizer, OPTIMIZERS)

  def num_steps(self, minibatches: int) -> int:
    """Returns the SGD steps in all, given the minibatches of an epoch."""
    if self.epochs is not None:
      return self.epochs * minibatches
    assert self.steps is not None  # __post_init__ saw to one of the two
    return self.steps

  def gradient_transformation(
    self, n: int, learning_rate: Array | float | None = None
  ) -> optax.GradientTransformation:
    """Builds the optimizer of a run of `n` steps.

    Args:
      n: SGD steps, the length of the schedule.
      learning_rate: instead of the recipe's; may be traced.
    """
    if learning_rate is None:
      learning_rate = self.learning_rate
    rate = SCHEDULES[self.schedule](learning_rate, n)
    if self.optimizer == 'adamw':
      return optax.adamw(rate, weight_decay=self.weight_decay, mask=_kernels)
    rule = OPTIMIZERS[self.optimizer](rate, self.momentum)
    return optax.chain(optax.add_decayed_weights(self.weight_decay), rule)
