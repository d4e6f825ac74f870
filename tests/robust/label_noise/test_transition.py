"""Laws of transitions: Bayes' rule, shares that sum to one, what is rare."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.robust.label_noise import transition as noise
from rdd_jax.robust.label_noise.transition import RARE, even

posterior, compose = jax.jit(noise.posterior), jax.jit(noise.compose)
sparse, expected_pairs = jax.jit(noise.sparse), jax.jit(noise.expected_pairs)
confident = jax.jit(noise.confident)


def case(k: int, n: int, seed: int) -> tuple[np.ndarray, ...]:
  """Probabilities, a transition and labels, all at random."""
  rng = np.random.default_rng(seed)
  clean = rng.dirichlet(np.full(k, 0.5), n).astype(np.float32)
  transition = rng.dirichlet(np.ones(k), k).astype(np.float32)
  return clean, transition, rng.integers(0, k, n)


def asked(clean, transition, labels) -> np.ndarray:
  return np.asarray(
    posterior(jnp.asarray(clean), jnp.asarray(transition), jnp.asarray(labels))
  )


@pytest.mark.parametrize('k', [2, 5])
def test_the_posterior_is_bayes_rule_by_loops(k):
  clean, transition, labels = case(k, 40, k)
  expected = np.zeros((40, k))
  for row, j in enumerate(labels):
    for i in range(k):
      total = sum(clean[row, m] * transition[m, j] for m in range(k))
      expected[row, i] = clean[row, i] * transition[i, j] / total
  found = asked(clean, transition, labels)
  np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
  np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)


def test_the_posterior_is_a_count_in_a_small_world():
  """Three kinds of images; everyone is counted."""
  kinds = np.array([[5, 1, 0], [2, 2, 4], [0, 3, 1]])  # kind, true class
  given = np.array([[6, 3, 1], [0, 8, 2], [5, 0, 5]])  # true class, label
  people = kinds[:, :, None] * given[None]
  kind, true, label = np.indices(people.shape).reshape(3, -1)
  everyone = np.repeat(np.stack([kind, true, label], 1), people.ravel(), 0)
  for x in range(3):
    for j in range(3):
      such = everyone[(everyone[:, 0] == x) & (everyone[:, 2] == j)]
      counted = np.bincount(such[:, 1], minlength=3) / len(such)
      clean = kinds[x : x + 1] / kinds[x].sum()
      found = asked(clean, given / 10, [j])
      np.testing.assert_allclose(found[0], counted, rtol=1e-5)


def test_what_is_not_known_is_zero():
  clean = np.array([[0.5, 0.5, 0.0], [np.nan] * 3, [0.2, 0.3, 0.5]])
  transition = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
  found = asked(clean, transition, [0, 0, 2])
  np.testing.assert_allclose(found.sum(1), [1, 0, 0], rtol=1e-6)
  # The third class is never given, the label 0 never to the third class.
  found = asked(np.array([[0.0, 0.0, 1.0]]), transition, [0])
  np.testing.assert_array_equal(found, np.zeros((1, 3)))


@pytest.mark.parametrize('broken', [np.nan, np.inf])
def test_a_row_is_zero_where_any_of_it_is_not_finite(broken):
  clean = np.array([[0.5, broken]])
  found = asked(clean, np.array([[0.7, 0.3], [0.3, 0.7]]), [0])
  np.testing.assert_array_equal(found, np.zeros((1, 2)))


def test_limits_and_invariances_of_the_posterior():
  clean, transition, labels = case(4, 30, 0)
  found = asked(clean, transition, labels)
  scaled = clean * np.linspace(0.1, 9, 30)[:, None]
  np.testing.assert_allclose(
    asked(scaled, transition, labels), found, rtol=1e-4, atol=1e-7
  )
  # Labels that say nothing, and labels that say everything.
  nothing = np.tile(transition[:1], (4, 1))
  np.testing.assert_allclose(
    asked(clean, nothing, labels), clean, rtol=1e-4, atol=1e-6
  )
  np.testing.assert_allclose(asked(clean, np.eye(4), labels), np.eye(4)[labels])
  name = np.array([2, 0, 3, 1])  # names[c] is what class c is called now
  old = np.argsort(name)
  np.testing.assert_allclose(
    asked(clean[:, old], transition[np.ix_(old, old)], name[labels]),
    found[:, old],
    rtol=1e-5,
    atol=1e-7,
  )


@pytest.mark.parametrize('k', [2, 9])
def test_composed_rows_sum_to_one(k):
  rng = np.random.default_rng(k)
  rate = jnp.asarray(rng.random(k), jnp.float32)
  among = sparse(jnp.asarray(rng.random((k, k)), jnp.float32))
  for others in (among, even(k)):
    found = compose(rate, others)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(jnp.diag(found), 1 - rate, rtol=1e-5)
    assert (found >= 0).all()
  np.testing.assert_allclose(compose(jnp.zeros(k), among), np.eye(k))


def test_expected_pairs_of_certain_rows_are_counts():
  rng = np.random.default_rng(0)
  true, given = rng.integers(0, 4, (2, 200))
  counts = np.zeros((4, 4))
  np.add.at(counts, (true, given), 1)
  found = expected_pairs(jnp.asarray(np.eye(4)[true]), jnp.asarray(given))
  np.testing.assert_allclose(found, counts)
  chance = rng.dirichlet(np.ones(4), 200)
  found = expected_pairs(jnp.asarray(chance), jnp.asarray(given))
  np.testing.assert_allclose(found.sum(0), np.bincount(given), rtol=1e-5)
  np.testing.assert_allclose(found.sum(1), chance.sum(0), rtol=1e-5)


@pytest.mark.parametrize('k', [2, 9, 40])
def test_rare_pairs_are_alike(k):
  rng = np.random.default_rng(k)
  pairs = rng.gamma(0.3, 10.0, (k, k))
  pairs[0] = 0  # a class without a row
  found = np.asarray(sparse(jnp.asarray(pairs, jnp.float32)))
  np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
  np.testing.assert_array_equal(np.diag(found), 0)
  np.testing.assert_allclose(found[0], even(k)[0], rtol=1e-5)
  for i in range(1, k):
    others = np.delete(np.arange(k), i)
    shares = pairs[i, others] / pairs[i, others].sum()
    rare = shares < RARE
    ours = found[i, others]
    if rare.any():
      np.testing.assert_allclose(ours[rare], ours[rare][0], atol=1e-6)
      assert ours[rare][0] <= RARE
    # The others differ as much as they did, and are above the rare ones.
    off = ours[~rare] - shares[~rare]
    np.testing.assert_allclose(off, off[0], atol=1e-5)
    assert (ours[~rare] >= shares[~rare] - 1e-5).all()


def test_the_size_of_a_class_does_not_matter_to_its_shares():
  pairs = np.random.default_rng(0).random((5, 5)) * 100 + 1
  sizes = np.array([1, 10, 0.5, 3, 100])[:, None]
  np.testing.assert_allclose(
    sparse(jnp.asarray(pairs * sizes)), sparse(jnp.asarray(pairs)), atol=1e-5
  )


def flipped(true: np.ndarray, k: int, rate: float, by: int) -> np.ndarray:
  wrong = np.random.default_rng(by).random(len(true)) < rate
  return np.where(wrong, (true + by) % k, true)


@pytest.mark.parametrize('rate', [0.1, 0.4])
def test_confident_rows_show_pairs(rate):
  k = 6
  true = np.arange(2400) % k
  scores = jnp.asarray(np.eye(k)[true], jnp.float32)
  found = confident(scores, jnp.asarray(flipped(true, k, rate, by=1)))
  expected = np.roll(np.eye(k), 1, axis=1)
  np.testing.assert_allclose(found, expected, atol=0.12)
  even_noise = np.random.default_rng(0).integers(0, k, 2400)
  found = confident(scores, jnp.asarray(even_noise), share=1.0)
  np.testing.assert_allclose(found, even(k), atol=0.07)


def test_only_confident_rows_are_looked_at():
  """Those of the highest score go one class on, all others two."""
  k = 5
  true = np.arange(2000) % k
  order = np.random.default_rng(0).permutation(2000)
  sure = (np.arange(2000) // k < 80)[order]  # a fifth of each class
  true = true[order]
  height = np.where(sure, 0.9, 0.6)
  scores = jnp.asarray(np.eye(k)[true] * height[:, None], jnp.float32)
  far, near = (flipped(true, k, 0.5, by) for by in (2, 1))
  given = np.where(sure, near, far)
  found = np.asarray(confident(scores, jnp.asarray(given), share=0.2))
  np.testing.assert_allclose(found, np.roll(np.eye(k), 1, axis=1), atol=0.05)
