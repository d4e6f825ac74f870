"""Every method, data set and protection, traced for a step at shape level."""

from __future__ import annotations

from marks import slow_but
import pytest
from tracing import trace

from rdd_jax.config.build.experts import teaches
from rdd_jax.config.presets.datasets import DATA
from rdd_jax.config.presets.methods import methods
from rdd_jax.config.presets.registry import preset

PROTECTIONS = {  # name -> preset, arguments, and the fact that it needs
  'plain': ('', '', ''),
  'tad': ('tad', 'noise=symmetric-0.4', 'probe'),
  'poe': ('trustdd', 'outliers=poe', 'ood_sets'),
  'on_the_fly': ('trustdd', 'outliers=on_the_fly', 'ood_sets'),
  'equal': ('groupdro', 'groups=kmeans', ''),
  'cvar': ('groupdro', 'risk=cvar,groups=kmeans', ''),
  'all_three': ('all_three', 'noise=symmetric-0.4,groups=kmeans', 'probe'),
}
# Methods whose networks train on real data, as a nested risk needs.
TRAINED = ('dc', 'dsa', 'idc', 'mtt', 'datm', 'ratbptt', 'rded', 'sre2l')

CASES = [
  f'{method}-{dataset}-{protection}'
  for dataset, row in DATA.items()
  if row.source  # what `data=` names is of no known shape
  for method in methods(dataset)
  for protection, (_, _, fact) in PROTECTIONS.items()
  if (not fact or getattr(row, fact))
  and (protection != 'cvar' or method in TRAINED)
]


def one_of_each() -> list[str]:
  """Each method plain, on all data sets in turn; under all three and one more.

  Protections are on the smallest data set, and take turns.
  """
  found: dict[str, dict[str, list[str]]] = {}
  for case in CASES:
    method, _, protection = case.split('-')
    found.setdefault(method, {}).setdefault(protection, []).append(case)
  chosen = []
  for i, cases in enumerate(found.values()):
    plain = cases.pop('plain')
    chosen += [plain[-1 - i % len(plain)], cases.pop('all_three')[0]]
    chosen.append(list(cases.values())[i % len(cases)][0])
  return chosen


def config(case: str):
  method, dataset, protection = case.split('-')
  name, arg, _ = PROTECTIONS[protection]
  small = 'smoke,width=4,ipc=1'
  if not name:
    return preset(method, dataset)(small)
  more = 'variants=false,' if name == 'all_three' else ''
  return preset(name, dataset)(f'{small},{more}method={method},{arg}')


@pytest.mark.parametrize('case', slow_but(one_of_each(), CASES))
def test_a_step_keeps_the_shapes_of_the_state(case: str):
  trace(config(case), step=True)


def test_one_of_each_has_every_method_data_set_and_protection():
  quick = [case.split('-') for case in one_of_each()]
  assert {dataset for _, dataset, _ in quick} == set(DATA) - {'own'}
  assert {method for method, *_ in quick} == {c.split('-')[0] for c in CASES}
  assert {protection for *_, protection in quick} == set(PROTECTIONS)


def test_students_of_a_teacher_mix_as_released():
  """RDED's by CutMix, SRe2L's by mixup of Beta(0.8, 0.8), in each step."""
  for labels in ('teacher', 'epochs'):
    rded, sre2l = (
      preset(name, 'cifar100')(f'labels={labels}').evaluation
      for name in ('rded', 'sre2l')
    )
    assert (rded.cutmix, rded.mixup) == (1, 0)
    assert (sre2l.cutmix, sre2l.mixup, sre2l.mixup_alpha) == (0, 1, 0.8)


@pytest.mark.parametrize('method', ['rded', 'sre2l', 'dm'])
def test_cleaning_alone_asks_no_teacher(method: str):
  given = preset('own', 'own')(f'data=folder:photos,method={method}')
  clean = preset('own', 'own')(f'data=folder:photos,task=clean,method={method}')
  assert teaches(given) == (method != 'dm')
  assert not teaches(clean)
