"""Matching each group of a class apart: risks over their discrepancies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import Batch
from rdd_jax.objectives.base import Objective, Step


def by_group(
  make: Callable[[int, int], Objective],
  num_classes: int,
  num_cells: int,
  num_groups: int,
) -> Objective:
  """Matches each pair of cell and group apart, with one value for each pair.

  The synthetic rows of a cell are matched with each of its groups. Under the
  risk `total` that is FairDD, under `worst` or `cvar` its group-robust variant.

  Args:
    make: `(num_classes, num_cells) -> Objective`, one that matches cell by
      cell.
    num_classes: cells below it are in-distribution.
    num_cells: classes and outlier slots.
    num_groups: rows of no group stay unmatched; those of outlier cells are
      matched as they are.

  Returns:
    An objective with a value for each pair, cell by cell; a pair without real
    rows has mass 0.

  Source: Zhou et al. 2025, arXiv 2411.19623 (FairDD).

  >>> from rdd_jax import networks
  >>> from rdd_jax.objectives.distribution import distribution_matching
  >>> from rdd_jax.objectives.base import trace
  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> objective = by_group(
  ...   lambda classes, cells: distribution_matching(
  ...     net, (2, 2, 1), cells, real_rows=4, synthetic_rows=2
  ...   ),
  ...   2, 2, num_groups=3,
  ... )
  >>> trace(objective, 4, (2, 2, 1), 2)[0].shape
  (6,)
  """
  plain = make(num_classes, num_cells)
  paired = make(num_classes * num_groups, num_cells * num_groups)

  def losses(
    synthetic: Batch, step: Step
  ) -> tuple[Array, Array, dict[str, Array]]:
    return paired.losses(
      _with_each_group(synthetic, num_groups),
      step._replace(real=_in_pairs(step.real, num_classes, num_groups)),
    )

  return Objective(
    plain.init, losses, plain.advance, plain.feed, plain.in_parts
  )


def _in_pairs(real: Batch, num_classes: int, num_groups: int) -> Batch:
  grouped = (real.groups >= 0) & (real.groups < num_groups)
  group = jnp.where(grouped, real.groups, 0)
  known = grouped | (real.cells >= num_classes)
  pair = real.cells * num_groups + group
  return replace(real, cells=jnp.where(known & (real.cells >= 0), pair, -1))


def _with_each_group(synthetic: Batch, num_groups: int) -> Batch:
  rows = jax.tree.map(lambda x: jnp.repeat(x, num_groups, 0), synthetic)
  group = jnp.tile(jnp.arange(num_groups), len(synthetic.cells))
  return replace(rows, cells=rows.cells * num_groups + group)
