"""Random feature approximation of the NNGP kernel (RFAD).

Loo, Hasani, Amini and Rus, Efficient Dataset Distillation using Random Feature
Approximation, NeurIPS 2022.
"""

from __future__ import annotations

import math
from typing import Any

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch
from rdd_jax.core.sharding import each
from rdd_jax.core.transform import Chains, State
from rdd_jax.kernels import Finite
from rdd_jax.objectives.base import Step
from rdd_jax.objectives.regression.base import (
  Method,
  Regression,
  feature_regression,
)


def rfad(
  network: Finite,
  input_shape: tuple[int, ...],
  *,
  number: int = 8,
  ridge: float = 5e-3,
) -> Method:
  """Regresses on the features of random networks, drawn anew for each step.

  The kernel is the mean over the networks of `w_std**2 phi phi' / d + b_std**2`
  (eq. 5), an estimate of the NNGP kernel.

  Args:
    network: in the NTK parametrization; see `rdd_jax.kernels`.
    input_shape: `(height, width, channels)`.
    number: of networks.
    ridge: relative to the trace.

  Deviations:
    float32, and an exact trace-relative ridge. The learned matrix in front of
    the images is left out. Networks are drawn anew at each step.

  Source: Loo, Hasani, Amini and Rus, NeurIPS 2022, eq. 5.

  >>> from rdd_jax.kernels import finite_fully_connected
  >>> from rdd_jax.objectives.regression.base import regression_matching
  >>> from rdd_jax.objectives.base import trace
  >>> method = rfad(finite_fully_connected(1, 8), (2, 2, 1), number=3)
  >>> objective = regression_matching(method, 2, 2)
  >>> trace(objective, 4, (2, 2, 1), 2)[0].shape
  (2,)
  """

  def init(key: Array) -> Any:
    drawn = jax.random.split(keys.named(key, 'networks'), number)
    return jax.vmap(lambda k: network.init(k, input_shape))(drawn)

  def regression(state: State) -> Regression:
    def features(x: Array) -> Array:
      found = each(lambda params: network.features(params, x), state)
      joined = jnp.moveaxis(found, 0, 1).reshape(x.shape[0], -1)
      return joined / math.sqrt(number)

    return feature_regression(features, ridge)

  def advance(synthetic: Batch, step: Step) -> tuple[State, Chains]:
    del synthetic
    return init(step.key), step.chains

  return Method(init, regression, advance)
