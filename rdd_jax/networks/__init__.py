"""Networks by name, and the three functions that run them."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import math
from typing import Any

import flax.linen as nn

from rdd_jax.core.errors import UserError, choose
from rdd_jax.networks.alexnet import AlexNet
from rdd_jax.networks.convnet import ConvNet
from rdd_jax.networks.functional import (
  Outputs,
  Variables,
  apply,
  apply_training,
  apply_with_statistics,
  block_size,
  flatten,
  init,
  unflatten,
)
from rdd_jax.networks.mlp import MLP
from rdd_jax.networks.precision import DTYPES, FLOAT32, Mixed
from rdd_jax.networks.resnet import ResNet18
from rdd_jax.networks.vgg import VGG11
from rdd_jax.networks.vit import ViT

__all__ = [
  'Outputs',
  'Variables',
  'apply',
  'apply_training',
  'apply_with_statistics',
  'block_size',
  'build',
  'flatten',
  'init',
  'options_of',
  'parse',
  'spell',
  'unflatten',
]

NETWORKS: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
  'convnet': (ConvNet, {}),
  'frepo_convnet': (ConvNet, {'growth': 2, 'norm': 'none'}),
  'mlp': (MLP, {}),
  'resnet18': (ResNet18, {}),
  'resnet18_bn': (ResNet18, {'norm': 'batch'}),
  'vgg11': (VGG11, {}),
  'alexnet': (AlexNet, {}),
  'vit': (ViT, {}),
}


def fitting_depth(shape: tuple[int, ...]) -> int:
  """Returns the blocks of a ConvNet that fit images: 3 for 32 x 32, 4 for 64.

  Args:
    shape: (H, W, ...) of the images.

  >>> [fitting_depth((side, side, 3)) for side in (8, 28, 32, 64, 128)]
  [2, 3, 3, 4, 5]
  """
  side = min(shape[:2])
  published = max(2, math.ceil(math.log2(side)) - 2)
  return max(1, min(published, int(math.log2(side))))


def build(name: str, num_outputs: int, **options: Any) -> nn.Module:
  """Builds the network of that name.

  Args:
    name: 'convnet', 'frepo_convnet', 'mlp', 'resnet18', 'resnet18_bn', 'vgg11',
      'alexnet' or 'vit'; options may follow it, `convnet:norm=none:depth=2`.
    num_outputs: of the head; one more than classes with a reject class.
    **options: attributes of the module, such as `width`; and `dtype`, what it
      computes in, 'float32' or 'bfloat16', see `networks.precision`.

  Raises:
    UserError: for an unknown name, option or value, with the nearest one.

  >>> import jax
  >>> net = build('convnet', 10, width=4, depth=1)
  >>> params = init(net, jax.random.key(0), (8, 8, 1))
  >>> images = jax.numpy.ones((2, 8, 8, 1))
  >>> jax.eval_shape(net.apply, params, images).logits.shape
  (2, 10)
  """
  name, given = parse(name)
  module, preset = choose('network', name, NETWORKS)
  fields = options_of(name)
  options = {**options, **given}
  for option, value in options.items():
    kind = type(choose(f'option of {name}', option, fields))
    if not isinstance(value, kind):
      raise UserError(
        f'option of {name} {option}={value!r}: give {kind.__name__}'
      )
  dtype = options.pop('dtype', FLOAT32)
  choose(f'dtype of {name}', dtype, DTYPES)
  net = module(num_outputs=num_outputs, **{**preset, **options})
  return net if dtype == FLOAT32 else Mixed(net, dtype)


def options_of(name: str) -> dict[str, Any]:
  """Returns what `build` takes for a network, with the defaults.

  Args:
    name: of the network, without options.

  Raises:
    UserError: for an unknown name, with the nearest one.

  >>> options_of('mlp')
  {'width': 128, 'depth': 3, 'dtype': 'float32'}
  """
  module, preset = choose('network', name, NETWORKS)
  fields = {
    field.name: field.default
    for field in dataclasses.fields(module)
    if field.name not in ('num_outputs', 'parent', 'name')
  }
  return {**fields, **preset, 'dtype': FLOAT32}


def parse(text: str) -> tuple[str, dict[str, Any]]:
  """Splits a name from the options that follow it.

  >>> parse('convnet:norm=none:depth=2')
  ('convnet', {'norm': 'none', 'depth': 2})
  """
  name, *given = text.split(':')
  pairs = (item.partition('=') for item in given)
  return name, {k: int(v) if v.isdigit() else v for k, _, v in pairs}


def spell(options: Mapping[str, Any]) -> str:
  """Returns a name and the options of a network in a line, as `parse` reads it.

  Args:
    options: `name` and what else `build` takes; `dtype` is left out where it is
      the default.

  >>> spell({'name': 'convnet', 'depth': 2, 'dtype': 'float32'})
  'convnet:depth=2'
  """
  usual = ('dtype', FLOAT32)
  more = (
    f'{k}={v}' for k, v in options.items() if k != 'name' and (k, v) != usual
  )
  return ':'.join([options['name'], *more])
