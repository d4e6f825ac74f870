"""Laws of the namespaces of objectives."""

from __future__ import annotations

from ml_collections import ConfigDict
import pytest

from rdd_jax.config import defaults
from rdd_jax.config.build.objectives import OBJECTIVES, namespace
from rdd_jax.config.build.training import INNER, fields_of
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import ablations


@pytest.mark.parametrize('name', OBJECTIVES)
def test_a_namespace_has_every_field_so_that_flags_can_set_it(name: str):
  config = defaults.config()
  config.objective = namespace(name)
  config.lock()
  fields = fields_of(OBJECTIVES[name])
  assert set(config.objective) == {'name', *fields}
  for field, default in fields.items():
    if field == 'inner':
      config.objective.inner.steps = 3
      assert set(config.objective.inner) == set(INNER)
    else:
      config.objective[field] = default
  assert INNER['steps'] == 0  # a namespace is a copy


def test_fields_of_the_inner_loop_are_set_one_by_one():
  found = namespace('gradient', outer=3, inner={'steps': 2})
  assert found['outer'] == 3
  assert found['inner'] == {**INNER, 'steps': 2}


@pytest.mark.parametrize(
  ('name', 'given', 'words'),
  [
    ('gradientt', {}, ["did you mean 'gradient'"]),
    (
      'kip',
      {'outer': 2},
      ['objective.name=kip', "'outer'", 'gradient', 'loss'],
    ),
    ('kip', {'inner': {}}, ["'inner'", 'rcig']),
    ('frepo', {'inner': {'step': 1}}, ["did you mean 'steps'"]),
    ('frepo', {'ridge': 1.0}, ['config.kernel.ridge']),
  ],
)
def test_what_an_objective_does_not_take_is_refused(name, given, words):
  with pytest.raises(UserError) as error:
    namespace(name, **given)
  for word in words:
    assert word in str(error.value)


def test_ones_own_has_its_own_fields_alone():
  found = ConfigDict(namespace('a.b:c', directions=3))
  assert found.to_dict() == {'name': 'a.b:c', 'directions': 3}


def test_a_variant_may_have_another_objective():
  config = defaults.config()
  config.objective.augment = 'flip'
  config.variants = {
    'dc': {'objective': {'name': 'gradient', 'outer': 5}},
    'bare': {'objective': {'augment': ''}},
  }
  dc = ablations.derive(config, 'dc').objective.to_dict()
  assert dc == namespace('gradient', outer=5)
  bare = ablations.derive(config, 'bare').objective.to_dict()
  assert bare == namespace('distribution')
