"""Laws of one division: mixtures, ranks, anchors, and who comes back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from robust.label_noise.trust_cases import opinion
from sklearn.mixture import GaussianMixture

from rdd_jax.robust import mixture
from rdd_jax.robust.label_noise import trust
from rdd_jax.robust.label_noise.trust import Division, rank

RNG = np.random.default_rng(0)
fit = jax.jit(mixture.fit, static_argnums=2)
low_posterior = jax.jit(
  mixture.low_posterior, static_argnums=2, static_argnames='by_class'
)
divide = jax.jit(trust.divide, static_argnums=(2, 3, 5))


def two_humps(seed: int, n: int) -> np.ndarray:
  rng = np.random.default_rng(seed)
  low = rng.normal(-2 + 0.2 * seed, 0.5, n - n // 3)
  return np.concatenate([low, rng.normal(2, 1.0, n // 3)])


def test_the_mixture_of_each_class_is_that_of_scikit_learn():
  sizes = [200, 90, 400]
  parts = [two_humps(seed, n) for seed, n in enumerate(sizes)]
  ids = np.repeat(np.arange(3), sizes)
  order = RNG.permutation(len(ids))
  values = np.concatenate(parts)
  found = jax.tree.map(
    np.asarray, fit(jnp.asarray(values[order]), jnp.asarray(ids[order]), 3)
  )
  low = np.asarray(low_posterior(jnp.asarray(values), jnp.asarray(ids), 3))
  for c, part in enumerate(parts):
    theirs = GaussianMixture(
      2, reg_covar=5e-4, max_iter=500, tol=1e-7, random_state=0
    )
    theirs.fit(part[:, None])
    first = int(theirs.means_[:, 0].argmin())
    np.testing.assert_allclose(
      found.means[c], np.sort(theirs.means_[:, 0]), atol=1e-2
    )
    np.testing.assert_allclose(
      found.shares[c], theirs.weights_[[first, 1 - first]], atol=1e-2
    )
    between = (part > found.means[c, 0]) & (part < found.means[c, 1])
    np.testing.assert_allclose(
      low[ids == c][between],
      theirs.predict_proba(part[:, None])[between, first],
      atol=2e-2,
    )


def test_the_posterior_never_rises_with_the_loss():
  values = jnp.asarray(np.sort(two_humps(1, 300)))
  low = np.asarray(low_posterior(values, np.zeros(300, np.int32), 1))
  assert (np.diff(low) <= 1e-6).all()
  assert low[0] > 0.9
  assert low[-1] < 0.1


@pytest.mark.slow
def test_small_and_degenerate_classes_fall_back():
  many = two_humps(0, 300)
  values = np.concatenate([many, [-2.0, 2.0, 2.5], np.zeros(50)])
  ids = np.repeat([0, 1, 2], [300, 3, 50])
  low = np.asarray(low_posterior(jnp.asarray(values), jnp.asarray(ids), 4))
  assert np.isfinite(low).all()
  whole = np.asarray(
    low_posterior(jnp.asarray(values), jnp.asarray(ids), 4, by_class=False)
  )
  np.testing.assert_allclose(low[300:], whole[300:])  # as the whole set has it
  same = low_posterior(jnp.zeros(40), jnp.zeros(40, jnp.int32), 1)
  assert (same == 1).all()  # nothing to tell apart
  broken = jnp.asarray(many).at[:7].set(jnp.nan)
  low = low_posterior(broken, jnp.zeros(300, jnp.int32), 1)
  assert (low[:7] == 0).all()
  assert jnp.isfinite(low).all()


def test_rank_is_the_place_within_a_class():
  values = jnp.array([3.0, 1.0, 2.0, jnp.nan, 0.0, 5.0])
  ids = jnp.array([0, 0, 1, 0, 1, 0])
  place, count = rank(values, ids, 2)
  np.testing.assert_array_equal(place, [1, 0, 1, 3, 0, 2])
  np.testing.assert_array_equal(count, [4, 4, 2, 4, 2, 4])


def test_rules_are_sets():
  rng = np.random.default_rng(2)
  labels = rng.integers(0, 2, 200)
  preferred = np.where(rng.random(200) < 0.3, 1 - labels, labels)
  losses = np.exp(two_humps(3, 200))
  seen = opinion(losses, losses * 0.5, labels, preferred)

  def trusted(rule, **options):
    division = Division(rule, least_rows=0, **options)
    return np.asarray(divide(seen, jnp.asarray(labels), 2, division))

  agreement, mixture = trusted('agreement'), trusted('mixture')
  np.testing.assert_array_equal(agreement, preferred == labels)
  np.testing.assert_array_equal(trusted('either'), agreement | mixture)
  np.testing.assert_array_equal(trusted('both'), agreement & mixture)
  kept = trusted('small_loss', score='loss', keep=0.25)
  for c in range(2):
    assert kept[labels == c].sum() == np.ceil(0.25 * (labels == c).sum())
    assert losses[(labels == c) & kept].max() <= (
      losses[(labels == c) & ~kept].min()
    )


def test_no_class_is_left_without_rows():
  """All labels of a class wrong, a class of three rows, and losses of NaN."""
  labels = np.repeat([0, 1, 2], [60, 3, 40])
  preferred = np.where(labels == 0, 1, labels)
  losses = np.linspace(0.1, 3, 103)
  losses[-5:] = np.nan
  seen = opinion(losses, losses * 0.1, labels, preferred)
  for rule in ('agreement', 'both', 'either', 'small_loss'):
    division = Division(rule, least_rows=8)
    found = np.asarray(divide(seen, jnp.asarray(labels), 3, division))
    counts = np.bincount(labels[found], minlength=3)
    assert counts[1] == 3
    assert (counts[[0, 2]] >= 8).all()
    assert not found[-5:].any()
  half = Division('agreement', least=0.5, least_rows=0)
  found = np.asarray(divide(seen, jnp.asarray(labels), 3, half))
  assert found[labels == 0].sum() == 30


@pytest.mark.parametrize(
  'rule', [pytest.param('mixture', marks=pytest.mark.slow), 'small_loss']
)
def test_groups_are_compared_to_themselves(rule):
  """A rare group of higher losses is divided as if it were alone."""
  many, few = two_humps(1, 400), two_humps(2, 60) + 3.0
  losses = np.exp(np.concatenate([many, few]))
  labels, groups = np.zeros(460, int), np.repeat([0, 1], [400, 60])
  seen = opinion(losses, losses * 0.1, labels, labels)
  division = Division(rule, least_rows=0, least_in_group=0.0)

  def trusted(rows, *more):
    part = jax.tree.map(lambda x: x[rows], seen)
    given = jnp.asarray(labels[rows])
    return np.asarray(divide(part, given, 1, division, *more))

  everything = slice(None)
  found = trusted(everything, jnp.asarray(groups), 2)
  np.testing.assert_array_equal(found[:400], trusted(slice(400)))
  np.testing.assert_array_equal(found[400:], trusted(slice(400, None)))
  without = trusted(everything)
  assert found[400:].mean() > without[400:].mean() + 0.2


def test_a_share_of_each_label_in_each_known_group_is_trusted():
  labels, groups = np.repeat([0, 1], 40), np.tile([0, -1, 0, 1], 20)
  losses = np.linspace(3, 0.1, 80)
  seen = opinion(losses, losses * 0.1, labels, 1 - labels)
  division = Division(least_rows=0, least_in_group=0.5)
  given = jnp.asarray(labels), 2, division
  found = np.asarray(divide(seen, *given, jnp.asarray(groups), 2))
  for c in range(2):
    for g in (-1, 0, 1):
      of = np.flatnonzero((labels == c) & (groups == g))
      np.testing.assert_array_equal(
        found[of], np.arange(len(of)) >= len(of) / 2
      )
  assert not divide(seen, *given).any()
