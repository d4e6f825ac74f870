"""Mixup: each image and its target averaged with those of another row."""

from __future__ import annotations

from dataclasses import replace

import jax
from jax import Array

from rdd_jax.core.batch import Batch
from rdd_jax.core.keys import named
from rdd_jax.images.cutmix import cutmix, drawn

ALPHA = 0.8  # of the students of SRe2L


def mixup(
  key: Array,
  batch: Batch,
  alpha: float = ALPHA,
  probability: float | Array = 0.5,
) -> Batch:
  """Averages each row with another one, and their targets alike.

  The share and the coin are drawn once a call. A row keeps its weight, cell,
  group and index, so mix before outliers are appended.

  Args:
    key: a random key.
    batch: inputs `f[n, H, W, C]`.
    alpha: the kept share of a row is drawn from Beta(alpha, alpha), above 0.
    probability: of mixing at all.

  Deviations: partners are drawn in proportion to the weights, not by a
    permutation, as in `cutmix`.

  Source: Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018.
  """
  partner, keep = drawn(key, batch, alpha)
  mixes = jax.random.bernoulli(named(key, 'coin'), probability)
  share = (mixes * (1 - keep)).astype(batch.targets.dtype)

  def mixed(rows: Array) -> Array:
    return (1 - share) * rows + share * rows[partner]

  return replace(
    batch, inputs=mixed(batch.inputs), targets=mixed(batch.targets)
  )


def mix(
  key: Array,
  batch: Batch,
  cutmix_probability: float = 0.0,
  mixup_probability: float = 0.0,
  alpha: float = ALPHA,
) -> Batch:
  """Mixes rows by CutMix, by mixup, or by one of them, each as often.

  Args:
    key: a random key.
    batch: inputs `f[n, H, W, C]`.
    cutmix_probability: that a call which may use CutMix does; 0 never may.
    mixup_probability: likewise, of mixup. Where both may be, a fair coin says
      which one.
    alpha: of mixup.

  >>> import jax.numpy as jnp
  >>> rows = Batch(jnp.ones((2, 4, 4, 1)), jnp.eye(2), *jnp.ones((4, 2)))
  >>> mix(jax.random.key(0), rows) is rows
  True
  """
  cuts: float | Array = cutmix_probability
  blends: float | Array = mixup_probability
  if cuts and blends:
    first = jax.random.bernoulli(named(key, 'which'))
    cuts, blends = cuts * first, blends * ~first
  # A probability of 0 changes nothing, so that one after the other is one.
  if cutmix_probability:
    batch = cutmix(named(key, 'cutmix'), batch, probability=cuts)
  if mixup_probability:
    batch = mixup(named(key, 'mixup'), batch, alpha, blends)
  return batch
