"""Distribution matching in the features of random networks (DM).

Zhao and Bilen, Dataset Condensation with Distribution Matching, WACV 2023,
eq. 5: for a freshly initialized network, the squared distance between the mean
features of the real and of the synthetic rows of a class, both seen through the
same augmentation.
"""

from __future__ import annotations

import flax.linen as nn
from jax import Array
import jax.numpy as jnp

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import Chains, State
from rdd_jax.images.augment import Augment
from rdd_jax.objectives.base import Objective, Step
from rdd_jax.objectives.cells import map_cells, weighted_mean


def distribution_matching(
  net: nn.Module,
  input_shape: tuple[int, ...],
  num_cells: int,
  *,
  real_rows: int,
  synthetic_rows: int,
  augment: Augment | None = None,
) -> Objective:
  """Matches mean features, cell by cell, in a new random network each step.

  `|mean_r f(A(x_r)) - mean_s f(A(x_s))|^2` of each cell, by the features `f` of
  the network, both sides under one augmentation `A`.

  Args:
    net: whose features are matched.
    input_shape: `(height, width, channels)`.
    num_cells: classes and outlier slots.
    real_rows: the most real rows of a cell that are matched.
    synthetic_rows: the most synthetic rows of a cell.
    augment: Siamese; drawn once for each cell and step.

  Returns:
    An objective with one value for each cell. Its metric `unmatched` is the
    share of real mass beyond `real_rows`.

  Deviations:
    Features are flattened last-block activations, as in the released code.

  Source: Zhao and Bilen, WACV 2023, eq. 5.

  >>> from rdd_jax.objectives.base import trace
  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> objective = distribution_matching(
  ...   net, (2, 2, 1), 2, real_rows=4, synthetic_rows=2
  ... )
  >>> trace(objective, 4, (2, 2, 1), 2)[0].shape
  (2,)
  """

  def init(key: Array) -> State:
    return networks.init(net, key, input_shape)

  def losses(
    synthetic: Batch, step: Step
  ) -> tuple[Array, Array, dict[str, Array]]:
    def embed(batch: Batch) -> Array:
      features = networks.apply(net, step.state, batch.inputs).features
      return weighted_mean(features, batch.weights)

    return map_cells(
      embed,
      lambda s, r: jnp.sum((s - r) ** 2),
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
    del synthetic
    return init(step.key), step.chains

  return Objective(init, losses, advance, in_parts=True)
