"""Laws of Group DRO's configurations: what each argument puts where."""

from __future__ import annotations

import jax
import pytest

from rdd_jax import data
from rdd_jax.config.build import experiment as build
from rdd_jax.config.build.groups import parse_risk
from rdd_jax.config.presets import groups
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import empirical
from rdd_jax.core.transform import DataSpec

SMALL = 'ipc=1,width=4'


def config(arg: str, dataset: str = 'fashion_mnist'):
  return groups.groupdro(dataset, f'{SMALL},{arg}')


def built(arg: str) -> build.Experiment:
  chosen = config(arg)
  dataset = data.mock(chosen.data.name, n=400)
  if chosen.data.rare:
    dataset = data.rarefy(dataset, chosen.data.rare, jax.random.key(0))
  preprocess = build.preprocessing(chosen, dataset)
  return build.build(chosen, dataset, preprocess)


def test_groups_are_found_before_they_are_balanced():
  """Though their names sort the other way round."""
  chosen = config('groups=found')
  assert sorted(chosen.transform) == ['balance', 'groups']
  state = _initial(built('groups=found'))
  assert list(state.transform) == ['groups', 'balance']


def _initial(experiment: build.Experiment):
  spec: DataSpec = experiment.spec
  key = jax.random.key(0)
  labels = jax.numpy.arange(spec.num_examples) % spec.num_classes
  measure = empirical(labels, spec.num_outputs)
  images = jax.numpy.zeros((spec.num_examples, 28, 28, 1), 'uint8')
  params = experiment.initial(key, images, measure)
  return experiment.distiller.init(key, spec, params, measure)


@pytest.mark.parametrize(
  ('arg', 'transform', 'training', 'risk', 'apart'),
  [
    ('risk=none', [], [], 'total', 0),
    ('rare=line-0.1', ['balance'], [], 'total', 0),
    ('rare=line-0.1,by=weights', ['balance'], [], 'total', 0),
    ('rare=line-0.1,by=matching', ['balance'], [], 'total', -1),
    ('rare=line-0.1,by=matching,risk=worst', ['balance'], [], 'worst', -1),
    (
      'rare=line-0.1,by=matching,risk=worst,trained=cvar,method=dsa',
      ['balance'],
      ['cells', 'risk'],
      'worst',
      -1,
    ),
    ('risk=none,trained=real,method=dsa', [], [], 'total', 0),
    ('groups=found,by=matching,risk=cvar', ..., [], 'cvar-0.2', 4),
    ('groups=kmeans,clusters=3,by=matching', ..., [], 'total', 3),
    ('groups=neighbors', ['groups'], [], 'total', 0),
    ('', ['balance', 'groups'], [], 'total', 0),
    ('groups=sparse', ['groups'], [], 'total', 0),
    ('groups=difficult', ['groups'], [], 'total', 0),
    ('method=dsa,risk=cvar', [], ['cells', 'risk'], 'total', 0),
    ('method=dsa,risk=released', [], ['cells', 'risk'], 'total', 0),
    ('method=mtt,rare=line-0.1,risk=dro', [], ['risk'], 'total', 0),
    ('method=idc,groups=kmeans,risk=worst', ['groups'], ['risk'], 'total', 0),
  ],
)
def test_each_argument_has_its_place(arg, transform, training, risk, apart):
  chosen = config(arg)
  if transform is ...:
    transform = ['balance', 'groups']
  assert sorted(chosen.transform) == transform
  assert sorted(chosen.training) == training
  assert (chosen.risk, chosen.objective.get('groups', 0)) == (risk, apart)
  if training and 'method=dsa' in arg:
    assert chosen.objective.inner.data == 'real'
  built(arg)


@pytest.mark.parametrize(
  ('arg', 'words'),
  [
    ('risk=cvar', ['method', 'dsa']),  # DM trains no network
    ('risk=equal,by=training', ['by', 'draws']),
    ('method=mtt,risk=cvar', ['voronoi', 'groups=found']),
    ('groups=voronoi', ['voronoi', 'groups=found']),
    ('groups=sparse,by=matching', ['sparse']),
    ('risk=cvor', ['risk', 'cvar']),
    ('method=dsa,risk=released,by=matching', ['released', 'training']),
    ('groups=know', ['groups', 'known']),
    ('groups=kmeans,clusters=1', ['clusters=1', '2 or more']),
  ],
)
def test_what_does_not_go_together_says_so(arg, words):
  with pytest.raises(UserError) as error:
    config(arg)
  for word in words:
    assert word in str(error.value)


@pytest.mark.parametrize(
  ('arg', 'words'),
  [
    ('groups=known', ['groups', 'data.rare']),
    ('groups=known,by=matching', ['groups', 'data.rare']),
    ('method=dsa,groups=known,risk=dro', ['groups', 'data.rare']),
  ],
)
def test_known_groups_must_be_known(arg, words):
  with pytest.raises(UserError) as error:
    built(arg)
  for word in words:
    assert word in str(error.value)


@pytest.mark.parametrize('text', ['cvar-2', 'mean-1', 'cvar-x', 'nothing'])
def test_a_bad_risk_is_named(text):
  with pytest.raises(UserError, match=text.partition('-')[0]):
    parse_risk(text)
