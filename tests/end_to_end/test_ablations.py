"""A run beside itself with parts left out, and all three papers at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rdd_jax.artifact.store import ARRAYS
from rdd_jax.config.presets import all_three as presets_all_three
from rdd_jax.config.presets import digits
from rdd_jax.config.presets.methods import methods
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import ablations, pipeline


def all_three(arg: str = ''):
  return presets_all_three.all_three(
    'digits', arg, noise='asymmetric-0.4', rare='line-0.1'
  )


@pytest.mark.parametrize(
  'arg', ['', 'outliers=poe', 'method=dsa,risk=cvar', 'groups=found']
)
def test_a_variant_is_the_configuration_with_parts_off(arg: str):
  config = all_three(arg)
  assert ablations.names(config)[0] == 'plain'
  risk = 'cvar' if 'risk=cvar' in arg else 'equal'
  for name, on in presets_all_three.alone(risk).items():
    off = ','.join(
      f'{k}={v}' for k, v in presets_all_three.OFF.items() if k != on
    )
    other = all_three(f'{arg},{off},variants=false').to_dict()
    found = ablations.derive(config, name).to_dict()
    for x in (found, other):
      # Those of a variant, or chosen by what it is compared with.
      for field in ('name', 'whole', 'baselines'):
        del x[field]
    assert found == other, name


def test_variants_are_called_what_they_are():
  assert ablations.names(all_three()) == [
    'plain',
    'balanced groups',
    'TAD',
    'TrustDD',
  ]


def test_a_field_that_was_set_holds_for_every_variant():
  config = all_three()
  config.evaluation.epochs = 7
  config.transform.trust.size = 9
  for name in config.variants:
    found = ablations.derive(config, name)
    assert found.evaluation.epochs == 7
    assert 'trust' not in found.transform or found.transform.trust.size == 9
  assert 'trust' in ablations.derive(config, 'TAD').transform
  with pytest.raises(UserError, match="did you mean 'TAD'"):
    ablations.derive(config, 'TADD')


def tiny():
  config = digits.dm('smoke,width=4')
  config.seeds = 2
  config.whole.steps = 0
  config.data.rare = 'line-0.1'
  config.transform = {'balance': {}}
  config.baselines = ()
  config.variants = {
    'plain': {'without': ('balance',), 'baselines': ('random',)}
  }
  return config


def test_the_table_is_that_of_the_runs_and_the_run_is_unmoved(tmp_path: Path):
  results = ablations.execute(tiny(), tmp_path / 'both')
  alone = tiny()
  alone.variants = {}
  pipeline.execute(alone, tmp_path / 'alone')
  for file in (ARRAYS, 'results.json', f'seeds/1/{ARRAYS}'):
    ours, theirs = (tmp_path / x / file for x in ('both', 'alone'))
    assert ours.read_bytes() == theirs.read_bytes()
  found = json.loads((tmp_path / 'both' / ablations.TABLE).read_text())
  assert list(found) == ['random', 'plain', 'all of it']
  assert found['all of it']['row'] == results['rows']['distilled']
  below = tmp_path / 'both' / ablations.DIRECTORY / 'plain'
  rows = json.loads((below / 'results.json').read_text())['rows']
  assert found['plain']['row'] == rows['distilled']
  assert found['random']['row'] == rows['random']
  assert not np.array_equal(
    *(np.load(x / ARRAYS)['images'] for x in (below, tmp_path / 'both'))
  )
  text = (tmp_path / 'both' / ablations.MARKDOWN).read_text()
  assert [line.split(' | ')[0] for line in text.splitlines()] == [
    '| ',
    '| ---',
    '| random',
    '| plain',
    '| all of it',
  ]
  page = (tmp_path / 'both' / 'report.html').read_text()
  assert 'What each part buys' in page
  assert page.count('<caption>') == page.count('<table')
  assert '<th scope="row">*' not in page
  # Again, nothing is done twice.
  times = {p: p.stat().st_mtime_ns for p in below.rglob('*') if p.is_file()}
  ablations.execute(tiny(), tmp_path / 'both')
  assert times == {p: p.stat().st_mtime_ns for p in times}


@pytest.mark.slow
@pytest.mark.parametrize('method', methods('digits'))
def test_all_three_go_with_every_method(method: str, tmp_path: Path):
  config = all_three(f'method={method},smoke,width=4,variants=false')
  config.whole.steps = 0
  config.shift.corruptions = ('fog',)
  row = pipeline.execute(config, tmp_path)['rows']['distilled']
  for metric in ('accuracy', 'rare_group', 'corrupted', 'auroc', 'fpr95_in'):
    assert np.isfinite(row[metric]['mean']), metric


def test_photographs_get_every_method():
  config = presets_all_three.all_three(
    'cifar10', 'method=mtt', noise='human-worse', rare='patch-0.1'
  )
  assert config.objective.name == 'trajectory'
  assert sorted(config.transform) == ['balance', 'trust']
  assert 'flat' in config.student.outliers.corruptions
