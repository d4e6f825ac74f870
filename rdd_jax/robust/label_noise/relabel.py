"""Recalibration: new labels for rows that are not trusted, from anchors."""

from __future__ import annotations

from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import group_mean
from rdd_jax.core.errors import UserError
from rdd_jax.core.numerics import safe_divide
from rdd_jax.robust.label_noise.options import Relabel
from rdd_jax.robust.label_noise.trust import ProbeOutputs, rank

MEASURES = ('mahalanobis', 'cosine', 'both', 'confidence', 'none')


class Proposal(NamedTuple):
  """What is proposed for every row.

  Attributes:
    labels: `i[N]`.
    targets: `f[N, k]`, or None where labels are hard.
    relabeled: `b[N]`, untrusted rows that are surely enough of that label.
    chance: `f[N]`, the probability that the probe gives to that label, or where
      it prefers another one, at most gives.
  """

  labels: Array
  targets: Array | None
  relabeled: Array
  chance: Array


def check(relabel: Relabel) -> None:
  """Raises a UserError for what relabels nothing that makes sense."""
  if relabel.by not in MEASURES:
    raise UserError(f'relabel by {relabel.by!r}: give one of {MEASURES}')
  if not (0 <= relabel.fraction <= 1 and 0 < relabel.shrinkage <= 1):
    raise UserError(
      f'relabel fraction={relabel.fraction}, shrinkage={relabel.shrinkage}: '
      'give a fraction in [0, 1] and a shrinkage in (0, 1]'
    )
  if not 0 <= relabel.beyond < 1:
    raise UserError(f'relabel beyond={relabel.beyond}: give a share in [0, 1)')


def squared_mahalanobis(
  features: Array,
  labels: Array,
  trusted: Array,
  num_classes: int,
  shrinkage: float,
) -> Array:
  """Returns distances `f[N, k]` to the classes' means, by a shared covariance.

  `(x - m_k)' C^-1 (x - m_k)` with `C = (1 - a) S + a tr(S) / d I`: means `m`
  and covariance `S` are of the trusted rows. A class without trusted rows is
  infinitely far.

  Args:
    features: `f[N, d]`.
    labels: `i[N]`, as given.
    trusted: `b[N]`.
    num_classes: `k`.
    shrinkage: `a`, in (0, 1].
  """
  weights = trusted.astype(features.dtype)
  means, mass = group_mean(features, weights, labels, num_classes)
  residual = (features - means[labels]) * weights[:, None]
  covariance = safe_divide(residual.T @ residual, weights.sum())
  d = features.shape[1]
  level = jnp.trace(covariance) / d
  level = jnp.where(level > 0, level, 1.0)
  covariance = (1 - shrinkage) * covariance + shrinkage * level * jnp.eye(d)
  factor = jnp.linalg.cholesky(covariance)

  def whiten(x: Array) -> Array:
    return jax.scipy.linalg.solve_triangular(factor, x.T, lower=True).T

  x, anchors = whiten(features), whiten(means)
  square = (x**2).sum(1)[:, None] + (anchors**2).sum(1)[None]
  square = jnp.maximum(square - 2 * x @ anchors.T, 0.0)
  return jnp.where(mass[None] > 0, square, jnp.inf)


def cosine_similarity(
  features: Array, labels: Array, trusted: Array, num_classes: int
) -> Array:
  """Returns similarities `f[N, k]` to the classes' mean trusted features.

  Args:
    features: `f[N, d]`.
    labels: `i[N]`, as given.
    trusted: `b[N]`.
    num_classes: `k`; a class without trusted rows gets -inf.
  """
  weights = trusted.astype(features.dtype)
  means, mass = group_mean(features, weights, labels, num_classes)

  def unit(x: Array) -> Array:
    return x / jnp.maximum(jnp.linalg.norm(x, axis=1, keepdims=True), 1e-12)

  return jnp.where(mass[None] > 0, unit(features) @ unit(means).T, -jnp.inf)


def propose(
  opinion: ProbeOutputs,
  labels: Array,
  trusted: Array,
  num_classes: int,
  relabel: Relabel,
) -> Proposal:
  """Proposes a label for every row, and which untrusted rows come back with it.

  Args:
    opinion: of all rows.
    labels: `i[N]`, as given.
    trusted: `b[N]`.
    num_classes: the number of classes.
    relabel: how.
  """

  def nearest(closeness: Array) -> tuple[Array, Array]:
    """Returns the best class, and by how much it is better than the second."""
    if num_classes == 1:
      return jnp.zeros_like(labels), jnp.zeros(labels.shape)
    best, second = jax.lax.top_k(closeness, 2)[0].T
    sure = jnp.isfinite(best) & jnp.isfinite(second)
    return closeness.argmax(1), jnp.where(sure, best - second, 0.0)

  def foremost(margin: Array) -> Array:
    """Marks the wanted fraction of the untrusted rows."""
    untrusted = ~trusted & jnp.isfinite(opinion.losses)
    held = jnp.where(untrusted, margin, -jnp.inf)
    place = jnp.argsort(jnp.argsort(-held))
    return untrusted & (place < relabel.fraction * untrusted.sum())

  def proposal(
    proposed: Array, relabeled: Array, targets: Array | None = None
  ) -> Proposal:
    sure, same = opinion.confidence, proposed == opinion.preferred
    chance = jnp.where(same, sure, 1 - sure)
    return Proposal(proposed, targets, relabeled, chance)

  if relabel.by in ('none', 'confidence'):
    relabeled = foremost(opinion.confidence) & (relabel.by != 'none')
    return proposal(opinion.preferred, relabeled)
  features = opinion.features
  near = cosine_similarity(features, labels, trusted, num_classes)
  if relabel.by == 'cosine':
    proposed, margin = nearest(near)
    return proposal(proposed, foremost(margin))
  distance = squared_mahalanobis(
    features, labels, trusted, num_classes, relabel.shrinkage
  )
  closeness = -distance
  if relabel.prior:
    closeness += 2 * jnp.log(prior(distance.argmin(1), labels, num_classes))
  proposed, margin = nearest(closeness)
  relabeled = foremost(margin)
  if relabel.beyond:
    relabeled &= beyond(distance, labels, trusted, num_classes, relabel.beyond)
  if relabel.by == 'both':
    other, similarity = nearest(near)
    relabeled &= foremost(similarity) & (other == proposed)
  posterior = jax.nn.softmax(0.5 * closeness, 1) if relabel.soft else None
  return proposal(proposed, relabeled, posterior)


def prior(found: Array, given: Array, num_classes: int) -> Array:
  """Estimates how likely each class is given a row's label, `f[N, k]`.

  Args:
    found: `i[N]`, the class that each row seems to be of.
    given: `i[N]`, its label as given.
    num_classes: `k`. Each class is found once more than it was, so that none
      is excluded.
  """
  pairs = jnp.ones((num_classes, num_classes)).at[given, found].add(1.0)
  return (pairs / pairs.sum(1, keepdims=True))[given]


def beyond(
  distance: Array,
  labels: Array,
  trusted: Array,
  num_classes: int,
  share: float,
) -> Array:
  """Marks rows further from their class than a share of its trusted rows.

  Args:
    distance: `f[N, k]`, to the anchor of each class.
    labels: `i[N]`, as given.
    trusted: `b[N]`.
    num_classes: `k`. Of a class without trusted rows, every row is beyond.
    share: in [0, 1).

  Returns:
    `b[N]`.
  """
  own = jnp.take_along_axis(distance, labels[:, None], 1)[:, 0]
  ids = jnp.where(trusted, labels, num_classes)
  place, count = rank(own, ids, num_classes + 1)
  near = jnp.where(trusted & (place < share * count), own, -jnp.inf)
  reach = jax.ops.segment_max(near, labels, num_classes)
  return own > reach[labels]
