"""Laws of relabeling: who comes back, and with which label."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from robust.label_noise.trust_cases import opinion

from rdd_jax.robust.label_noise.relabel import (
  Relabel,
  beyond,
  cosine_similarity,
  prior,
  propose,
  squared_mahalanobis,
)


def test_distances_are_those_of_numpy():
  rng = np.random.default_rng(4)
  features = rng.normal(size=(90, 4)) @ rng.normal(size=(4, 4))
  labels = rng.integers(0, 3, 90)
  trusted = rng.random(90) < 0.6
  rows = jnp.asarray(features), jnp.asarray(labels), jnp.asarray(trusted)
  found = np.asarray(
    jax.jit(squared_mahalanobis, static_argnums=(3, 4))(*rows, 4, 0.1)
  )
  similarity = np.asarray(
    jax.jit(cosine_similarity, static_argnums=3)(*rows, 3)
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
      similarity[:, c],
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
    assert found.targets is None


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
    jax.jit(prior, static_argnums=2)(found, given, 3),
    expected[given],
    rtol=1e-6,
  )
  # Between two anchors that are as near, it decides.
  features = np.array([[-1.0], [1.0], [0.0], [-1.1], [0.9]], np.float32)
  labels = np.array([0, 1, 2, 2, 2])
  seen = opinion(np.ones(5), np.ones(5), labels, labels)
  seen = seen._replace(features=features)
  trusted = np.array([True, True, False, False, False])
  asked = Relabel(fraction=1.0, prior=True)
  # The label 2 was found to mean 0 twice (rows 2 and 3), and 1 once.
  relabel = jax.jit(propose, static_argnums=(3, 4))
  proposal = jax.tree.map(np.asarray, relabel(seen, labels, trusted, 3, asked))
  np.testing.assert_array_equal(proposal.labels[2:], [0, 0, 1])
