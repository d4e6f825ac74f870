"""What methods need to know of each data set."""

from __future__ import annotations

from typing import NamedTuple

from rdd_jax.config.defaults import Config
from rdd_jax.data.mock import SHAPES

DSA = 'color_crop_cutout_flip_scale_rotate'


DSA_DIGITS = 'color_crop_cutout_scale_rotate'  # a mirrored digit is another


class DataPreset(NamedTuple):
  """What a method needs to know of a data set."""

  source: str
  digits: bool = False  # mirror images are other classes
  idc_rate: float = 5e-3


DATA = {
  'mnist': DataPreset('tfds:mnist', digits=True, idc_rate=1e-4),
  'fashion_mnist': DataPreset('tfds:fashion_mnist', idc_rate=1e-4),
  'svhn': DataPreset('tfds:svhn_cropped', digits=True),
  'cifar10': DataPreset('tfds:cifar10'),
  'cifar100': DataPreset('tfds:cifar100'),
  'tiny_imagenet': DataPreset('tfds:tiny_imagenet'),
  # The ten classes of IDC, prepared as PATH/{train,val}/CLASS/.
  'imagenet10': DataPreset('folder:imagenet10', idc_rate=3e-3),
  'waterbirds': DataPreset('waterbirds:waterbirds'),
  'celeba': DataPreset('celeba:celeba'),
}


# Of the ConvNet; else 3.
DEPTHS = {'tiny_imagenet': 4, 'imagenet10': 5, 'waterbirds': 4, 'celeba': 4}


SIZES = {'imagenet10': 128, 'waterbirds': 64, 'celeba': 64}  # to resize to


def families(dataset: str) -> str:
  """The DSA families that keep the classes of a data set apart."""
  return DSA_DIGITS if DATA[dataset].digits else DSA


def num_classes(config: Config) -> int:
  """The number of classes of a configuration's data set; digits have ten."""
  _, classes = SHAPES.get(config.data.name.partition(':')[2], ((), 10))
  return classes


# Photographs have texture: what has none is unlike them, and like much else.
PHOTOGRAPHS = ('cifar10', 'cifar100', 'tiny_imagenet')


NOISE = ('gaussian', 'uniform')


NEAR = ('rotation90', 'rotation180', 'mean_of_two', 'cutmix')


# Real outliers may come from the other half.
TINY = 'tfds:tiny_imagenet@validation[5000:]'


PHOTOS = (TINY, 'tfds:svhn_cropped', 'tfds:dtd', 'patches')


SETS = {
  'digits': (*NOISE, 'blobs', 'patches', *NEAR),
  'fashion_mnist': (
    'tfds:mnist',
    'digits',
    *NOISE,
    'blobs',
    TINY,
    'patches',
    *NEAR,
  ),
  'cifar10': ('tfds:mnist', *NOISE, *PHOTOS, 'near:tfds:cifar100', *NEAR),
  'cifar100': ('tfds:mnist', *NOISE, *PHOTOS, 'near:tfds:cifar10', *NEAR),
  'svhn': (*NOISE, TINY, 'tfds:cifar10', 'tfds:dtd', 'patches', *NEAR),
  'tiny_imagenet': (
    'tfds:mnist',
    *NOISE,
    'tfds:svhn_cropped',
    'tfds:dtd',
    'patches',
    *NEAR,
  ),
}


class Setting(NamedTuple):
  """What defences need to know of a data set.

  Attributes:
    warm_up: steps of TAD's probe before the first division,
    steps: and in each round.
    least: share of each class that the last division trusts in any case. Among
      100 classes, a small probe agrees with few rows of the hardest ones.
    strength: of ELR.
  """

  warm_up: int
  steps: int
  least: float = 0.0
  strength: float = 3.0


SETTINGS = {
  'digits': Setting(150, 150),
  'fashion_mnist': Setting(900, 1800),
  'cifar10': Setting(1500, 1800),
  'cifar100': Setting(3000, 2400, least=0.4, strength=7.0),
  'tiny_imagenet': Setting(5000, 4800, least=0.4, strength=7.0),
}
