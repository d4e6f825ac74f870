"""Wrong labels that look like what they say.

People confuse an image with a class that it resembles: labels then depend on
the image, not on its class alone, and a probe that learns from them shares the
confusion. No count of labels tells this from images that are hard (Liu, 2021,
Understanding Instance-Level Label Noise), but the pairs of classes do: where
wrong labels go to classes that the probe itself can hardly tell apart, they are
taken to go to the images that resemble these, too.
"""

from __future__ import annotations

import chex
from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike

from rdd_jax.core.numerics import safe_divide

MOST = 0.4  # the power of a probability that a wrong label is given with
LEAST = 0.01  # of wrong labels, that go to some classes rather than to all
FLIPPED = 0.9  # of the rows of an image's kind, at most


def resemblance(clean: Array, transition: Array) -> Array:
  """Tells how much wrong labels follow what the probe confuses, in [0, MOST].

  The share of wrong labels that go to some classes more than to all, times the
  share of these by which such pairs are confused more than others are.

  Args:
    clean: `f[N, k]`, probabilities of the true class.
    transition: `f[k, k]`, `P(given j | true i)`.

  >>> clean = jnp.array([[0.6, 0.4, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]])
  >>> alike = jnp.array([[0.6, 0.4, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]])
  >>> round(float(resemblance(clean, alike)), 2)
  0.4
  >>> float(resemblance(clean, jnp.full((3, 3), 0.1) + 0.7 * jnp.eye(3)))
  0.0
  """
  chex.assert_rank([clean, transition], 2)
  k = clean.shape[1]
  others = 1 - jnp.eye(k)
  confused = clean.T @ clean * others
  mean = confused.sum(1, keepdims=True) / max(k - 1, 1)
  confused = safe_divide(confused, mean)
  wrong = transition * others
  least = jnp.where(others > 0, transition, jnp.inf).min(1, keepdims=True)
  share = clean.mean(0)[:, None]
  some = (wrong - least) * others * share
  preferred = safe_divide(some.sum(), (wrong * share).sum())
  times = safe_divide((some * confused).sum(), some.sum())
  alike = jnp.where(times > 1, 1 - safe_divide(1.0, times), 0.0)
  found = jnp.where(preferred > LEAST, preferred * alike, 0.0)
  return jnp.minimum(found, MOST)


def posterior(
  clean: Array, transition: Array, labels: Array, power: ArrayLike
) -> Array:
  """Computes the probability of each true class where images are confused.

  A row of true class i gets the label j at a rate `T[i, j] p_j^power`, over the
  mean of that power in class i. With power 0, `transition.posterior`.

  Args:
    clean: `f[N, k]`, without the label.
    transition: `f[k, k]`, `P(given j | true i)`.
    labels: `i[N]`, as given.
    power: `f[]`, see `resemblance`.

  Returns:
    `f[N, k]`, as `transition.posterior` does.

  >>> clean = jnp.array([[0.5, 0.5], [0.9, 0.1]])
  >>> transition = jnp.array([[0.75, 0.25], [0.25, 0.75]])
  >>> found = posterior(clean, transition, jnp.array([1, 0]), 0.0)
  >>> [round(x, 2) for x in found[0].tolist()]
  [0.25, 0.75]
  """
  chex.assert_rank([clean, transition], 2)
  k = clean.shape[1]
  finite = jnp.isfinite(clean).all(1, keepdims=True)
  clean = jnp.where(finite, clean, 0.0)
  like = (clean + 1e-6) ** power
  mean = safe_divide(clean.T @ like, clean.sum(0)[:, None])
  rates = safe_divide(transition * (1 - jnp.eye(k)), mean)
  most = jnp.maximum(FLIPPED, 1 - jnp.diag(transition))
  left = 1 - jnp.minimum(like @ rates.T, most[None])
  mine = labels[:, None] == jnp.arange(k)[None]
  to = rates[:, labels].T * jnp.take_along_axis(like, labels[:, None], 1)
  joint = clean * jnp.where(mine, left, to)
  return safe_divide(joint, joint.sum(1, keepdims=True))
