"""Decoupled methods on Tiny ImageNet and on ImageNet, as released.

RDED by its repository, LINs-lab/RDED at 3f6453d; SRe2L by its repository,
VILA-Lab/SRe2L at 8d00cba, and zeyuanyin/tiny-imagenet at 275c667, which trains
its teachers and students on Tiny ImageNet. All numbers are of ResNet-18, but
for RDED's of ConvNet-4 on Tiny ImageNet, which trains alike (`network=convnet,
width=128`). On Tiny ImageNet the network begins with a 3x3 convolution and has
no first pooling.

Teachers of ImageNet are torchvision's weights, which it trained by SGD for 90
epochs at batch 256; here they are trained so.

Deviations: images are resized to a square, and not cropped to one. Teachers'
rates fall by a cosine, in ImageNet's as in Tiny ImageNet's, and there is no
warm-up (released: 5 epochs of teachers and of SRe2L's students, on Tiny
ImageNet). Parts that are enlarged keep their aspect ratio. RDED's students do
not see the tiles of an image in another order each time.
"""

from __future__ import annotations

from typing import Any

from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.defaults import Config
from rdd_jax.images.published import STATISTICS

STEMS = {'tiny_imagenet': 'small', 'imagenet': 'imagenet'}  # the sets there are
TEACHERS = {
  'tiny_imagenet': {'epochs': 50, 'learning_rate': 0.2},
  'imagenet': {'epochs': 90, 'learning_rate': 0.1},
}
RECOVERY = {
  'tiny_imagenet': {'alpha': 1.0, 'jitter': 4},
  'imagenet': {'alpha': 0.01, 'jitter': 32},
}
STEPS = 4000  # of recovery
RATES = {'tiny_imagenet': 0.1, 'imagenet': 0.25}  # of standardized images
TEMPERATURE = 20.0  # of all students
BATCHES = {1: 20, 10: 100, 50: 200}  # of RDED on ImageNet, from so many images


def network(config: Config, dataset: str, args: dict[str, Any]) -> None:
  """Sets the network of a teacher and of its students.

  Args:
    config: changed in place.
    dataset: a name in `DATA`.
    args: of the method: `network` and `width`.
  """
  config.network.norm = 'batch'
  if args['network'] == 'resnet18':
    config.network = {
      'name': 'resnet18',
      'width': args['width'],
      'norm': 'batch',
      'stem': STEMS.get(dataset, 'small'),
      'start': 'he',
    }


def train(
  config: Config, method: str, dataset: str, args: dict[str, Any]
) -> None:
  """Sets how a teacher trains, and students under its labels.

  Args:
    config: changed in place.
    method: 'rded' or 'sre2l'.
    dataset: in `STEMS`.
    args: of the method.
  """
  config.experts.update(
    {
      **TEACHERS[dataset],
      'batch_size': 256,
      'weight_decay': 1e-4,
      'augment': 'flip_resized',
    }
  )
  if args['teacher_epochs']:
    config.experts.epochs = args['teacher_epochs']
  if dataset == 'imagenet':  # others embed all rows
    config.baselines = ('random',)
  if args['labels'] in ('teacher', 'epochs'):
    config.synthetic.temperature = args['temperature'] or TEMPERATURE
    config.evaluation.convention = 'idc'
    students = _rded if method == 'rded' else _sre2l
    config.evaluation.update(students(dataset, args))


def _rded(dataset: str, args: dict[str, Any]) -> dict[str, Any]:
  tiles, batch = args['tiles'], 100
  if dataset == 'imagenet':
    batch = BATCHES[max(ipc for ipc in BATCHES if ipc <= args['ipc'])]
  return {
    'batch_size': batch,
    'learning_rate': 1e-3,
    'augment': f'flip_resized-{1 / tiles:g}' if tiles > 1 else 'flip',
  }


def _sre2l(dataset: str, args: dict[str, Any]) -> dict[str, Any]:
  del args
  if dataset == 'imagenet':
    return {
      'epochs': 300,
      'batch_size': 1024,
      'augment': 'flip_resized',
      'cutmix': 1.0,
      'mixup': 0.0,
    }
  return {
    'epochs': 100,
    'batch_size': 256,
    'optimizer': 'sgd',
    'learning_rate': 0.2,
    'momentum': 0.9,
    'weight_decay': 1e-4,
    'augment': 'flip_resized',
    'cutmix': 0.0,
    'mixup': 0.0,
  }


def recover(config: Config, dataset: str) -> None:
  """Sets how images are recovered: 4,000 steps, of parts of them.

  Args:
    config: changed in place.
    dataset: in `STEMS`.
  """
  config.objective = namespace(
    'recovery', augment='flip_resized', convention='idc', **RECOVERY[dataset]
  )
  std = STATISTICS[dataset][1]
  config.optimizer.learning_rate = RATES[dataset] * sum(std) / len(std)
  config.steps = STEPS
