"""Neural feature regression with pooling (FRePo).

Zhou, Nezhadarya and Ba, Dataset Distillation using Neural Feature Regression,
NeurIPS 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.losses import SquaredError
from rdd_jax.objectives.regression.base import (
  Method,
  Regression,
  feature_regression,
)
from rdd_jax.objectives.regression.pool import Pool, PoolState


@dataclass(frozen=True)
class MarginLoss:
  """Half the squared error, less the margin of the prediction, up to a bound.

  As in the released code: `0.5 |z - y|^2 - min(top1 - top2, bound)`.

  Attributes:
    bound: beyond which a margin is no better; None is one over the outputs.
  """

  bound: float | None = None

  def __call__(self, logits: Array, batch: Batch, num_classes: int) -> Array:
    two = jax.lax.top_k(logits, 2)[0]
    bound = 1 / logits.shape[1] if self.bound is None else self.bound
    margin = jnp.minimum(two[:, 0] - two[:, 1], bound)
    # No class is meant to win an outlier.
    known = batch.cells < num_classes
    return SquaredError()(logits, batch, num_classes) - jnp.where(
      known, margin, 0.0
    )


def frepo(net: nn.Module, pool: Pool, *, ridge: float = 1e-6) -> Method:
  """Regresses on the features of a network that trains on the synthetic set.

  The kernel is the inner product of its last hidden features, without a bias.

  Args:
    net: of the pool.
    pool: of networks; one is in use at each step.
    ridge: relative to the trace.

  Deviations:
    Features are those of evaluation mode. Real rows are drawn class by class.
    Pool and keys are in the checkpoint, so that a resumed run is the same run.

  Source: Zhou, Nezhadarya and Ba, NeurIPS 2022, algorithm 1.

  >>> from rdd_jax.objectives.regression.base import regression_matching
  >>> from rdd_jax.objectives.base import trace
  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> import optax
  >>> from rdd_jax.objectives import Inner, pool
  >>> inner = Inner(optax.adam(1e-2), steps=1, batch_size=4)
  >>> networks_in_training = pool(net, inner, (2, 2, 1), 2, size=3, lifetime=9)
  >>> objective = regression_matching(frepo(net, networks_in_training), 2, 2)
  >>> trace(objective, 4, (2, 2, 1), 2)[0].shape
  (2,)
  """

  def regression(state: PoolState) -> Regression:
    variables = pool.current(state).variables
    return feature_regression(
      lambda x: networks.apply(net, variables, x).features, ridge
    )

  return Method(pool.init, regression, pool.advance)
