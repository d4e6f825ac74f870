"""What a distilled set takes: the regime of its labels, bytes and bits."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
  from rdd_jax.artifact.store import Distilled

HARD, SOFT, LEARNED = 'hard', 'stored soft', 'learned'
TEACHER, VIEWS = "a teacher's", 'stored by view'
REGIMES = {'stored': SOFT, 'teacher': TEACHER, 'epochs': VIEWS}  # of a teacher


@dataclass(frozen=True)
class Storage:
  """What the sets of one setting take, as they are stored.

  Attributes:
    what: the setting, where a table has several; '' otherwise.
    labels: 'hard', which the order of the images says; 'stored soft', numbers
      of a teacher; 'learned', numbers that were distilled; "a teacher's", of
      each view that networks train on, by its stored weights; 'stored by
      view', these answers.
    images_per_class: stored images, of outliers as well, over classes.
    bytes: of images, 4 for each number of a pixel, of labels that are not hard,
      4 for each of their numbers, and of a teacher's weights, or of its stored
      answers to views, as they are on disk.
    bits_per_class: of the whole set, over classes.
  """

  what: str
  labels: str
  images_per_class: float
  bytes: int
  bits_per_class: float


def storage(
  images: tuple[int, ...],
  classes: int,
  labels: str = HARD,
  outputs: int | None = None,
  what: str = '',
  teacher: int = 0,
) -> Storage:
  """Computes what a set takes, its images in 32-bit floats.

  Args:
    images: the shape of its images, `(n, H, W, C)`.
    classes: their number.
    labels: the regime.
    outputs: numbers of a label that is not hard; by default `classes`.
    what: the setting.
    teacher: bytes of the weights of a teacher that labels views, or of its
      stored answers.

  >>> found = storage((10, 8, 8, 1), 10)
  >>> found.bytes, found.bits_per_class, found.images_per_class
  (2560, 2048, 1)
  >>> storage((10, 8, 8, 1), 10, 'learned').bytes
  2960
  """
  taken = 4 * math.prod(images)
  if labels in (TEACHER, VIEWS):
    taken += teacher
  elif labels != HARD:
    taken += 4 * images[0] * (outputs or classes)
  return Storage(
    what=what,
    labels=labels,
    images_per_class=_plain(images[0] / classes),
    bytes=taken,
    bits_per_class=_plain(8 * taken / classes),
  )


def of(artifact: Distilled, what: str = '') -> Storage:
  """Computes what an artifact takes.

  Args:
    artifact: the set, with its card.
    what: the setting.
  """
  return storage(
    artifact.images.shape,
    len(artifact.card['class_names']),
    regime(artifact.card.get('label_kind'), 'source' in artifact.card),
    artifact.targets.shape[1],
    what,
    artifact.teacher.size if artifact.teacher else 0,
  )


def regime(kind: str | None, published: bool = False) -> str:
  """Names the regime of labels.

  Args:
    kind: `label_kind` of a card.
    published: whether the set is another's, of whose soft labels nothing says
      that they were learned.

  >>> regime('hard'), regime('free'), regime('soft'), regime('soft', True)
  ('hard', 'learned', 'learned', 'stored soft')
  >>> regime('stored'), regime('teacher'), regime('epochs')
  ('stored soft', "a teacher's", 'stored by view')
  """
  if kind in (None, 'hard'):
    return HARD
  if kind in REGIMES:
    return REGIMES[kind]
  return SOFT if published and kind != 'free' else LEARNED


def _plain(number: float) -> float:
  """Returns an int where a number is whole."""
  return int(number) if number == int(number) else round(number, 2)
