"""A configuration reaches code of one's own, and says what is wrong with it."""

from __future__ import annotations

from pathlib import Path
import sys

import jax
import numpy as np
import pytest

from rdd_jax import data, networks
from rdd_jax.config.build import data as build_data
from rdd_jax.config.build import objectives, transforms
from rdd_jax.config.build.context import Context
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import digits
from rdd_jax.core import plugins
from rdd_jax.core.errors import UserError
from rdd_jax.core.transform import DataSpec, Transform
from rdd_jax.experiment import loop, pipeline
from rdd_jax.experiment.experts import buffer
from rdd_jax.images import preprocessing
from rdd_jax.training.probe import no_probe

MODULE = '''
from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from rdd_jax import data
from rdd_jax.core.transform import (
  Transform, from_prepare, from_update, identity
)
from rdd_jax.objectives import Objective, distribution_matching
from rdd_jax.robust import balance

SEEN = []


def dm(context, *, label='') -> Objective:
  SEEN.append(label)
  return distribution_matching(
    context.net, context.input_shape, context.spec.num_cells,
    real_rows=context.real_rows, synthetic_rows=context.synthetic_rows,
  )


def count(context, *, start=0) -> Transform:
  """Counts the rows that pass, which a resumed run must go on with."""
  def update(batch, state, *, key, score, synthetic):
    return batch, state + batch.weights.sum()
  return from_update(lambda spec: jnp.float32(start), update)


def asking(context) -> Transform:
  def update(batch, state, *, key, score, synthetic):
    return batch, state + score(batch).losses.mean()
  return from_update(lambda spec: jnp.float32(0), update)


def softening(context) -> Transform:
  """Makes labels soft when it is asked for the second time."""
  def prepare(measure, state, *, key, data):
    if int(state):
      measure = replace(measure, targets=0.9 * measure.targets[:] + 0.01)
    return measure, state + 1
  return from_prepare(lambda spec: jnp.int32(0), prepare)


def measured(context) -> Transform:
  return balance(context.spec.num_cells, 2)


def arrays() -> data.Dataset:
  found = data.load('digits')
  return data.from_arrays(
    found.train_images, found.train_labels,
    found.test_images, found.test_labels,
    train_groups=found.train_labels % 2, test_groups=found.test_labels % 2,
    train_rare=found.train_labels == 0, test_rare=found.test_labels == 0,
  )


def bare(context):
  return identity()


def nothing(context) -> Transform:
  pass


def broken(context) -> Transform:
  raise KeyError('inside')
'''
SPEC = DataSpec(20, 10, 10, 10, 2)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
  """The name of a module of one's own."""
  (tmp_path / 'own_methods.py').write_text(MODULE)
  (tmp_path / 'own_torn.py').write_text('import no_such_package')
  monkeypatch.syspath_prepend(tmp_path)
  yield 'own_methods'
  for name in ('own_methods', 'own_torn'):
    sys.modules.pop(name, None)


def tiny(**changes: object) -> Config:
  config = digits.dm('smoke,width=4')
  config.unlock()
  config.update_from_flattened_dict(
    {
      'steps': 6,
      'steps_per_call': 1,
      'log_every': 1,
      'checkpoint_every': 2,
      'evaluation.epochs': 2,
      'evaluation.seeds': 1,
      'whole.steps': 0,
      'baselines': (),
    }
  )
  config.update(changes)
  return config


def context() -> Context:
  pixels = np.arange(128, dtype=np.uint8).reshape(2, 8, 8, 1)
  net = networks.build('mlp', 10)
  return Context(SPEC, preprocessing.fit(pixels), net, (8, 8, 1))


def chain(place: str, **links: object) -> Transform:
  return transforms.chains(tiny(**{place: links}), place, context())


@pytest.mark.parametrize(
  ('name', 'words'),
  [
    ('own_method:count', "no module 'own_method'; start the command from"),
    ('own_methods.more:count', "no module 'own_methods.more'"),
    ('own_methods:cuont', "did you mean 'count'"),
    ('own_methods:SEEN', "unknown function in x=own_methods:SEEN: 'SEEN'"),
    ('own_methods:', 'give package.module:function'),
    (':count', 'give package.module:function'),
    ('own methods:count', 'give package.module:function'),
    ('own_methods:bare', r'annotate it, def bare\(...\) -> Transform'),
    (
      'own_methods:arrays',
      'not declared to return a rdd_jax.core.transform.Tran',
    ),
    ('os:system', 'not declared to return'),
    ('builtins:print', 'not declared to return'),
    (
      'own_methods:nothing',
      'returned a NoneType: return a rdd_jax.core.transform',
    ),
  ],
)
def test_what_is_wrong_is_said(own: str, name: str, words: str):
  with pytest.raises(UserError, match=words) as error:
    plugins.call(f'x={name}', name, Transform, None)
  assert '\n' not in str(error.value)


def test_options_that_a_function_does_not_take(own: str):
  with pytest.raises(UserError, match=r"unexpected.*'strat'; it takes .*start"):
    plugins.call('x', f'{own}:count', Transform, None, strat=1)


def test_errors_inside_are_the_authors(own: str):
  with pytest.raises(KeyError, match='inside'):
    plugins.call('x', f'{own}:broken', Transform, None)
  with pytest.raises(ModuleNotFoundError, match='no_such_package'):
    plugins.call('x', 'own_torn:count', Transform, None)


@pytest.mark.slow
def test_own_objective_is_the_builtin_one_and_resumes(
  own: str, tmp_path: Path, stop_after
):
  """Its outputs are those of the objective it wraps; so after a stop."""
  link = {'factory': f'{own}:count', 'start': 3}
  plain = tiny(data={'name': 'digits'}, transform={'seen': link})
  pipeline.execute(plain, tmp_path / 'plain')
  config = tiny(
    data={'name': f'python:{own}:arrays'},
    transform={'seen': link},
  )
  config.objective = {'name': f'{own}:dm', 'label': 'seen'}
  with pytest.raises(loop.Stopped):
    pipeline.execute(config, tmp_path / 'own', stop=stop_after(3))
  pipeline.execute(config, tmp_path / 'own')
  assert sys.modules[own].SEEN == ['seen', 'seen']
  for name in ('distilled.npz', 'metrics.jsonl'):
    ours, theirs = (tmp_path / d / name for d in ('own', 'plain'))
    assert ours.read_bytes() == theirs.read_bytes(), name
  results = (tmp_path / 'own' / 'results.json').read_text()
  assert '"rare_group"' in results


@pytest.mark.slow
def test_labels_that_become_soft_on_the_way_stay_so(
  own: str, tmp_path: Path, stop_after
):
  config = tiny(
    data={'name': 'digits'},
    transform={'soft': {'factory': f'{own}:softening'}},
    prepare_every=2,
  )
  pipeline.execute(config, tmp_path / 'whole')
  with pytest.raises(loop.Stopped):
    pipeline.execute(config, tmp_path / 'cut', stop=stop_after(3))
  pipeline.execute(config, tmp_path / 'cut')
  for name in ('distilled.npz', 'metrics.jsonl'):
    whole, cut = (tmp_path / d / name for d in ('whole', 'cut'))
    assert whole.read_bytes() == cut.read_bytes(), name


def test_options_stand_beside_the_name(own: str):
  old = {'name': f'{own}:dm', 'options': {'label': 'seen'}}
  config = tiny()
  config.objective = old
  context = Context(
    SPEC, None, networks.build('mlp', 10), (8, 8, 1), config, 4, 1
  )
  with pytest.raises(UserError, match=r'objective.options is now'):
    objectives.objective(context)
  config.objective = {'name': f'{own}:dm', 'labell': 'seen'}
  with pytest.raises(UserError, match='labell'):
    objectives.objective(context)


def test_own_transforms_stand_before_outliers(own: str):
  made = chain(
    'transform',
    a={'factory': 'expose_outliers', 'slots': 1},
    b={'factory': f'{own}:count'},
    c={'factory': 'balance'},
  )
  assert list(made.init(SPEC)) == ['c', 'b', 'a']


def test_own_transforms_of_the_measure_stand_in_one_place(own: str):
  link = {'factory': f'{own}:measured'}
  assert list(chain('transform', a=link).init(SPEC)) == ['a']
  with pytest.raises(UserError, match=r'student.a acts on the measure'):
    chain('student', a=link)


def test_own_transforms_that_score_say_so(own: str):
  net = networks.build('mlp', 10)
  link = {'factory': f'{own}:asking'}
  config = tiny(transform={'a': link})
  assert transforms.scoring_probe(config, net, (8, 8, 1), 10) is None
  made = transforms.chains(config, 'transform', context())
  given = {'key': jax.random.key(0), 'synthetic': None}
  with pytest.raises(ValueError, match='scores=True'):
    made.update(None, made.init(SPEC), score=no_probe().score(()), **given)
  config = tiny(transform={'a': link | {'scores': True}})
  assert transforms.scoring_probe(config, net, (8, 8, 1), 10) is not None
  transforms.chains(config, 'transform', context())


def test_experts_of_other_code_are_others(own: str, tmp_path: Path):
  def made_of(**chains: object) -> dict:
    return dict(buffer.buffer(tiny(**chains), tmp_path, 1).made_of)

  assert 'code' not in made_of(training={'tilt': {}})
  link = {'a': {'factory': f'{own}:count'}}
  before = made_of(training=link)
  assert before == made_of(training=link)
  del sys.modules[own]
  (tmp_path / f'{own}.py').write_text(MODULE + '\n# changed\n')
  assert made_of(training=link)['code'] != before['code']


def test_own_data_set_is_resized_and_keeps_its_groups(own: str):
  name = f'python:{own}:arrays'
  found = data.load(name, size=4, channels=3)
  plain = data.load('digits', size=4, channels=3)
  assert found.name == name
  np.testing.assert_array_equal(found.train_images, plain.train_images)
  np.testing.assert_array_equal(found.test_groups, found.test_labels % 2)
  np.testing.assert_array_equal(found.train_rare, found.train_labels == 0)
  split = data.load_split(name, 'test', size=4, channels=3)
  np.testing.assert_array_equal(split.images, plain.test_images)
  np.testing.assert_array_equal(split.groups, found.test_groups)
  (outside,) = data.load_ood([f'{name}@train'], plain.test_images, 7, seed=0)
  assert outside.images.shape == (7, 4, 4, 3)
  config = tiny(data={'name': 'python:own_method:arrays', 'mock': True})
  with pytest.raises(UserError, match="no module 'own_method'"):
    build_data.load(config)
  with pytest.raises(UserError, match="no split 'val'; it has train and test"):
    data.load_split(name, 'val')
  with pytest.raises(UserError, match=r'did you mean python:own:arrays'):
    data.load('pyhton:own:arrays')
