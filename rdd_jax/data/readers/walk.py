"""Walks a directory: which files are images, and why others are none."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
from typing import NamedTuple

from rdd_jax.core.errors import UserError

SUFFIXES = (
  *('.bmp', '.gif', '.jfif', '.jpeg', '.jpg', '.pbm', '.pgm', '.png', '.pnm'),
  *('.ppm', '.tif', '.tiff', '.webp'),
)
_SYSTEM = ('__macosx', 'thumbs.db', 'desktop.ini')

HIDDEN = "hidden or the system's"
OTHER = 'that are no images'
AGAIN = 'links to what is read already'
LOCKED = 'directories that cannot be opened'


def is_hidden(name: str) -> bool:
  """Tells whether a file or directory is not the user's.

  >>> is_hidden('.ipynb_checkpoints'), is_hidden('Thumbs.db'), is_hidden('cat')
  (True, True, False)
  """
  return name.startswith('.') or name.lower() in _SYSTEM


def is_image(name: str) -> bool:
  """Tells whether a name has the suffix of an image.

  >>> is_image('a/cat.JPG'), is_image('cat.txt'), is_image('png')
  (True, False, False)
  """
  return os.path.splitext(name)[1].lower() in SUFFIXES


class Found(NamedTuple):
  """A file below a directory.

  Attributes:
    path: where it is; text, since a Path takes longer to make than to list.
    name: the path in the directory where names begin, with slashes.
    kind: why it is no image, or None.
  """

  path: str
  name: str
  kind: str | None


def walk(top: Path, name: str = '', hidden: bool = False) -> Iterator[Found]:
  """Yields each file below a directory.

  Args:
    top: the directory.
    name: of the directory, or '' where names begin in it.
    hidden: whether all in it is.
  """
  real = Path(os.path.realpath(top))
  seen = {str(real), *map(str, real.parents)}
  yield from _walk(str(top), name, real, seen, hidden)


def has_images(top: Path) -> bool:
  """Tells whether there is an image below a directory, by its suffix.

  >>> has_images(Path(__file__).parent)
  False
  """
  return any(file.kind is None for file in walk(top))


def entries(root: Path | str) -> list[os.DirEntry[str]]:
  """Returns what is in a directory, in order.

  Raises:
    UserError: if it cannot be opened.
  """
  try:
    with os.scandir(root) as found:
      return sorted(found, key=lambda entry: entry.name)
  except OSError as error:
    raise UserError(
      f'{root} cannot be opened ({error.strerror}); check its permissions'
    ) from error


def leads_up(path: os.PathLike[str]) -> bool:
  """Tells whether a link leads to a directory that holds it."""
  if not os.path.islink(path):
    return False
  above = Path(os.path.realpath(Path(path).parent))
  return Path(os.path.realpath(path)) in (above, *above.parents)


def _walk(
  top: str, name: str, real_class: Path, seen: set[str], hidden: bool
) -> Iterator[Found]:
  try:
    found = entries(top)
  except UserError:
    yield Found(top, name or '.', LOCKED)
    return
  # Links come last, so that what they lead to is read in its own place.
  for entry in sorted(found, key=lambda e: e.is_symlink()):
    path, link = entry.path, entry.is_symlink()
    inner = f'{name}/{entry.name}' if name else entry.name
    unseen = hidden or is_hidden(entry.name)
    if os.path.isdir(path) if link else entry.is_dir():
      real = os.path.realpath(path)
      if link and unseen:
        yield Found(path, inner, HIDDEN)
      elif real in seen:
        yield Found(path, inner, AGAIN)
      else:
        seen.add(real)
        yield from _walk(path, inner, real_class, seen, unseen)
    elif unseen:
      yield Found(path, inner, HIDDEN)
    elif link and _is_read(path, real_class):
      yield Found(path, inner, AGAIN)
    else:
      yield Found(path, inner, None if is_image(entry.name) else OTHER)


def _is_read(link: str, real_class: Path) -> bool:
  """Tells whether a link leads to an image that is read in its own place."""
  target = Path(os.path.realpath(link))
  if not target.is_file() or not target.is_relative_to(real_class):
    return False
  inner = target.relative_to(real_class)
  return is_image(inner.name) and not any(map(is_hidden, inner.parts))
