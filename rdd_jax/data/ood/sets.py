"""Out-of-distribution test sets by name."""

from __future__ import annotations

from collections.abc import Sequence
import difflib
from functools import cache
from typing import Literal, NamedTuple

from absl import logging
import jax
from jax import Array
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.errors import UserError, choose
from rdd_jax.core.streamed import HostImages
from rdd_jax.data.ood import generated, outliers
from rdd_jax.data.ood.outliers import load_outliers as load_outliers
from rdd_jax.data.ood.outliers import split_source as split_source
from rdd_jax.data.ood.overlap import Overlap, check_overlap
from rdd_jax.data.read import OWN
from rdd_jax.images import corruptions
from rdd_jax.images.published import SHAPES

_CHUNK = 1000  # images corrupted at once; bounds the floats in memory

# Images made from those of the data set itself: by what, of which family.
_MADE = {
  'rotation': (corruptions.rotate, 'rotation'),
  'rotation90': (lambda: corruptions.rotate((90,)), 'rotation'),
  'rotation180': (lambda: corruptions.rotate((180,)), 'rotation'),
  'mean_of_two': (corruptions.arithmetic_mean, 'mix'),
  'cutmix': (corruptions.paste, 'paste'),
}

_FAR = (
  'tfds:mnist',
  'tfds:svhn_cropped',
  'tfds:dtd',
  'tfds:places365_small@validation',  # its test split has no labels
)
# OpenOOD: Yang et al. 2022 (NeurIPS); but TFDS has one fold of the textures,
# and of the others only what is of a class by its name is left out.
# TrustDD (arXiv 2307.09165): of its six sets, those that have names in TFDS
# and labels; for iSUN and LSUN-resize add folder:PATH, of any images.
PRESETS: dict[str, tuple[str, ...]] = {
  'openood_cifar10': ('near:tfds:cifar100', 'near:tfds:tiny_imagenet', *_FAR),
  'openood_cifar100': ('near:tfds:cifar10', 'near:tfds:tiny_imagenet', *_FAR),
  **{
    f'trustdd_{known}': (
      f'near:tfds:{other}',
      'near:tfds:tiny_imagenet',
      'tfds:dtd',
      'tfds:places365_small@validation',
    )
    for known, other in (('cifar10', 'cifar100'), ('cifar100', 'cifar10'))
  },
  # Hendrycks and Dietterich 2019 (ICLR): one of each sort, at its strongest.
  'cifar10_corrupted': tuple(
    f'near:tfds:cifar10_corrupted/{kind}_5'
    for kind in ('gaussian_noise', 'motion_blur', 'fog', 'jpeg_compression')
  ),
}


class OODImages(NamedTuple):
  """Images on which a trusted network should not be sure.

  Attributes:
    name: as it was asked for, without `near:`.
    images: u8[n, H, W, C].
    near: whether they are akin to what the network knows.
    families: corruption families after whose training the set counts as seen.
  """

  name: str
  images: np.ndarray
  near: bool
  families: tuple[str, ...]


def load_ood(
  names: Sequence[str],
  like: HostImages,
  rows: int,
  *,
  seed: int,
  data_dir: str | None = None,
  missing: Literal['raise', 'skip'] = 'raise',
  class_names: Sequence[str] = (),
  overlap: Overlap = 'leave_out',
) -> list[OODImages]:
  """Loads or makes out-of-distribution sets of the shape of `like`.

  | name | images |
  |---|---|
  | `gaussian`, `uniform`, `rademacher` | noise |
  | `blobs` | smooth shapes, of outlier exposure (Hendrycks et al. 2019) |
  | `patches` | squares of the two photographs in scikit-learn |
  | `rotation`, `rotation90`, `rotation180` | `like`, turned; near |
  | `mean_of_two`, `cutmix` | `like`, two in one; near |
  | `corrupted:FAMILY` | `like`, by a family of `corruptions`; near |
  | `SOURCE`, `SOURCE@SPLIT` | images as in `load_images`, resized and |
  | | recolored; by default the test split, of what has none a fifth; `@all` |
  | | takes all of that |
  | `near:NAME` | any of these, marked as near |
  | in `PRESETS` | the sets of a benchmark |

  What is random depends on the seed and the name alone, so that adding a set
  changes no other. A set that is named twice is there once.

  Args:
    names: of the sets.
    like: u8[N, H, W, C], the test images of the in-distribution data.
    rows: how many images of each set, at random where there are more; all
      where there are fewer.
    seed: not negative.
    data_dir: see `load`.
    missing: 'skip' leaves out, with a warning, sets whose data is not there.
    class_names: of the data `like` is of.
    overlap: what becomes of rows of a source that are of these classes, see
      `load_outliers`.

  Raises:
    UserError: for an unknown name, a set that cannot be loaded, or images or
      a number of rows that make no sense.
  """
  _check(like, rows)
  check_overlap(overlap)
  if missing not in ('raise', 'skip'):
    raise UserError(f"missing is {missing!r}; give 'raise' or 'skip'")
  out = []
  for name, near in _expand(names).items():
    if name == 'patches' or _is_source(name):
      outliers.check_channels(name, like.shape[3])
    try:
      found = _load(name, like, rows, seed, data_dir, class_names, overlap)
    except UserError as error:
      if missing == 'raise' or not outliers.absent(name, data_dir):
        raise
      logging.warning('%s is left out: %s', name, error)
    else:
      out.append(found._replace(near=near or found.near))
  return out


def check_ood(names: Sequence[str]) -> None:
  """Checks names as `load_ood` takes them, and looks at no data.

  Raises:
    UserError: for an unknown name, with the nearest one.

  >>> check_ood(['gaussian', 'near:tfds:cifar100'])
  """
  _expand(names)


def sources(names: Sequence[str]) -> list[str]:
  """Returns those of the names that are read from somewhere, without `near:`.

  >>> sources(['gaussian', 'near:tfds:cifar100'])
  ['tfds:cifar100']
  """
  return [name for name in _expand(names) if _is_source(name)]


def _expand(names: Sequence[str]) -> dict[str, bool]:
  """From the name of each set, without `near:`, to whether that was there."""
  names = (names,) if isinstance(names, str) else names
  out: dict[str, bool] = {}
  for name in (n for given in names for n in PRESETS.get(given, (given,))):
    bare = name.removeprefix('near:')
    _check_name(bare)
    out[bare] = out.get(bare, False) or bare != name
  return out


def _check_name(name: str) -> None:
  families = [f'corrupted:{f}' for f in corruptions.FAMILIES]
  known = [*generated.KINDS, *_MADE, *families]
  scheme, _, where = name.partition(':')
  if scheme == 'corrupted':
    choose('corruption family', where, corruptions.FAMILIES)
  elif name not in known and not _is_source(name):
    known += PRESETS
    sources = ['digits', *(f'tfds:{n}' for n in SHAPES)]
    near = difflib.get_close_matches(name, [*known, *sources], 1)
    hint = f'did you mean {near[0]!r}? ' if near else ''
    raise UserError(
      f'unknown out-of-distribution set {name!r}; {hint}there is '
      f'{", ".join(known)}; and, with or without @SPLIT, digits, tfds:NAME, '
      f'{", ".join(f"{scheme}:PATH" for scheme in outliers.PATHS)} and '
      'python:MODULE:FUNCTION'
    )


def _is_source(name: str) -> bool:
  scheme, _, where = name.partition(':')
  tagged = scheme in ('tfds', OWN, *outliers.PATHS) and where != ''
  return tagged or split_source(name)[0] == 'digits'


def _load(
  name: str,
  like: HostImages,
  rows: int,
  seed: int,
  data_dir: str | None,
  class_names: Sequence[str],
  overlap: Overlap,
) -> OODImages:
  rng = outliers.generator(seed, name)
  height, width, channels = like.shape[1:]
  if name in generated.KINDS:
    kind = generated.KINDS[name]
    images = generated.draw(kind, rng, rows, (height, width, channels))
    return OODImages(name, images, False, kind.families)
  if name in _MADE or name.startswith('corrupted:'):
    family = name.removeprefix('corrupted:')
    _, family = _MADE.get(name, (None, family))
    if family == 'rotation' and name != 'rotation180' and height != width:
      raise UserError(
        f'{name} of {height}x{width} pixels would change their shape; take '
        'rotation180'
      )
    # One more than a single row, to be its partner where images are mixed.
    some = like[outliers.some_rows(rng, len(like), max(rows, 2))]
    key = keys.named(jax.random.key(seed), name)
    images = _corrupt(_corruption(name), key, some)[:rows]
    return OODImages(name, images, True, (family,))
  images = outliers.read_rows(
    name,
    (height, width, channels),
    rows,
    rng,
    data_dir,
    'test',
    class_names,
    overlap,
    tests=True,
  )
  return OODImages(name, images, False, ())


@cache
def _corruption(name: str) -> corruptions.Corruption:
  """What makes a set; the variants of a run share the program."""
  family = name.removeprefix('corrupted:')
  factory, _ = _MADE.get(name) or (corruptions.FAMILIES[family], family)
  return jax.jit(factory())


def _corrupt(
  corruption: corruptions.Corruption, key: Array, images: np.ndarray
) -> np.ndarray:
  """u8[n, H, W, C] to the same, by way of floats in [0, 1]."""
  out = []
  # In even parts, so that no image is alone in its part.
  for i, part in enumerate(np.array_split(images, -(-len(images) // _CHUNK))):
    pixels = jax.device_put(part.astype(np.float32) / 255)
    pixels = corruption(jax.random.fold_in(key, i), pixels)
    out.append(np.rint(255 * np.asarray(pixels)).astype(np.uint8))
  return np.concatenate(out)


def _check(like: HostImages, rows: int) -> None:
  if like.dtype != np.uint8 or like.ndim != 4 or len(like) < 2 or not like.size:
    raise UserError(
      f'like is {like.dtype}{list(like.shape)}; give at least two test images, '
      'uint8[N, H, W, C]'
    )
  outliers.check_rows(rows)
