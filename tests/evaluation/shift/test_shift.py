"""The laws of judging networks under shift: groups, shifted rows, attacks."""

from __future__ import annotations

from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.evaluate import TestData, evaluate
from rdd_jax.evaluation.metrics import accuracy
from rdd_jax.evaluation.shift import attacks, clusters, shift
from rdd_jax.evaluation.shift.shift import Shift, Shifted
from rdd_jax.images.preprocessing import standardize
from rdd_jax.training.fit import fit_many
from rdd_jax.training.predict import predict
from rdd_jax.training.recipe import Recipe

CLASSES, SHAPE, NETWORKS = 3, (6, 6, 1), 2
NET = networks.build('mlp', CLASSES, width=16)
PRE = standardize([0.4], [0.3])
RECIPE = Recipe(steps=60, learning_rate=0.05)
KEY = jax.random.key(0)


def rows(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
  """A bright band for each class, hardly above the noise."""
  rng = np.random.default_rng(seed)
  labels = np.arange(n) % CLASSES
  pixels = rng.uniform(0, 200, (n, *SHAPE))
  for row, label in zip(pixels, labels, strict=True):
    row[2 * label : 2 * label + 2] += 50
  return pixels.astype(np.uint8), labels


def batch() -> Batch:
  pixels, labels = rows(0)
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
    seeds=jax.random.split(KEY, NETWORKS),
  )


def attacked(trained, spec: str) -> np.ndarray:
  pixels, labels = rows(1, 90)
  return attacks.attacked(
    NET,
    trained,
    pixels,
    labels,
    attacks.parse(spec),
    num_classes=CLASSES,
    preprocess=PRE,
    key=KEY,
  )


def test_more_steps_do_no_less_harm(trained):
  pixels, labels = rows(1, 90)
  clean = predict(NET, trained, pixels, PRE)
  means = [
    np.mean([accuracy(z, labels) for z in logits])
    for logits in (
      clean,
      attacked(trained, 'pgd-0.01'),
      attacked(trained, 'fgsm-8'),
      attacked(trained, 'pgd-8'),
    )
  ]
  assert means[0] == pytest.approx(means[1], abs=0.02)
  assert means[3] <= means[2] + 0.01
  assert means[2] < means[0] - 0.02


@pytest.mark.parametrize('spec', ['fgsm-9', 'pgd-9-3'])
def test_attacks_stay_in_their_box(trained, spec: str):
  given, labels = rows(1, 90)
  given = np.concatenate([given, 255 * (given > 99)])[::2].astype(np.uint8)
  labels = np.concatenate([labels, labels])[::2]
  x = jnp.asarray(given, jnp.float32) / 255
  found, logits = attacks.mislead(
    NET, trained, x, jnp.asarray(labels), attacks.parse(spec), CLASSES, PRE, KEY
  )
  assert found.shape == (NETWORKS, *given.shape)
  assert found.min() >= 0
  assert found.max() <= 1
  assert np.abs(found - x[None]).max() <= 9 / 255 + 1e-6
  again = jnp.stack(
    [
      networks.apply(NET, jax.tree.map(lambda v, i=i: v[i], trained), PRE(f))[0]
      for i, f in enumerate(found)
    ]
  )
  np.testing.assert_allclose(logits, again, rtol=1e-4, atol=1e-4)


def test_attacks_by_name():
  assert attacks.parse('fgsm-2') == ('fgsm_2', 2 / 255, 1, 2 / 255, False)
  found = attacks.parse('pgd-8-20')
  assert found.name == 'pgd_8_20'
  assert found.steps * found.step == pytest.approx(2.5 * found.radius)
  for bad in ('fgsm', 'pgd-0', 'pgd-1-0', 'fgsm-1-5', 'pgd-x'):
    with pytest.raises(UserError, match=r'such as (fgsm-2|pgd-2-10)$'):
      attacks.parse(bad)
  with pytest.raises(UserError, match="did you mean 'pgd'"):
    attacks.parse('pgdd-1')


def test_clusters_are_those_of_the_points():
  rng = np.random.default_rng(0)
  centres, own = rng.normal(size=(4, 5)), np.arange(80) % 4
  points = 9 * centres[own] + rng.normal(size=(80, 5))
  found = clusters.clusters(points, 4)
  pairs = set(zip(own.tolist(), found.ids.tolist(), strict=True))
  assert len(pairs) == 4
  again = clusters.clusters(points, 4)
  np.testing.assert_array_equal(again.ids, found.ids)
  assert again.digest == found.digest
  np.testing.assert_array_equal(found.ids, own)  # as they appear
  assert clusters.clusters(points, 3).digest != found.digest
  for k in (1, 81):
    with pytest.raises(UserError, match='a number from 2 to 80'):
      clusters.clusters(points, k)


def test_worst_cluster_against_brute_force():
  rng = np.random.default_rng(0)
  logits, labels = rng.normal(size=(200, CLASSES)), rng.integers(0, 3, 200)
  ids = rng.integers(0, 10, 200)
  ids[ids == 4] = 5  # one is empty
  order = rng.permutation(200)
  found, shuffled = (
    clusters.measure(
      logits[o],
      labels[o],
      {'': clusters.grouping(ids[o])},
      clusters.grouping(ids[o]),
    )
    for o in (np.arange(200), order)
  )
  assert found == pytest.approx(shuffled)
  by_cluster = {
    g: np.mean([logits[i].argmax() == labels[i] for i in np.where(ids == g)[0]])
    for g in set(ids.tolist())
  }
  values = list(by_cluster.values())
  assert found['cluster_min'] == pytest.approx(min(values))
  assert found['cluster_mean'] == pytest.approx(np.mean(values))
  deciles = {f'density_{g + 1}': v for g, v in by_cluster.items()}
  assert {k: found[k] for k in deciles} == pytest.approx(deciles)
  assert 'density_5' not in found


def test_deciles_of_density_against_brute_force():
  rng = np.random.default_rng(0)
  reference, points = rng.normal(size=(150, 3)), rng.normal(size=(700, 3))
  found = clusters.density_deciles(points, reference).ids
  assert np.bincount(found).tolist() == [70] * 10
  distance = np.sqrt(np.square(points[:, None] - reference).sum(-1))
  tenth = np.sort(distance, 1)[:, 9]
  for lower in range(9):
    assert tenth[found == lower].min() >= tenth[found == lower + 1].max() - 1e-5
  order = rng.permutation(700)
  np.testing.assert_array_equal(
    clusters.density_deciles(points[order], reference).ids, found[order]
  )
  same = clusters.density_deciles(np.zeros((20, 3)), reference).ids
  assert len(set(same.tolist())) == 1


def judged(trained, **parts) -> dict:
  pixels, labels = rows(1, 90)
  whole = Shift({}, None, (), (), pixels[:30], labels[:30], KEY)
  return shift.measure(
    NET,
    trained,
    whole._replace(**parts),
    predict(NET, trained, pixels, PRE),
    labels,
    num_classes=CLASSES,
    preprocess=PRE,
  )


def test_means_over_kinds_and_severities(trained):
  rng = np.random.default_rng(0)
  pixels, labels = rows(1, 90)

  def noisy(kind: str, severity: int) -> Shifted:
    noise = rng.integers(0, 20 * severity + 50, pixels.shape)
    return Shifted(
      (pixels // 2 + noise).astype(np.uint8), labels, kind, severity
    )

  sets = [noisy(kind, level) for kind in 'ab' for level in (1, 3)]
  sets.append(noisy('noise', 0))
  row = judged(trained, sets=tuple(sets))
  value = {
    (s.kind, s.severity): [
      accuracy(z, labels) for z in predict(NET, trained, s.images, PRE)
    ]
    for s in sets
  }
  assert row['noise']['values'] == value['noise', 0]
  for name, pairs in {
    'corrupted': [('a', 1), ('a', 3), ('b', 1), ('b', 3)],
    'corrupted_b': [('b', 1), ('b', 3)],
    'severity_3': [('a', 3), ('b', 3)],
  }.items():
    expected = np.mean([value[pair] for pair in pairs], 0)
    np.testing.assert_allclose(row[name]['values'], expected)
  assert set(row) == {
    'noise',
    'corrupted',
    'corrupted_a',
    'corrupted_b',
    'severity_1',
    'severity_3',
  }


def test_the_judge_adds_what_is_asked_for():
  pixels, labels = rows(1, 90)
  whole = Shift(
    {'': clusters.clusters(clusters.flat(pixels, PRE), 3)},
    None,
    (Shifted(255 - pixels, labels, 'invert'),),
    (attacks.parse('fgsm-255'),),
    pixels,
    labels,
    KEY,
  )
  options = {
    'num_classes': CLASSES,
    'preprocess': PRE,
    'seeds': jax.random.split(KEY, NETWORKS),
  }
  held = TestData(pixels, labels)
  plain = evaluate(NET, batch(), held, RECIPE, **options)
  row = evaluate(NET, batch(), held, RECIPE, **options, shift=whole)
  assert {k: row[k] for k in plain} == plain
  extra = {'cluster_min', 'cluster_mean', 'invert', 'fgsm_255'}
  assert row.keys() - plain.keys() == extra
  assert row['cluster_min']['mean'] <= row['cluster_mean']['mean']
  assert row['fgsm_255']['mean'] < 0.1
