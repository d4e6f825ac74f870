"""What the first layout of rdd_jax wrote is read, and not resumed.

`tests/data/old_run` holds four files of a run of configs/trustdd_digits.py at
commit 7577c87, as that code wrote them.
"""

from __future__ import annotations

import shutil

import chex
from helpers import ROOT
import pytest

from rdd_jax import convert
from rdd_jax.artifact import store
from rdd_jax.artifact.load import self_described
from rdd_jax.config.presets.ood import trustdd
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import judge, of_card, trial, workdir

OLD = ROOT / 'tests' / 'data' / 'old_run'


def test_its_set_is_evaluated_as_its_card_says():
  distilled = store.load(OLD)
  found = judge.judge_of(distilled, of_card.load(distilled.card), epochs=1)
  (row,) = found(distilled, trial.network_keys(0, 1)).values()
  assert distilled.card['network']['name'] == 'convnet'
  assert len(found.student.init(None)) == 1  # outliers on the fly
  assert {'accuracy', 'auroc@gaussian', 'ece'} <= row.keys()


def test_its_set_is_converted(tmp_path):
  convert.convert(OLD, 'npz', tmp_path)
  before = store.load(OLD)
  after = self_described(tmp_path / 'set.npz')
  chex.assert_trees_all_equal(store.to_arrays(before), store.to_arrays(after))
  assert after.card['seeds'] == before.card['seeds']


def test_its_run_is_not_resumed(tmp_path):
  shutil.copy(OLD / 'config.json', tmp_path)
  with pytest.raises(UserError, match=r'layout 1.*another --workdir') as error:
    workdir.claim(tmp_path, trustdd('digits', 'smoke'))
  assert '\n' not in str(error.value)
