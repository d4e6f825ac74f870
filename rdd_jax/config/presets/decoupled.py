"""Decoupled methods: a teacher is trained, and images are made by it alone.

RDED (Sun et al. 2024), by its repository at 3f6453d, and SRe2L (Yin et al.
2023), by its repository at 8d00cba, for CIFAR. Teachers of both train as the
latter's: SGD, 200 epochs, cosine. Neither has settings for the digits or
Fashion-MNIST. Students under a teacher's labels train as released: RDED's by
CutMix, SRe2L's by mixup, in each step. Those of hard and of stored labels train
as DM's, so that methods can be compared.
"""

from __future__ import annotations

from typing import Any

from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.datasets import families, lookup, num_classes
from rdd_jax.config.presets.registry import base, finish
from rdd_jax.core.errors import UserError

LABELS = {
  'hard': 'hard',
  'soft': 'stored',
  'teacher': 'teacher',
  'epochs': 'epochs',
}
EPOCHS = 200  # of a teacher
DIGITS_EPOCHS = 60
TEMPERATURE = {'rded': 20.0, 'sre2l': 30.0}  # of a teacher of views
PIXEL_RATE = 0.25 * 0.2  # released, of standardized images, times their std


def rded(dataset: str, arg: str = '') -> Config:
  """Configures the selection of realistic crops; nothing is learned.

  Args:
    dataset: a name in `DATA`.
    arg: argument string, `ipc=10,labels=teacher`.
  """
  config, args = _start('rded', dataset, arg)
  config.synthetic.init = 'selected'
  config.selection.tiles = args['tiles']
  config.objective = namespace('selection')
  config.steps = 0
  return finish(config, args)


def sre2l(dataset: str, arg: str = '') -> Config:
  """Configures recovery from noise: 1,000 steps of Adam.

  Args:
    dataset: a name in `DATA`.
    arg: argument string, `ipc=10,labels=teacher`.
  """
  config, args = _start('sre2l', dataset, arg)
  config.synthetic.update({'init': 'noise', 'space': 'pixels'})
  jitter = 1 if dataset == 'digits' else 4
  config.objective = namespace('recovery', jitter=jitter)
  config.real_rows = 1  # none is looked at
  config.optimizer.update(
    {
      'name': 'adam',
      'learning_rate': PIXEL_RATE,
      'betas': (0.5, 0.9),
      'decay': 0.0,
    }
  )
  config.steps = 1000
  return finish(config, args)


def _start(
  method: str, dataset: str, arg: str
) -> tuple[Config, dict[str, Any]]:
  """What decoupled methods share: the teacher, labels, students."""
  config, args = base(method, dataset, arg)
  config.network.update({'norm': 'batch', 'dtype': args['dtype']})
  mirrored = lookup(dataset).mirror_safe
  config.experts.update(
    {
      'number': 1,
      'epochs': args['teacher_epochs'] or EPOCHS,
      'batch_size': 128,
      'learning_rate': 0.1,
      'schedule': 'cosine',
      'momentum': 0.9,
      'weight_decay': 5e-4,
      'augment': 'flip_crop' if mirrored else 'crop',
      'convention': 'idc',  # both of them, each time
    }
  )
  config.evaluation.augment = '' if dataset == 'digits' else families(dataset)
  if dataset == 'digits':
    config.experts.epochs = args['teacher_epochs'] or DIGITS_EPOCHS
    config.experts.augment = ''
    config.evaluation.update({'epochs': 300, 'schedule': 'cosine'})
    config.whole.update({'steps': 1500, 'batch_size': 128, 'seeds': 3})
  if args['temperature'] and args['labels'] == 'hard':
    raise UserError(
      f'temperature={args["temperature"]:g} with labels=hard, which are no '
      'answers of a teacher: give labels=soft, teacher or epochs too'
    )
  if args['top_k'] and args['labels'] != 'epochs':
    raise UserError(
      f'top_k={args["top_k"]} with labels={args["labels"]}: it is of stored '
      'answers to views: give labels=epochs too'
    )
  config.synthetic.labels = LABELS[args['labels']]
  config.synthetic.top_k = args['top_k']
  config.synthetic.temperature = args['temperature'] or 1.0
  if args['labels'] in ('teacher', 'epochs'):
    _students(config, method, args, mirrored)
  return config, args


def _students(
  config: Config, method: str, args: dict[str, Any], mirrored: bool
) -> None:
  """Students under a teacher's labels, as released."""
  config.synthetic.temperature = args['temperature'] or TEMPERATURE[method]
  classes = num_classes(config)
  config.evaluation.update(
    {
      'epochs': 300,
      'batch_size': 50 if classes < 100 else 25,
      'optimizer': 'adamw',
      'learning_rate': 1e-3 if classes < 100 else 2e-3,
      'schedule': 'half_cosine',
      'weight_decay': 0.01,
      'augment': 'flip' if mirrored else '',
      'cutmix': 1.0,
    }
  )
  if method == 'sre2l':
    config.evaluation.update(
      {
        'epochs': 400,
        'batch_size': 128,
        'learning_rate': 1e-3,
        'schedule': 'cosine',
        'augment': 'flip_crop' if mirrored else 'crop',
        'convention': 'idc',
        'cutmix': 0.0,
        'mixup': 1.0,
        'mixup_alpha': 0.8,
      }
    )
