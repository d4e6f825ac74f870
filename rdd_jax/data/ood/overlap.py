"""Which images of another source belong to the data after all.

By the names of its classes, where names tell, and by equal pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
import hashlib
from pathlib import PurePosixPath
from typing import Literal, get_args

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import HostImages
from rdd_jax.data.dataset import Split
from rdd_jax.data.images import whole
from rdd_jax.data.readers.unlabeled import CLASS as UNLABELED

Overlap = Literal['refuse', 'leave_out', 'keep']

# WordNet ids of Tiny ImageNet's classes, by the classes of CIFAR that they are.
WORDNET: dict[str, tuple[str, ...]] = {
  'aquarium_fish': ('n01443537',),
  'automobile': ('n02814533', 'n03100240', 'n03670208', 'n04285008'),
  'bear': ('n02132136',),
  'bee': ('n02206856',),
  'beetle': ('n02165456',),
  'bird': ('n01855672', 'n02002724', 'n02056570', 'n02058221'),
  'bottle': ('n02823428', 'n03937543', 'n03983396'),
  'bridge': ('n04311004', 'n04366367', 'n04532670'),
  'bus': ('n04146614', 'n04487081'),
  'butterfly': ('n02279972', 'n02281406'),
  'camel': ('n02437312',),
  'cat': ('n02123045', 'n02123394', 'n02124075'),
  'cattle': ('n02403003',),
  'chair': ('n04099969',),
  'chimpanzee': ('n02481823',),
  'cockroach': ('n02233338',),
  'crocodile': ('n01698640',),
  'dog': (
    *('n02085620', 'n02094433', 'n02099601', 'n02099712', 'n02106662'),
    'n02113799',
  ),
  'elephant': ('n02504458',),
  'frog': ('n01641577', 'n01644900'),
  'keyboard': ('n03085013',),
  'lamp': ('n03637318',),
  'lawn_mower': ('n03649909',),
  'lion': ('n02129165',),
  'lobster': ('n01983481', 'n01984695'),
  'man': ('n10148035',),
  'mountain': ('n09193705',),
  'mushroom': ('n07734744',),
  'orange': ('n07747607',),
  'plate': ('n07579787',),
  'sea': ('n09428293',),
  'ship': ('n03662601',),
  'snail': ('n01944390',),
  'snake': ('n01742172',),
  'spider': ('n01774384', 'n01774750'),
  'sweet_pepper': ('n07720875',),
  'table': ('n03201208',),
  'telephone': ('n03902125',),
  'tractor': ('n04465501',),
  'train': ('n02917067', 'n03393912'),
  'truck': ('n03796401', 'n03977966'),
}


def of_classes(
  found: Split, class_names: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
  """Tells which rows of a source are of a class of the data, by its name.

  Of images without labels, directories below the source count as names. Names
  are equal but for case, spaces, hyphens and underscores; a number tells
  nothing. Of Tiny ImageNet, `WORDNET` knows what is what, in either direction.

  Args:
    found: rows of a source.
    class_names: of the data.

  Returns:
    `bool[N]`, and the names of these classes as the source has them.

  >>> found = Split(np.zeros((2, 1, 1, 1), np.uint8), np.array([0, 1]),
  ...               ('Lawn-mower', 'n02123045'))
  >>> of_classes(found, ('lawn_mower',))[0].tolist()
  [True, False]
  >>> of_classes(found, ('cat', 'dog'))[1]
  ('n02123045',)
  """
  plain = {_plain(n) for n in class_names if n.strip() and not _number(n)}
  known = {
    *plain,
    *(of for name in plain for of in WORDNET.get(name, ())),
    *(name for name, of in WORDNET.items() if plain.intersection(of)),
  }
  own = _kinds(found, known)
  return own != '', tuple(map(str, np.unique(own[own != ''])))


def _kinds(found: Split, known: Collection[str]) -> np.ndarray:
  """`str[N]`: what each row is, of what is known; '' of nothing known."""
  if found.class_names != (UNLABELED,):
    names = [n if _plain(n) in known else '' for n in found.class_names]
    return np.asarray(names)[found.labels]
  if found.names is None:
    return np.full(len(found.labels), '')
  paths = [PurePosixPath(str(name)).parent.parts for name in found.names]
  return np.array(
    [next((p for p in parts if _plain(p) in known), '') for parts in paths]
  )


def of_no_class(
  found: Split,
  class_names: Sequence[str],
  source: str,
  overlap: Overlap,
  *,
  tests: bool = False,
) -> tuple[np.ndarray, str]:
  """Returns the images of a source that are of no class of the data.

  Args:
    found: rows of the source.
    class_names: of the data; () keeps all.
    source: what messages call it.
    overlap: 'refuse' the source, 'leave_out' these rows, or 'keep' them.
    tests: whether they are to be tested on. A set that has none but the
      data's classes is a shift of the data, and kept then.

  Returns:
    `u8[n, H, W, C]`, and a note of what was left out or kept, '' of neither.

  Raises:
    UserError: where the source is refused, nothing is left, or for another
      word for `overlap`.
  """
  check_overlap(overlap)
  images = whole(found.images)
  if overlap == 'keep':
    return images, ''
  ours, names = of_classes(found, class_names)
  if not names:
    return images, ''
  shown = ', '.join(names[:5]) + (', ...' if len(names) > 5 else '')
  what = f'{source}: {int(ours.sum()):,} of {len(ours):,} images are of '
  what += f'classes of the data itself ({shown})'
  if tests and ours.all() and overlap == 'leave_out':
    return images, f'{what}: all are kept, as a shift of the data'
  if overlap == 'refuse' or ours.all():
    field = 'config.outside.overlap' if tests else 'overlap'
    rest = f', or leave these out by {field}=leave_out'
    raise UserError(f'{what}: give other images{"" if ours.all() else rest}')
  return images[~ours], f'{what}, and left out'


def check_overlap(overlap: str) -> None:
  """Raises UserError for what is none of `Overlap`."""
  if overlap not in get_args(Overlap):
    raise UserError(f'overlap={overlap!r}: give {", ".join(get_args(Overlap))}')


def without_copies(
  images: np.ndarray, *others: HostImages
) -> tuple[np.ndarray, int]:
  """Leaves out images that are equal to one of others, pixel by pixel.

  Args:
    images: `u8[n, H, W, C]`.
    others: `u8[m, H, W, C]` each.

  Returns:
    `u8[k, H, W, C]`, in their order, and how many were left out.

  >>> some = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
  >>> kept, count = without_copies(some, some[1:2])
  >>> kept.ravel().tolist(), count
  ([0, 2], 1)
  """
  known = {key for one in others for key in map(_digest, one)}
  fresh = np.array([_digest(row) not in known for row in images], bool)
  return images[fresh], int(len(fresh) - fresh.sum())


def _digest(row: np.ndarray) -> bytes:
  hashed = hashlib.blake2b(str(row.shape).encode(), digest_size=16)
  hashed.update(np.ascontiguousarray(row).data)
  return hashed.digest()


def _number(name: str) -> bool:
  try:
    float(name)
  except ValueError:
    return False
  return True


def _plain(name: str) -> str:
  return name.strip().lower().replace(' ', '_').replace('-', '_')
