"""Laws of one division: mixtures, ranks, anchors, and who comes back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from rdd_jax.robust.label_noise.relabel import (
  Relabel,
  beyond,
  cosine_similarity,
  prior,
  propose,
  squared_mahalanobis,
)
from rdd_jax.robust.label_noise.trust import (
  Division,
  ProbeOutputs,
  divide,
  rank,
)
from rdd_jax.robust.mixture import fit, low_posterior

RNG = np.random.default_rng(0)


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
  found = fit(jnp.asarray(values[order]), jnp.asarray(ids[order]), 3)
  low = low_posterior(jnp.asarray(values), jnp.asarray(ids), 3)
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
  values = jnp.sort(jnp.asarray(two_humps(1, 300)))
  low = low_posterior(values, jnp.zeros(300, jnp.int32), 1)
  assert (jnp.diff(low) <= 1e-6).all()
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


def opinion(losses, best, labels, preferred) -> ProbeOutputs:
  n = len(losses)
  return ProbeOutputs(
    losses=jnp.asarray(losses, jnp.float32),
    best=jnp.asarray(best, jnp.float32),
    agrees=jnp.asarray(preferred) == jnp.asarray(labels),
    confidence=jnp.exp(-jnp.asarray(best, jnp.float32)),
    preferred=jnp.asarray(preferred),
    features=jnp.zeros((n, 2)),
  )


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


def test_distances_are_those_of_numpy():
  rng = np.random.default_rng(4)
  features = rng.normal(size=(90, 4)) @ rng.normal(size=(4, 4))
  labels = rng.integers(0, 3, 90)
  trusted = rng.random(90) < 0.6
  found = squared_mahalanobis(
    jnp.asarray(features), jnp.asarray(labels), jnp.asarray(trusted), 4, 0.1
  )
  means = [features[trusted & (labels == c)].mean(0) for c in range(3)]
  rest = np.concatenate(
    [features[trusted & (labels == c)] - means[c] for c in range(3)]
  )
  s = rest.T @ rest / trusted.sum()
  s = 0.9 * s + 0.1 * np.trace(s) / 4 * np.eye(4)
  for c in range(3):
    away = features - means[c]
    expected = (away @ np.linalg.inv(s) * away).sum(1)
    np.testing.assert_allclose(found[:, c], expected, rtol=1e-3, atol=1e-3)
    similar = features @ means[c] / np.linalg.norm(features, axis=1)
    np.testing.assert_allclose(
      cosine_similarity(
        jnp.asarray(features), jnp.asarray(labels), jnp.asarray(trusted), 3
      )[:, c],
      similar / np.linalg.norm(means[c]),
      rtol=1e-4,
      atol=1e-5,
    )
  assert np.isinf(found[:, 3]).all()  # nobody there to be near to


@pytest.mark.parametrize(
  'by', ['mahalanobis', 'cosine', 'both', 'confidence', 'none']
)
def test_relabeling_takes_a_fraction_of_the_untrusted(by):
  rng = np.random.default_rng(5)
  truth = rng.integers(0, 3, 150)
  features = 4 * np.eye(3)[truth] + rng.normal(0, 0.5, (150, 3))
  labels = np.where(rng.random(150) < 0.4, (truth + 1) % 3, truth)
  trusted = labels == truth
  seen = opinion(
    rng.uniform(1, 2, 150), rng.uniform(0, 1, 150), labels, truth
  )._replace(features=jnp.asarray(features))
  for fraction in (0.0, 0.5, 1.0):
    found = propose(
      seen,
      jnp.asarray(labels),
      jnp.asarray(trusted),
      3,
      Relabel(by, fraction),
    )
    relabeled = np.asarray(found.relabeled)
    assert not (relabeled & trusted).any()
    wanted = np.ceil(fraction * (~trusted).sum())
    if by == 'none':
      assert not relabeled.any()
    elif by == 'both':
      assert relabeled.sum() <= wanted
    else:
      assert relabeled.sum() == wanted
    assert (np.asarray(found.labels)[relabeled] == truth[relabeled]).all()
    np.testing.assert_allclose(found.targets.sum(1), 1, rtol=1e-5)


def test_rows_beyond_their_class_are_counted_among_its_trusted_rows():
  rng = np.random.default_rng(6)
  distance = rng.random((200, 3))
  labels, trusted = rng.integers(0, 2, 200), rng.random(200) < 0.5
  for share in (0.5, 0.9):
    found = beyond(
      jnp.asarray(distance), jnp.asarray(labels), jnp.asarray(trusted), 3, share
    )
    for c in range(2):
      own = distance[labels == c, c]
      known = np.sort(own[trusted[labels == c]])
      reach = known[int(np.ceil(share * len(known))) - 1]
      np.testing.assert_array_equal(found[labels == c], own > reach)
  nobody = jnp.zeros(200, bool)
  assert beyond(
    jnp.asarray(distance), jnp.asarray(labels), nobody, 3, 0.9
  ).all()


@pytest.mark.slow
def test_hard_rows_do_not_come_back_as_others():
  """Rows of one broad class, of which the probe takes the far side for 1."""
  rng = np.random.default_rng(7)
  features = np.concatenate(
    [rng.normal(0, 1, (300, 2)), rng.normal((4, 0), 1, (300, 2)), [[20.0, 0]]]
  )
  labels = np.repeat([0, 1], [300, 301])
  labels[-1] = 0  # and one row that is certainly no 0
  preferred = (features[:, 0] > 1).astype(int)
  seen = opinion(np.ones(601), np.ones(601), labels, preferred)
  seen = seen._replace(features=jnp.asarray(features, jnp.float32))
  trusted = jnp.asarray(preferred == labels)

  def relabeled(share):
    asked = Relabel(fraction=1.0, beyond=share)
    found = propose(seen, jnp.asarray(labels), trusted, 2, asked)
    return np.asarray(found.relabeled)

  assert relabeled(0.0).sum() == (~np.asarray(trusted)).sum() >= 30
  few = relabeled(0.95)
  assert few[-1]
  assert few.sum() < 0.7 * relabeled(0.0).sum()


def test_what_a_given_label_says_is_how_often_it_means_each_class():
  given, found = np.array([0, 0, 0, 1]), np.array([0, 2, 2, 1])
  expected = np.array([[2, 1, 3], [1, 2, 1]]) / np.array([[6], [4]])
  np.testing.assert_allclose(
    prior(jnp.asarray(found), jnp.asarray(given), 3),
    expected[given],
    rtol=1e-6,
  )
  # Between two anchors that are as near, it decides.
  features = jnp.array([[-1.0], [1.0], [0.0], [-1.1], [0.9]])
  labels = jnp.array([0, 1, 2, 2, 2])
  seen = opinion(np.ones(5), np.ones(5), labels, labels)
  seen = seen._replace(features=features)
  trusted = jnp.array([True, True, False, False, False])
  asked = Relabel(fraction=1.0, prior=True)
  # The label 2 was found to mean 0 twice (rows 2 and 3), and 1 once.
  proposal = propose(seen, labels, trusted, 3, asked)
  np.testing.assert_array_equal(proposal.labels[2:], [0, 0, 1])
