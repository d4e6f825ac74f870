"""Decoupled methods on Tiny ImageNet and ImageNet have the released settings.

Numbers are those of the files that `config/presets/large.py` names.
"""

from __future__ import annotations

import pytest

from rdd_jax.config.presets.registry import preset

TAUGHT = 'labels=teacher'


def fields(config, *names: str) -> tuple:
  found = []
  for name in names:
    value = config
    for part in name.split('.'):
      value = value[part]
    found.append(value)
  return tuple(found)


@pytest.mark.parametrize(
  ('dataset', 'stem', 'epochs', 'rate'),
  [('tiny_imagenet', 'small', 50, 0.2), ('imagenet', 'imagenet', 90, 0.1)],
)
@pytest.mark.parametrize('method', ['rded', 'sre2l'])
def test_teachers(method, dataset, stem, epochs, rate):
  config = preset(method, dataset)(TAUGHT)
  network = config.network.to_dict()
  assert network.pop('dtype') == 'float32'
  assert network == {
    'name': 'resnet18',
    'width': 64,
    'norm': 'batch',
    'stem': stem,
    'start': 'he',
  }
  names = ('epochs', 'learning_rate', 'batch_size', 'momentum', 'weight_decay')
  found = fields(config.experts, *names)
  assert found == (epochs, rate, 256, 0.9, 1e-4)
  assert config.synthetic.temperature == 20
  assert preset(method, dataset)('teacher_epochs=3').experts.epochs == 3
  assert preset(method, dataset)(f'{TAUGHT},temperature=4').synthetic[
    'temperature'
  ] == pytest.approx(4)


@pytest.mark.parametrize(
  ('dataset', 'arg', 'batch', 'augment'),
  [
    ('tiny_imagenet', 'ipc=1', 100, 'flip'),
    ('tiny_imagenet', 'ipc=50', 100, 'flip'),
    ('imagenet', 'tiles=2,ipc=1', 20, 'flip_resized-0.5'),
    ('imagenet', 'tiles=2,ipc=10', 100, 'flip_resized-0.5'),
    ('imagenet', 'tiles=2,ipc=50', 200, 'flip_resized-0.5'),
  ],
)
def test_rded(dataset, arg, batch, augment):
  config = preset('rded', dataset)(f'{TAUGHT},{arg}')
  assert fields(config.selection, 'draws', 'crops', 'least') == (300, 5, 0.08)
  students = config.evaluation
  assert fields(students, 'epochs', 'batch_size') == (300, batch)
  assert fields(students, 'optimizer', 'learning_rate', 'weight_decay') == (
    'adamw',
    1e-3,
    0.01,
  )
  assert fields(students, 'schedule', 'cutmix', 'augment', 'convention') == (
    'half_cosine',
    1.0,
    augment,
    'idc',
  )


@pytest.mark.parametrize(
  ('dataset', 'alpha', 'jitter', 'rate'),
  [('tiny_imagenet', 1.0, 4, 0.1), ('imagenet', 0.01, 32, 0.25)],
)
def test_sre2l(dataset, alpha, jitter, rate):
  config = preset('sre2l', dataset)(TAUGHT)
  names = ('alpha', 'first', 'jitter', 'rows', 'augment', 'convention')
  expected = (alpha, 10.0, jitter, 100, 'flip_resized', 'idc')
  assert fields(config.objective, *names) == expected
  assert config.steps == 4000
  rule = config.optimizer
  assert fields(rule, 'name', 'betas', 'decay') == ('adam', (0.5, 0.9), 0.0)
  # Of pixels, which standardizing divides by 0.226.
  assert rule.learning_rate == pytest.approx(rate * 0.226)
  students = config.evaluation
  if dataset == 'imagenet':
    assert fields(students, 'epochs', 'batch_size', 'optimizer') == (
      300,
      1024,
      'adamw',
    )
    assert students.cutmix == 1
  else:
    assert fields(students, 'epochs', 'batch_size', 'optimizer') == (
      100,
      256,
      'sgd',
    )
    assert fields(students, 'learning_rate', 'weight_decay', 'cutmix') == (
      0.2,
      1e-4,
      0,
    )


def test_a_network_can_be_chosen():
  conv = preset('rded', 'tiny_imagenet')('network=convnet,width=128')
  assert fields(conv.network, 'name', 'width', 'depth', 'norm') == (
    'convnet',
    128,
    4,
    'batch',
  )
  res = preset('rded', 'cifar10')('network=resnet18,width=64')
  assert fields(res.network, 'name', 'stem') == ('resnet18', 'small')
  assert preset('rded', 'cifar10')('').network.name == 'convnet'


@pytest.mark.parametrize('method', ['rded', 'sre2l'])
def test_another_place_is_read_by_the_same_settings(method):
  one = preset(method, 'imagenet')(TAUGHT)
  other = preset(method, 'imagenet')(f'{TAUGHT},data=folder:/images')
  assert (one.data.name, other.data.name) == (
    'tfds:imagenet2012',
    'folder:/images',
  )
  other.data.name = one.data.name
  assert one.to_dict() == other.to_dict()


def test_no_baseline_of_imagenet_embeds_all_rows():
  for method in ('rded', 'sre2l'):
    config = preset(method, 'imagenet')('')
    assert config.baselines == ('random',)
    assert config.whole.steps == 0
