"""CutMix: boxes of one image pasted into another, and targets mixed alike."""

from __future__ import annotations

from dataclasses import replace

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import Batch
from rdd_jax.core.keys import named
from rdd_jax.images.draws import box, draw


def cutmix(
  key: Array,
  batch: Batch,
  beta: float = 1.0,
  probability: float | Array = 0.5,
) -> Batch:
  """Pastes one box of another row into each row, and mixes their targets.

  The box and the coin are drawn once a call, as IDC trains. A row keeps its
  weight, cell, group and index, so mix before outliers are appended.

  Args:
    key: a random key.
    batch: inputs `f[n, H, W, C]`.
    beta: the kept share of a row is drawn from Beta(beta, beta).
    probability: of mixing at all.

  Deviations: partners are drawn in proportion to the weights, not by a
    permutation: no masked row enters, and the expected target measure stays.

  Source: Yun et al., CutMix, ICCV 2019.
  """
  images, targets = batch.inputs, batch.targets
  partner, keep = drawn(key, batch, beta)
  mixes = jax.random.bernoulli(named(key, 'coin'), probability)
  u = draw(named(key, 'box'), 2, images, True)
  inside = box(u, images, mixes * jnp.sqrt(1 - keep))
  share = inside.mean(dtype=targets.dtype)
  return replace(
    batch,
    inputs=jnp.where(inside, images[partner], images),
    targets=(1 - share) * targets + share * targets[partner],
  )


def drawn(key: Array, batch: Batch, beta: float) -> tuple[Array, Array]:
  """Draws which rows are mixed into rows, and the share that these keep.

  Args:
    key: a random key.
    batch: `n` rows, of which partners are drawn by their weights.
    beta: of Beta(beta, beta).

  Returns:
    `i[n]`, and `f[]` in [0, 1].
  """
  n = batch.weights.shape[0]
  partner = jax.random.choice(named(key, 'partner'), n, (n,), p=batch.weights)
  if beta == 1:  # is uniform, compiled sooner
    return partner, jax.random.uniform(named(key, 'share'))
  return partner, jax.random.beta(named(key, 'share'), beta, beta)
