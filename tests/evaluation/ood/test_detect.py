"""Laws of judging networks by what they tell apart."""

from __future__ import annotations

from dataclasses import replace

import chex
from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import Batch, concat
from rdd_jax.evaluation.ood.curves import curves, roc
from rdd_jax.evaluation.ood.detect import OODBenchmark, OODSet, detect
from rdd_jax.images.preprocessing import standardize
from rdd_jax.training.fit import fit_many
from rdd_jax.training.recipe import Recipe

CLASSES, SHAPE, NETWORKS = 3, (6, 6, 1), 2
NET = networks.build('mlp', CLASSES, width=16)
PRE = standardize([0.4], [0.3])
RECIPE = Recipe(steps=60, learning_rate=0.05)


def images(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
  """A bright band for each class."""
  rng = np.random.default_rng(seed)
  labels = np.arange(n) % CLASSES
  pixels = rng.uniform(0, 80, (n, *SHAPE))
  for row, label in zip(pixels, labels, strict=True):
    row[2 * label : 2 * label + 2] += 150
  return pixels.astype(np.uint8), labels


def batch(n: int = 60) -> Batch:
  pixels, labels = images(0, n)
  cells = jnp.asarray(labels, jnp.int32)
  return batch_of(
    inputs=PRE(jnp.asarray(pixels)),
    targets=jax.nn.one_hot(cells, CLASSES),
    cells=cells,
  )


@pytest.fixture(scope='module')
def trained():
  return fit_many(
    NET,
    batch(),
    RECIPE,
    num_classes=CLASSES,
    input_shape=SHAPE,
    seeds=jax.random.split(jax.random.key(0), NETWORKS),
  )


def noises(**marks: tuple[bool, bool]) -> OODBenchmark:
  """Noise sets by name, marked near and seen, beside test rows."""
  pixels, labels = images(1, 90)
  sets = tuple(
    OODSet(
      name,
      np.random.default_rng(i).integers(0, 256, (40, *SHAPE), np.uint8),
      *near_seen,
    )
    for i, (name, near_seen) in enumerate(marks.items())
  )
  return OODBenchmark(pixels, labels, sets)


def judged(trained, ood: OODBenchmark, rows: Batch | None = None, **options):
  return detect(
    NET,
    trained,
    batch() if rows is None else rows,
    ood,
    RECIPE,
    num_classes=CLASSES,
    preprocess=PRE,
    key=jax.random.key(1),
    **options,
  )


def test_means_are_over_far_sets_that_nobody_trained_on(trained):
  ood = noises(
    a=(False, False), b=(False, False), c=(False, True), d=(True, False)
  )
  row, _ = judged(trained, ood)
  for score in ('', '_energy', '_relative_mahalanobis', '_knn'):
    values = [row[f'auroc{score}@{name}']['values'] for name in 'ab']
    np.testing.assert_allclose(
      row[f'auroc{score}']['values'], np.mean(values, 0)
    )
    np.testing.assert_allclose(
      row[f'near_auroc{score}']['values'], row[f'auroc{score}@d']['values']
    )
  assert row['auroc']['n'] == NETWORKS
  assert {'aupr_in', 'aupr_out', 'fpr95_out', 'auroc_wrong'} <= row.keys()
  assert 0 <= row['ece_oracle']['mean'] <= 1


def test_the_data_itself_cannot_be_told_apart(trained):
  ood = noises()
  same = OODSet('same', ood.inside)
  row, found = judged(trained, ood._replace(sets=(same,)))
  for name, metric in row.items():
    if name.startswith('auroc') and '@' in name:
      np.testing.assert_allclose(metric['values'], 0.5), name
  shares = found['msp']['histograms']
  np.testing.assert_allclose(shares['same'], shares['inside'])


def test_noise_is_told_from_bands(trained):
  row, _ = judged(trained, noises(noise=(False, False)))
  assert row['auroc_mahalanobis']['mean'] > 0.9


def test_another_set_changes_no_metric_of_the_first(trained):
  alone, _ = judged(trained, noises(a=(False, False)))
  both, _ = judged(trained, noises(a=(False, False), b=(True, False)))
  for name in alone:
    assert both[name] == alone[name], name


def test_stored_outliers_are_no_part_of_the_reference(trained):
  ood = noises(a=(False, False))
  rows = batch()
  added = replace(
    rows,
    inputs=10 + jnp.zeros_like(rows.inputs),
    cells=jnp.full_like(rows.cells, CLASSES),
  )
  plain, _ = judged(trained, ood)
  more, _ = judged(trained, ood, concat(rows, added))
  chex.assert_trees_all_close(more, plain, rtol=1e-6)


def test_raw_rows_are_preprocessed(trained):
  ood = noises(a=(False, False))
  plain, _ = judged(trained, ood)
  raw = replace(batch(), inputs=jnp.asarray(images(0)[0]))
  same, _ = judged(trained, ood, raw)
  chex.assert_trees_all_close(same, plain, rtol=1e-5)


def test_odin_joins_where_it_is_asked_for(trained):
  ood = noises(a=(False, False))
  assert 'auroc_odin' not in judged(trained, ood)[0]
  row, _ = judged(trained, ood._replace(odin=True))
  assert 0 <= row['auroc_odin@a']['mean'] <= 1


def test_curves_are_shares_and_rise_from_none_to_all():
  rng = np.random.default_rng(0)
  inside = {'msp': rng.normal(size=300), 'energy': rng.normal(size=300)}
  theirs = {'x': {'msp': rng.normal(size=70), 'energy': np.full(70, np.nan)}}
  found = curves(inside, theirs)
  for score in ('msp', 'energy'):
    for shares in found[score]['histograms'].values():
      assert sum(shares) == pytest.approx(1)
    points = np.asarray(found[score]['roc']['x'])
    assert points[0].tolist() == [0, 0]
    assert points[-1, 1] == 1
    assert (np.diff(points, axis=0) >= 0).all()
  area = np.trapezoid(*np.asarray(roc(np.arange(9.0), np.arange(9.0))).T[::-1])
  assert area == pytest.approx(0.5, abs=0.1)


def test_an_ensemble_is_one_score_of_all_networks():
  net = networks.build('convnet', CLASSES, width=4, depth=1)
  keys = jax.random.split(jax.random.key(0), 2)
  pair = jax.vmap(lambda key: networks.init(net, key, SHAPE))(keys)

  def row(variables):
    found, _ = detect(
      net,
      variables,
      batch(),
      noises(a=(False, False)),
      RECIPE,
      num_classes=CLASSES,
      preprocess=PRE,
      key=jax.random.key(1),
    )
    return found

  one, both = (row(jax.tree.map(lambda v, n=n: v[:n], pair)) for n in (1, 2))
  assert 'auroc_ensemble' not in one
  assert both['auroc_ensemble@a']['n'] == 1
  assert both['auroc_combined@a']['n'] == 2
  twice = row(jax.tree.map(lambda v: v[jnp.array([0, 0])], pair))
  np.testing.assert_allclose(
    twice['auroc_ensemble@a']['values'],
    [one['auroc_combined@a']['mean']],
    rtol=1e-6,
  )
