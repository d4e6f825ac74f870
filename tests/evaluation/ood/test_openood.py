"""OpenOOD's columns, against its definitions written with scikit-learn."""

from __future__ import annotations

from evaluation.ood.test_detect import OODSet, judged, noises, trained
import numpy as np
import pytest
from sklearn import metrics as sk

from rdd_jax.evaluation.ood import metrics as detection
from rdd_jax.evaluation.ood.openood import COLUMNS, FAR, NEAR, openood, text

__all__ = ['trained']  # a fixture


def reference(inside: np.ndarray, outside: np.ndarray) -> dict[str, float]:
  """Outliers are the positives, and have the smaller scores."""
  other = np.r_[np.zeros(len(inside)), np.ones(len(outside))]
  score = -np.r_[inside, outside]
  false, true, _ = sk.roc_curve(other, score)
  precision_in, recall_in, _ = sk.precision_recall_curve(1 - other, -score)
  precision_out, recall_out, _ = sk.precision_recall_curve(other, score)
  return {
    'FPR@95': false[true >= 0.95][0],
    'AUROC': sk.auc(false, true),
    'AUPR_IN': sk.auc(recall_in, precision_in),
    'AUPR_OUT': sk.auc(recall_out, precision_out),
  }


@pytest.mark.parametrize('seed', range(6))
def test_columns_equal_their_definitions(seed):
  rng = np.random.default_rng(seed)
  n, m = rng.integers(30, 900, 2)
  inside, outside = rng.normal(size=n) + 1, rng.normal(size=m)
  found = detection.detect(inside, outside)
  for column, expected in reference(inside, outside).items():
    assert found[COLUMNS[column]] == pytest.approx(expected), column


@pytest.mark.parametrize('levels', [2, 5, 30])
def test_where_scores_tie_only_the_threshold_may_be_another(levels):
  rng = np.random.default_rng(levels)
  inside = rng.integers(0, levels, 200).astype(float) + levels // 4
  outside = rng.integers(0, levels, 150).astype(float)
  found, expected = (
    detection.detect(inside, outside),
    reference(inside, outside),
  )
  for column in ('AUROC', 'AUPR_IN', 'AUPR_OUT'):
    assert found[COLUMNS[column]] == pytest.approx(expected[column])
  assert found['fpr95_out'] <= expected['FPR@95']


def test_areas_by_trapezoids_are_average_precision_in_the_limit():
  rng = np.random.default_rng(0)
  inside, outside = rng.normal(size=20_000) + 1, rng.normal(size=20_000)
  found = detection.detect(inside, outside)
  for side in ('in', 'out'):
    assert found[f'aupr_{side}_trapezoid'] == pytest.approx(
      found[f'aupr_{side}'], abs=1e-3
    )


def test_the_table_is_of_each_set_and_kind(trained):
  ood = noises(a=(False, False), b=(True, False), c=(True, True))
  row, _ = judged(trained, ood)
  row = row | {'accuracy': {'mean': 0.75}}
  sets = [s._asdict() for s in ood.sets]
  table = openood(row, sets)
  assert list(table) == ['b', 'c', NEAR, 'a', FAR]
  assert table[NEAR] == table['b']  # c is of a kind that was trained on
  assert table[FAR] == table['a']
  for name in 'abc':
    line = table[name]
    assert line['ACC'] == 0.75
    assert line['AUROC'] == row[f'auroc@{name}']['mean']
    assert line['FPR@95'] == row[f'fpr95_out@{name}']['mean']
  by_energy = openood(row, sets, 'energy')
  assert by_energy['a']['AUROC'] == row['auroc_energy@a']['mean']
  lines = text(table).splitlines()
  assert lines[0].split() == [*COLUMNS, 'ACC']
  assert lines[-1].split()[0] == FAR
  assert lines[-1].split()[-1] == '75.00'
  assert len({len(line) for line in lines}) == 1


def test_a_set_like_the_data_is_at_chance_in_every_column(trained):
  ood = noises()
  same = OODSet('same', ood.inside)
  row, _ = judged(trained, ood._replace(sets=(same,)))
  found = openood(row | {'accuracy': {'mean': 1.0}}, [same._asdict()])['same']
  assert found['AUROC'] == pytest.approx(0.5)
  assert found['FPR@95'] >= 0.95
