"""Laws of estimated noise, in small worlds where everything is known."""

from __future__ import annotations

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from rdd_jax.robust.label_noise import crossfit, forward
from rdd_jax.robust.label_noise.estimate import MARGIN, as_given, estimate
from rdd_jax.robust.label_noise.model import NoiseModel
from rdd_jax.robust.label_noise.transition import compose, even

CLASSES, N, SPREAD = 5, 2401, 0.42  # an odd row is in neither half
EVEN = (np.ones((CLASSES, CLASSES)) - np.eye(CLASSES)) / (CLASSES - 1)
NEXT = np.roll(np.eye(CLASSES), 1, axis=1)


def mixed() -> np.ndarray:
  """Classes of rates and targets of their own."""
  found = np.diag([1.0, 0.9, 0.6, 0.7, 0.55])
  found[1, 2], found[2, 0], found[2, 3] = 0.1, 0.25, 0.15
  found[3, [0, 1, 2, 4]] = 0.075
  found[4, 0] = 0.45
  return found


def blend(rate: float, among: np.ndarray) -> np.ndarray:
  return (1 - rate) * np.eye(CLASSES) + rate * among


NOISES = {
  'clean': np.eye(CLASSES),
  'symmetric': blend(0.3, EVEN),
  'pair': blend(0.35, NEXT),
  'mixed': mixed(),
}


class World(NamedTuple):
  """Rows whose classes, and the chances of these, are known."""

  scores: jax.Array
  labels: jax.Array
  halves: jax.Array
  truth: np.ndarray
  bayes: np.ndarray  # P(class | scores)


def world(transition: np.ndarray) -> World:
  rng = np.random.default_rng(0)
  truth = rng.permutation(np.arange(N) % CLASSES)
  scores = np.eye(CLASSES)[truth] + rng.normal(0, SPREAD, (N, CLASSES))
  to = transition[truth].cumsum(1)
  labels = (rng.random(N)[:, None] > to).sum(1).clip(max=CLASSES - 1)
  bayes = np.exp(scores / SPREAD**2)
  bayes /= bayes.sum(1, keepdims=True)
  assert 0.8 <= (bayes.argmax(1) == truth).mean() <= 0.92
  given = jnp.asarray(labels, jnp.int32)
  halves = crossfit.folds(jax.random.key(0), given).halves
  return World(jnp.asarray(scores, jnp.float32), given, halves, truth, bayes)


@pytest.fixture(scope='module')
def found() -> dict[str, tuple[World, NoiseModel]]:
  """What is estimated in each world."""
  worlds = {name: world(transition) for name, transition in NOISES.items()}
  return {
    name: (w, estimate(w.scores, w.labels, w.halves)[0])
    for name, w in worlds.items()
  }


def off(found: jax.Array, transition: np.ndarray) -> float:
  """The mean over classes of the sum of errors."""
  return float(np.abs(np.asarray(found) - transition).sum(1).mean())


def right(model: NoiseModel, labels: jax.Array) -> np.ndarray:
  chance = np.asarray(model.posterior(labels))
  return chance[np.arange(len(chance)), np.asarray(labels)]


@pytest.mark.parametrize('noise', list(NOISES))
def test_transitions_and_rates_are_those_of_the_world(found, noise):
  w, model = found[noise]
  np.testing.assert_allclose(model.transition.sum(1), 1, rtol=1e-5)
  assert off(model.transition, NOISES[noise]) <= 0.15
  wrong = (np.asarray(w.labels) != w.truth).mean()
  assert abs(1 - right(model, w.labels).mean() - wrong) <= 0.03


def test_clean_labels_are_found_clean(found):
  w, model = found['clean']
  assert 1 - right(model, w.labels).mean() <= 0.015


@pytest.mark.parametrize('noise', list(NOISES))
def test_probabilities_are_those_of_the_world(found, noise):
  w, model = found[noise]
  np.testing.assert_allclose(model.clean.sum(1), 1, rtol=1e-4)
  assert np.abs(model.clean - w.bayes).mean() <= 0.03
  alone = (model.clean.argmax(1) == w.truth).mean()
  assert alone >= (w.bayes.argmax(1) == w.truth).mean() - 0.02


@pytest.mark.parametrize('noise', ['symmetric', 'pair', 'mixed'])
def test_what_is_likely_happens_as_often(found, noise):
  w, model = found[noise]
  mine, is_right = right(model, w.labels), np.asarray(w.labels) == w.truth
  for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 0.97), (0.97, 1.01)):
    rows = (mine >= low) & (mine < high)
    by_chance = 2 * 0.5 / np.sqrt(rows.sum())
    error = abs(mine[rows].mean() - is_right[rows].mean())
    assert error <= 0.04 + by_chance


def test_evidence_is_the_likelihood_of_labels_less_what_pairs_cost(found):
  for noise, cost in (('symmetric', 0), ('pair', CLASSES)):
    w, model = found[noise]
    chance = np.asarray(model.clean) @ np.asarray(model.transition)
    given = chance[np.arange(N), np.asarray(w.labels)]
    expected = np.log(given).mean() - cost * np.log(N) / (2 * N)
    np.testing.assert_allclose(model.evidence, expected, atol=1e-3)


def test_models_of_about_the_same_evidence_are_all_returned(found):
  for noise in ('clean', 'pair'):
    w, model = found[noise]
    models = estimate(w.scores, w.labels, w.halves)
    chex.assert_trees_all_equal(models[0], model)
    evidence = np.array([float(m.evidence) for m in models])
    assert (np.diff(evidence) <= 0).all()
    assert evidence[-1] >= evidence[0] - MARGIN
    if noise == 'pair':  # no other explains these
      assert len(models) == 1


def test_labels_that_waver_with_the_image_are_doubted_where_probes_agree():
  """Rows near a boundary get the next label; two probes would not waver."""
  w = world(np.eye(CLASSES))
  rng = np.random.default_rng(1)
  ranks = np.argsort(-w.bayes, 1)
  second = np.where(ranks[:, 0] == w.truth, ranks[:, 1], ranks[:, 0])
  wrong = rng.random(N) < 0.3
  labels = jnp.asarray(np.where(wrong, second, w.truth), jnp.int32)

  def said(disagreement: float) -> float:
    model = estimate(w.scores, labels, w.halves, disagreement)[0]
    mine = np.asarray(model.wary(labels))[np.arange(N), np.asarray(labels)]
    return 1 - float(mine.mean())

  loose, strict = said(1.0), said(0.02)
  assert loose <= strict - 0.05
  assert abs(strict - wrong.mean()) < abs(loose - wrong.mean())


def test_probes_that_differ_change_nothing(found):
  w, model = found['symmetric']
  again = estimate(w.scores, w.labels, w.halves, 0.5)[0]
  chex.assert_trees_all_equal(again, model)


def test_units_of_scores_do_not_matter(found):
  w, model = found['pair']
  same = estimate(8 * w.scores, w.labels, w.halves)[0]
  np.testing.assert_allclose(same.clean, model.clean, atol=1e-4)
  shift = jnp.linspace(-1.0, 2.0, CLASSES)[None]
  other = estimate(7 * w.scores + shift, w.labels, w.halves)[0]
  # Rounding may decide for another round of fitting.
  np.testing.assert_allclose(other.transition, model.transition, atol=0.02)
  assert np.abs(other.clean - model.clean).mean() <= 0.01


@pytest.mark.parametrize('noise', ['symmetric', 'mixed'])
def test_names_of_classes_do_not_matter(found, noise):
  w, model = found[noise]
  name = np.array([3, 0, 4, 1, 2])
  old = np.argsort(name)
  renamed = jnp.asarray(name)[w.labels]
  other = estimate(w.scores[:, old], renamed, w.halves)[0]
  theirs = model.transition[np.ix_(old, old)]
  np.testing.assert_allclose(other.transition, theirs, atol=0.02)


def test_one_class_is_certain():
  labels = jnp.zeros(9, jnp.int32)
  halves = crossfit.folds(jax.random.key(0), labels).halves
  model = estimate(jnp.ones((9, 1)), labels, halves)[0]
  np.testing.assert_array_equal(model.posterior(labels), np.ones((9, 1)))


def test_a_class_without_labels_is_finite():
  w = world(blend(0.3, EVEN))
  labels = jnp.where(w.labels == 0, 1, w.labels)
  model = estimate(w.scores, labels, w.halves)[0]
  for leaf in model:
    assert np.isfinite(leaf).all()
  np.testing.assert_allclose(model.posterior(labels).sum(1), 1, rtol=1e-4)


def test_scores_that_say_nothing_are_finite():
  w = world(np.eye(CLASSES))
  model = estimate(jnp.zeros_like(w.scores), w.labels, w.halves)[0]
  for leaf in model:
    assert np.isfinite(leaf).all()


def test_rows_are_mapped_by_labels_of_the_other_half():
  w = world(blend(0.3, EVEN))
  z = forward.standardized(w.scores)
  transition = compose(jnp.full(CLASSES, 0.3), even(CLASSES))

  def mapped(labels: jax.Array) -> np.ndarray:
    start = forward.fresh(CLASSES)
    maps = forward.fit(z, labels, w.halves, transition, start, 100.0, 60)
    return np.asarray(forward.held_out(z, maps, w.halves))

  first, second = np.asarray(w.halves)
  moved = w.labels.at[first].set(jnp.roll(w.labels[first], 1))
  before, after = mapped(w.labels), mapped(moved)
  np.testing.assert_array_equal(after[first], before[first])
  assert np.abs(after[second] - before[second]).max() > 0.1


@pytest.mark.parametrize('noise', list(NOISES))
def test_labels_as_given_are_predicted_as_by_logistic_regression(found, noise):
  w, _ = found[noise]
  labels = np.asarray(w.labels)
  chance = np.asarray(as_given(w.scores, w.labels, w.halves))
  np.testing.assert_allclose(chance.sum(1), 1, rtol=1e-4)
  shares = np.bincount(labels) / N
  np.testing.assert_allclose(chance.mean(0), shares, atol=0.02)
  model = LogisticRegression(C=1e3, max_iter=1000)
  theirs = model.fit(w.scores, labels).predict_proba(w.scores)
  known = w.bayes @ NOISES[noise]
  error = np.abs(chance - known).mean()
  assert error <= np.abs(theirs - known).mean() + 0.02
