"""Scores of being in-distribution, from logits, features and gradients."""

from __future__ import annotations

from evaluation.ood.odin_cases import CLASSES, D
import numpy as np
import pytest
from scipy import linalg, special
from scipy.spatial import distance
from sklearn.neighbors import NearestNeighbors

from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.ood import scores
from rdd_jax.evaluation.ood.reference import distances
from rdd_jax.evaluation.ood.scores import FEATURE_SCORES, LOGIT_SCORES, Outputs


@pytest.fixture
def said() -> Outputs:
  """Of 50 rows, without a reject class."""
  rng = np.random.default_rng(0)
  logits = 3 * rng.normal(size=(50, CLASSES))
  return Outputs(logits.astype('f'), rng.normal(size=(50, D)).astype('f'))


def rejecting(said: Outputs, reject) -> Outputs:
  column = np.broadcast_to(np.asarray(reject, 'f'), len(said.logits))
  return said._replace(logits=np.column_stack([said.logits, column]))


def known(n: int = 40, seed: int = 1):
  """Features, cells and weights of in-distribution rows."""
  rng = np.random.default_rng(seed)
  cells = np.arange(n) % CLASSES
  x = rng.normal(size=(n, D)) @ rng.normal(size=(D, D)) + 2 * cells[:, None]
  return x, cells, rng.uniform(0.2, 2, n)


def test_logit_scores_equal_their_definitions(said):
  z = np.asarray(said.logits, np.float64)
  p = special.softmax(z, 1)
  found = scores.score_all(said, CLASSES)
  assert set(found) == {*LOGIT_SCORES, 'contrast'}
  expected = {
    'msp': np.log(p.max(1)),
    'max_logit': z.max(1),
    'energy': np.log(np.exp(z).sum(1)),
    'entropy': (p * np.log(p)).sum(1),
    'contrast': -(np.log(p) / CLASSES).sum(1),  # cross-entropy to uniform
  }
  for name, values in expected.items():
    np.testing.assert_allclose(found[name], values, rtol=1e-9, err_msg=name)


def test_a_reject_class_counts_against_a_row(said):
  reject = np.linspace(-5, 5, 50)
  both = rejecting(said, reject)
  z = np.asarray(both.logits, np.float64)
  found = scores.score_all(both, CLASSES)
  alone = scores.score_all(said, CLASSES)
  assert set(found) == set(LOGIT_SCORES)
  p = special.softmax(z, 1)
  np.testing.assert_allclose(np.exp(found['msp']), p[:, :CLASSES].max(1))
  # Energy is the log-odds of a class against none.
  odds = p[:, :CLASSES].sum(1) / p[:, -1]
  np.testing.assert_allclose(found['energy'], np.log(odds))
  np.testing.assert_allclose(
    found['max_logit'], alone['max_logit'] - z[:, -1], rtol=1e-6
  )
  np.testing.assert_array_equal(found['entropy'], alone['entropy'])


def test_a_class_that_never_rejects_changes_no_rank(said):
  alone = scores.score_all(said, CLASSES)
  found = scores.score_all(rejecting(said, -1000), CLASSES)
  np.testing.assert_allclose(found['msp'], alone['msp'], rtol=1e-12)
  for name in ('energy', 'max_logit'):
    np.testing.assert_allclose(found[name] - 1000, alone[name], atol=1e-9)
  never = scores.score_all(rejecting(said, -np.inf), CLASSES)
  np.testing.assert_allclose(never['msp'], alone['msp'], rtol=1e-12)
  assert (never['energy'] == np.inf).all()
  always = scores.score_all(rejecting(said, 1e9), CLASSES)
  np.testing.assert_allclose(always['msp'], alone['max_logit'] - 1e9)


def test_probabilities_that_round_to_one_are_still_ranked():
  logits = np.array([[0, 50, 0], [0, 60, 0], [0, 3e4, 0]], 'f')
  found = scores.score_all(Outputs(logits, logits), CLASSES)
  for name in ('msp', 'entropy'):
    assert found[name][0] < found[name][1] <= found[name][2] <= 0


def test_a_shift_of_all_logits_changes_what_has_a_scale(said):
  moved = said._replace(logits=said.logits + 7)
  a, b = scores.score_all(said, CLASSES), scores.score_all(moved, CLASSES)
  for name in ('msp', 'entropy', 'contrast'):
    np.testing.assert_allclose(a[name], b[name], atol=1e-5)
  for name in ('energy', 'max_logit'):
    np.testing.assert_allclose(a[name] + 7, b[name], atol=1e-5)


def test_other_numbers_of_logits_are_refused(said):
  for classes in (CLASSES + 1, CLASSES - 2):
    with pytest.raises(UserError, match=f'3 logits for num_classes={classes}'):
      scores.score_all(said, classes)


def test_mahalanobis_distances_equal_their_definition(said):
  x, cells, weights = known()
  reference = scores.fit(x, cells, weights, CLASSES, shrinkage=0.2)

  def shrunk(residuals):
    s = np.cov(residuals.T, aweights=weights, ddof=0)
    return 0.8 * s + 0.2 * np.trace(s) / D * np.eye(D)

  means = np.stack(
    [np.average(x[cells == c], 0, weights[cells == c]) for c in range(CLASSES)]
  )
  within = np.linalg.inv(shrunk(x - means[cells]))
  centre, total = np.average(x, 0, weights), np.linalg.inv(shrunk(x))
  found = scores.score_all(said, CLASSES, reference)
  assert set(found) == {*LOGIT_SCORES, *FEATURE_SCORES, 'contrast'}
  for i, row in enumerate(said.features):
    nearest = min(distance.mahalanobis(row, m, within) ** 2 for m in means)
    assert found['mahalanobis'][i] == pytest.approx(-nearest)
    background = distance.mahalanobis(row, centre, total) ** 2
    expected = background - nearest
    assert found['relative_mahalanobis'][i] == pytest.approx(expected)


def test_one_class_is_its_own_background(said):
  x, cells, weights = known()
  reference = scores.fit(x, np.where(cells == 1, 1, -1), weights, CLASSES)
  found = scores.score_all(said, CLASSES, reference)
  assert (found['mahalanobis'] < 0).all()
  np.testing.assert_allclose(found['relative_mahalanobis'], 0, atol=1e-8)


@pytest.mark.parametrize('neighbours', [1, 5, None])
def test_neighbours_equal_scikit_learn(said, neighbours):
  x, cells, weights = known(49)
  reference = scores.fit(x, cells, weights, CLASSES, neighbours=neighbours)
  k = neighbours or 7

  def units(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)

  search = NearestNeighbors(n_neighbors=k).fit(units(x))
  # More rows than are compared at once.
  many = np.tile(said.features, (50, 1)).astype(np.float64)
  expected = search.kneighbors(units(many))[0][:, -1]
  found = distances(many, reference).neighbour
  np.testing.assert_allclose(found, expected, rtol=1e-7)
  scaled = distances(9 * many, reference).neighbour
  np.testing.assert_allclose(scaled, expected, rtol=1e-7)
  if neighbours == 1:
    own = distances(x, reference).neighbour
    np.testing.assert_allclose(own, 0, atol=1e-7)


def test_turned_and_scaled_features_are_as_far(said):
  x, cells, weights = known()
  turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(D, D)))
  found = [
    distances(said.features @ t, scores.fit(x @ t, cells, weights, CLASSES))
    for t in (np.eye(D), 5 * turn)
  ]
  for a, b in zip(*found, strict=True):
    np.testing.assert_allclose(a, b)


def test_rows_that_do_not_count_change_nothing(said):
  x, cells, weights = known()
  rubbish = 100 * np.ones((4, D))
  rubbish[3] = np.nan
  more = (
    np.concatenate([x, rubbish]),
    np.concatenate([cells, [CLASSES, -1, 0, 1]]),
    np.concatenate([weights, [1, 1, 0, 1]]),
  )
  for a, b in zip(
    scores.fit(x, cells, weights, CLASSES),
    scores.fit(*more, CLASSES),
    strict=True,
  ):
    np.testing.assert_allclose(a, b)


def test_a_weight_of_two_is_a_row_twice(said):
  x, cells, _ = known()
  heavy = np.where(np.arange(40) < 7, 2, 1)
  twice = np.repeat(np.arange(40), heavy)
  a = distances(said.features, scores.fit(x, cells, heavy, CLASSES))
  again = scores.fit(x[twice], cells[twice], np.ones(47), CLASSES)
  b = distances(said.features, again)
  np.testing.assert_allclose(a.nearest, b.nearest)
  np.testing.assert_allclose(a.background, b.background)


def test_a_class_of_one_row_and_one_of_none(said):
  x, cells, _ = known()
  few = (cells == 0) | (np.arange(40) == 2)  # ten of class 0, one of class 2
  reference = scores.fit(x[few], cells[few], np.ones(few.sum()), CLASSES)
  assert reference.means.shape == (2, D)
  own = distances(x[2:3], reference)
  assert own.nearest == pytest.approx(0, abs=1e-9)
  assert all(np.isfinite(d).all() for d in distances(said.features, reference))


@pytest.mark.parametrize('offset', [0.0, 0.1, 1e4])
def test_one_row_a_class_makes_euclidean_distances(said, offset):
  # Where means are of one row, rounding must not pass for a variance.
  x = np.float32(known(3)[0] + offset).astype(np.float64)
  weights = np.array([0.1, 0.3, 0.7])
  reference = scores.fit(x, np.arange(3), weights, CLASSES)
  residuals = x - np.average(x, 0, weights)
  variance = np.average(np.square(residuals).mean(1), weights=weights)
  rows = said.features + offset
  expected = distance.cdist(rows, x, 'sqeuclidean').min(1) / (0.1 * variance)
  found = distances(rows, reference)
  np.testing.assert_allclose(found.nearest, expected)
  # What is off the plane of the rows is off it for classes and the centre.
  off = linalg.null_space(residuals)[:, 0]
  off *= np.sqrt(variance) * 10
  moved = distances(rows + off, reference)
  np.testing.assert_allclose(
    moved.background - moved.nearest,
    found.background - found.nearest,
    rtol=1e-5,
    atol=1e-5,
  )


@pytest.mark.parametrize('row', [np.zeros((1, D)), np.full((1, D), 0.1)])
def test_a_single_row_is_a_reference(said, row):
  reference = scores.fit(row, np.array([1]), np.array([0.3]), CLASSES)
  found = distances(said.features, reference)
  expected = np.square(said.features - row).sum(1)
  np.testing.assert_allclose(found.nearest, expected, rtol=1e-5)
  np.testing.assert_allclose(found.background, expected, rtol=1e-5)


def test_a_diverged_network_scores_nan_and_nothing_crashes(said):
  x, cells, weights = known()
  good = scores.fit(x, cells, weights, CLASSES)
  logits, features = said.logits.copy(), said.features.copy()
  logits[0], features[0] = np.nan, np.nan
  logits[1], features[1] = np.inf, np.inf
  found = scores.score_all(Outputs(logits, features), CLASSES, good)
  whole = scores.score_all(said, CLASSES, good)
  for name, values in found.items():
    assert np.isnan(values[0]), name
    np.testing.assert_allclose(values[2:], whole[name][2:], err_msg=name)
  lost = scores.fit(np.nan * x, cells, weights, CLASSES)
  nothing = Outputs(np.nan * logits, np.nan * features)
  for name, values in scores.score_all(nothing, CLASSES, lost).items():
    assert np.isnan(values).all(), name


@pytest.mark.parametrize(
  ('cells', 'options', 'complaint'),
  [
    (np.full(40, CLASSES), {}, 'no in-distribution row'),
    (np.zeros(40), {'neighbours': 41}, 'neighbours=41 of 40 .* from 1 to 40'),
    (np.zeros(40), {'neighbours': 0}, 'neighbours=0 of 40'),
  ],
)
def test_a_reference_of_nothing_is_refused(cells, options, complaint):
  x, _, weights = known()
  with pytest.raises(UserError, match=complaint):
    scores.fit(x, cells, weights, CLASSES, **options)
