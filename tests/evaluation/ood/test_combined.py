"""The combined score, and the channel statistics that it needs."""

from __future__ import annotations

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import distance

from rdd_jax import networks
from rdd_jax.evaluation.ood import scores
from rdd_jax.evaluation.ood.scores import Outputs, score_all

CLASSES, D, S, N = 3, 5, 4, 60


def drawn(seed: int, n: int = N, reject: float | None = None) -> Outputs:
  rng = np.random.default_rng(seed)
  logits = rng.normal(size=(n, CLASSES))
  if reject is not None:
    logits = np.column_stack([logits, reject + rng.normal(size=n)])
  return Outputs(logits, rng.normal(size=(n, D)), rng.normal(size=(n, S)))


def fitted(views: Outputs, weights=None):
  n = len(views.logits)
  cells = np.arange(n) % CLASSES
  weights = np.ones(n) if weights is None else weights
  reference = scores.fit(views.features, cells, weights, CLASSES)
  usual = scores.typical(views, cells, weights, CLASSES, reference)
  return reference, usual


def squared(x, rows, shrinkage=0.1):
  """Of an independent implementation: to the mean, by a shrunk covariance."""
  covariance = np.cov(rows.T, bias=True)
  d = len(covariance)
  ridge = shrinkage * np.trace(covariance) / d * np.eye(d)
  inverse = np.linalg.inv((1 - shrinkage) * covariance + ridge)
  return distance.cdist(x, rows.mean(0)[None], 'mahalanobis', VI=inverse) ** 2


def test_statistics_are_the_mahalanobis_distance_to_the_views():
  views, rows = drawn(0), drawn(1)
  found = score_all(rows, CLASSES, *fitted(views))
  expected = -squared(rows.statistics, views.statistics)[:, 0]
  np.testing.assert_allclose(found['statistics'], expected, rtol=1e-6)


@pytest.mark.parametrize('reject', [None, 0.0])
def test_terms_are_standardized_over_the_views(reject):
  views = drawn(0, reject=reject)
  reference, usual = fitted(views)
  found = score_all(views, CLASSES, reference, usual)
  energy = np.logaddexp.reduce(views.logits[:, :CLASSES], -1)
  terms = [
    energy,
    energy - (0 if reject is None else views.logits[:, -1]),
    -np.log1p(-found['mahalanobis'] / D),
    -np.log1p(-found['statistics'] / S),
  ]
  z = [(t - t.mean()) / t.std() for t in terms]
  expected = np.minimum(z[0], z[1]) + z[2] + z[3]
  np.testing.assert_allclose(found['combined'], expected, rtol=1e-6)


def test_a_reject_logit_never_counts_for_a_row():
  views, rows = drawn(0, reject=0.0), drawn(1, reject=0.0)
  fit = fitted(views)
  before = score_all(rows, CLASSES, *fit)['combined']
  for change, low, high in ((-50, 0, np.inf), (50, -np.inf, 0)):
    logits = rows.logits.copy()
    logits[:, -1] += change
    after = score_all(rows._replace(logits=logits), CLASSES, *fit)['combined']
    assert ((after - before >= low - 1e-9) & (after - before <= high)).all()
  without = logits.copy()
  without[:, -1] = -1e6  # as sure as it can be that the row has a class
  never = score_all(rows._replace(logits=without), CLASSES, *fit)['combined']
  energy = np.logaddexp.reduce(rows.logits[:, :CLASSES], -1)
  rest = never - (energy - fit[1].means[0]) / fit[1].scales[0]
  expected = score_all(rows, CLASSES, *fit)
  kept = [
    (t - m) / s
    for t, m, s in zip(
      (
        -np.log1p(-expected['mahalanobis'] / D),
        -np.log1p(-expected['statistics'] / S),
      ),
      fit[1].means[2:],
      fit[1].scales[2:],
      strict=True,
    )
  ]
  np.testing.assert_allclose(rest, sum(kept), rtol=1e-6)


def test_weights_count_as_copies_do():
  views, rows = drawn(0), drawn(1)
  twice = np.repeat(np.arange(N), np.where(np.arange(N) < CLASSES, 2, 1))
  weights = np.where(np.arange(N) < CLASSES, 2.0, 1.0)
  copied = Outputs(*(leaf[twice] for leaf in views))
  cells = np.arange(N)[twice] % CLASSES
  reference = scores.fit(copied.features, cells, np.ones(len(twice)), CLASSES)
  usual = scores.typical(copied, cells, np.ones(len(twice)), CLASSES, reference)
  a = score_all(rows, CLASSES, *fitted(views, weights))['combined']
  b = score_all(rows, CLASSES, reference, usual)['combined']
  np.testing.assert_allclose(a, b, rtol=1e-6)


def test_one_row_a_class_and_no_views_are_finite():
  views, rows = drawn(0, n=CLASSES), drawn(1)
  found = score_all(rows, CLASSES, *fitted(views))
  assert np.isfinite(found['combined']).all()


def test_a_network_without_convolutions_has_no_statistics():
  net = networks.build('mlp', CLASSES)
  variables = networks.init(net, jax.random.key(0), (8, 8, 1))
  said, statistics = networks.apply_with_statistics(
    net, variables, jnp.ones((2, 8, 8, 1))
  )
  assert statistics.shape == (2, 0)
  views = Outputs(said.logits, said.features, statistics)
  assert fitted(views)[1] is None


@pytest.mark.parametrize('name', ['convnet', 'vit'])
def test_statistics_see_contrast_that_norms_take_away(name):
  options = {'width': 4, 'depth': 2} if name == 'convnet' else {}
  net = networks.build(name, CLASSES, **options)
  shape = (16, 16, 3)
  variables = networks.init(net, jax.random.key(0), shape)
  images = np.float32(np.random.default_rng(1).normal(size=(3, *shape)))
  alike = jax.jit(partial(networks.apply, net))(variables, images)
  both = jax.jit(partial(networks.apply_with_statistics, net))
  said, statistics = both(variables, images)
  np.testing.assert_allclose(said.logits, alike.logits, rtol=1e-4, atol=1e-5)
  _, doubled = both(variables, 2 * images)
  assert np.abs(np.subtract(doubled, statistics)).max() > 1e-2


def test_a_view_that_is_no_number_changes_nothing_but_itself():
  views, rows = drawn(0), drawn(1)
  broken = Outputs(
    *(np.concatenate([leaf, leaf[:1] * np.nan]) for leaf in views)
  )
  cells = np.append(np.arange(N) % CLASSES, 0)
  reference = scores.fit(broken.features, cells, np.ones(N + 1), CLASSES)
  usual = scores.typical(broken, cells, np.ones(N + 1), CLASSES, reference)
  np.testing.assert_allclose(
    score_all(rows, CLASSES, reference, usual)['combined'],
    score_all(rows, CLASSES, *fitted(views))['combined'],
    rtol=1e-6,
  )


class Sowing(nn.Module):
  """A network that keeps something of itself."""

  @nn.compact
  def __call__(self, x, training: bool = False):
    self.sow('intermediates', 'loss', x.mean())
    x = nn.Conv(700, (3, 3), name='wide')(x)
    features = x.mean((1, 2))
    return networks.Outputs(nn.Dense(CLASSES)(features), features)


def test_only_channels_are_statistics_and_not_too_many():
  net = Sowing()
  variables = networks.init(net, jax.random.key(0), (8, 8, 1))
  x = jnp.ones((2, 8, 8, 1))
  _, statistics = networks.apply_with_statistics(net, variables, x)
  assert statistics.shape == (2, 700)  # every second of 1,400
