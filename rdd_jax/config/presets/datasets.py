"""The table of data sets: what presets and protections need to know of each."""

from __future__ import annotations

import re
from typing import NamedTuple

from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError, choose
from rdd_jax.images.published import DIGITS, SHAPES

DSA = 'color_crop_cutout_flip_scale_rotate'
DSA_DIGITS = 'color_crop_cutout_scale_rotate'  # a mirrored digit is another

NOISE = ('gaussian', 'uniform')
NEAR = ('rotation90', 'rotation180', 'mean_of_two', 'cutmix')
# Real outliers may come from the other half.
TINY = 'tfds:tiny_imagenet@validation[5000:]'
PHOTOS = (TINY, 'tfds:svhn_cropped', 'tfds:dtd', 'patches')


class Setting(NamedTuple):
  """How the probes of a defense against label noise train on a data set.

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


class DataPreset(NamedTuple):
  """A row of the table.

  Attributes:
    source: `config.data.name`; '' where the argument `data` says it.
    shape: (H, W, C) of its images, and the number of classes.
    resize: side that images are resized to; 0 leaves them as they are.
    depth: of the ConvNet; 0 takes what fits the images.
    published: key of its mean and std in `images.published.STATISTICS`;
      '' fits them.
    mirror_safe: a mirror image is of the same class.
    photographs: images have texture: what has none is unlike them, and like
      much else.
    idc_rate: learning rate of IDC's images.
    ood_sets: out-of-distribution test sets, by default.
    probe: lengths of probe training; None where there is no measurement.
    ipc: images per class, by default.
    width: of the network, by default.
    full_steps: SGD steps of training on the full set; 0 leaves that out.
    teacher: network of decoupled methods, by default.
  """

  source: str
  shape: tuple[tuple[int, int, int], int]
  resize: int = 0
  depth: int = 3
  published: str = ''
  mirror_safe: bool = True
  photographs: bool = False
  idc_rate: float = 5e-3
  ood_sets: tuple[str, ...] = ()
  probe: Setting | None = None
  ipc: int = 10
  width: int = 128
  full_steps: int = 10_000
  teacher: str = 'convnet'

  @property
  def families(self) -> str:
    """Returns the DSA families that keep the classes apart."""
    return DSA if self.mirror_safe else DSA_DIGITS


def _row(name: str, source: str, **fields: object) -> DataPreset:
  shape = SHAPES[source.partition(':')[2]]
  return DataPreset(source, shape, published=name)._replace(**fields)


DATA = {
  'digits': DataPreset(
    'digits',
    DIGITS,
    depth=2,
    mirror_safe=False,
    ood_sets=(*NOISE, 'blobs', 'patches', *NEAR),
    probe=Setting(150, 150),
    ipc=1,
    width=32,
    full_steps=0,
  ),
  'mnist': _row('mnist', 'tfds:mnist', mirror_safe=False, idc_rate=1e-4),
  'fashion_mnist': _row(
    'fashion_mnist',
    'tfds:fashion_mnist',
    idc_rate=1e-4,
    ood_sets=(
      'tfds:mnist',
      'digits',
      *NOISE,
      'blobs',
      TINY,
      'patches',
      *NEAR,
    ),
    probe=Setting(900, 1800),
  ),
  'svhn': _row(
    'svhn',
    'tfds:svhn_cropped',
    mirror_safe=False,
    ood_sets=(*NOISE, TINY, 'tfds:cifar10', 'tfds:dtd', 'patches', *NEAR),
  ),
  'cifar10': _row(
    'cifar10',
    'tfds:cifar10',
    photographs=True,
    ood_sets=('tfds:mnist', *NOISE, *PHOTOS, 'near:tfds:cifar100', *NEAR),
    probe=Setting(1500, 1800),
  ),
  'cifar100': _row(
    'cifar100',
    'tfds:cifar100',
    photographs=True,
    ood_sets=('tfds:mnist', *NOISE, *PHOTOS, 'near:tfds:cifar10', *NEAR),
    probe=Setting(3000, 2400, least=0.4, strength=7.0),
  ),
  'tiny_imagenet': _row(
    'tiny_imagenet',
    'tfds:tiny_imagenet',
    depth=4,
    photographs=True,
    ood_sets=('tfds:mnist', *NOISE, *PHOTOS[1:], *NEAR),
    probe=Setting(5000, 4800, least=0.4, strength=7.0),
    teacher='resnet18',
  ),
  # By TFDS, or train/WNID/ and val/WNID/ of `data=folder:PATH`.
  'imagenet': _row(
    'imagenet',
    'tfds:imagenet2012',
    resize=224,
    depth=6,
    photographs=True,
    full_steps=0,
    teacher='resnet18',
  ),
  # The ten classes of IDC, prepared as PATH/{train,val}/CLASS/.
  'imagenet10': _row(
    'imagenet10', 'folder:imagenet10', resize=128, depth=5, idc_rate=3e-3
  ),
  # Whatever `data=` names; nothing is known of it.
  'own': DataPreset(
    '',
    DIGITS,
    depth=0,
    mirror_safe=False,
    ood_sets=(*NOISE, 'blobs', 'patches', *NEAR),
    probe=Setting(900, 1800),
    width=64,
    full_steps=2000,
  ),
  'waterbirds': _row('waterbirds', 'waterbirds:waterbirds', resize=64, depth=4),
  'celeba': _row('celeba', 'celeba:celeba', resize=64, depth=4),
}


def lookup(dataset: str) -> DataPreset:
  """Returns a row of the table by its name.

  Raises:
    UserError: for a data set that is not there.

  >>> lookup('cifar100').shape
  ((32, 32, 3), 100)
  """
  return choose('data set', dataset, DATA)


def by_source(source: str) -> str | None:
  """Returns the name of the row that a data set is of, whatever its version.

  None where the table has no such data set.

  >>> by_source('tfds:cifar10:3.0.2'), by_source('tfds:cifar10/3.0.2')
  ('cifar10', 'cifar10')
  >>> by_source('tfds:cifar10_n') is None
  True
  """
  plain = source
  if source.startswith('tfds:'):
    plain = re.sub(r'[:/]\d+\.\d+\.\d+$', '', source)
  return next((name for name, row in DATA.items() if row.source == plain), None)


def with_fact(dataset: str, field: str) -> DataPreset:
  """Returns the row of a data set for which the table has a field.

  >>> with_fact('digits', 'probe').probe.steps
  150

  Args:
    dataset: its name.
    field: a field that is None or () where nothing is known.

  Raises:
    UserError: if nothing is known there.
  """
  row = lookup(dataset)
  if not getattr(row, field):
    known = ', '.join(name for name, r in DATA.items() if getattr(r, field))
    raise UserError(
      f'no {field} for {dataset!r} in config/presets/datasets.py: '
      f'take one of {known}, or add it'
    )
  return row


def families(dataset: str) -> str:
  """Returns the DSA families that keep the classes of a data set apart.

  >>> families('svhn')
  'color_crop_cutout_scale_rotate'
  """
  return lookup(dataset).families


def num_classes(config: Config) -> int:
  """Returns the number of classes of a configuration's data set, or else 10."""
  tail = config.data.name.partition(':')[2]
  return SHAPES.get(tail, DIGITS)[1]
