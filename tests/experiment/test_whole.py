"""Coresets of a run without networks on all rows are those it asks for."""

from __future__ import annotations

from pathlib import Path

from end_to_end.run_cases import tiny
import numpy as np
import pytest

from rdd_jax.experiment.trial import load_trial
from rdd_jax.experiment.whole import CORESETS, whole
from rdd_jax.synthetic import coresets


def test_no_rows_are_embedded_for_coresets_that_nobody_asked_for(
  tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
  asked: list[str] = []
  for name, choose in tuple(CORESETS.items()):

    def watched(*args, name=name, choose=choose):
      asked.append(name)
      return choose(*args)

    monkeypatch.setitem(CORESETS, name, watched)
  config = tiny(whole__steps=0, baselines=('random',))
  trial = load_trial(config, tmp_path)
  assert whole(trial)['coresets'] == {}
  assert asked == []
  config.baselines = ('random', 'herding')  # a run may be asked for more later
  found = whole(trial)['coresets']
  assert asked == ['herding']
  data = trial.dataset
  pixels = data.train_images.reshape(len(data.train_labels), -1)
  ipc = config.synthetic.ipc
  expected = coresets.herding(pixels, data.train_labels, ipc, 10)
  np.testing.assert_array_equal(found['herding'], expected)
  assert whole(trial)['coresets'] == found
  assert asked == ['herding']  # and remembered
