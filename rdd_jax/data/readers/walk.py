"""Walks a directory: which files are images, and why others are none."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path

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


def walk(top: Path, hidden: bool = False) -> Iterator[tuple[Path, str | None]]:
  """Yields each file below a directory, and why it is no image, or None.

  Args:
    top: the directory.
    hidden: whether all in it is.
  """
  real = Path(os.path.realpath(top))
  yield from _walk(top, real, {str(real), *map(str, real.parents)}, hidden)


def has_images(top: Path) -> bool:
  """Tells whether there is an image below a directory, by its suffix.

  >>> has_images(Path(__file__).parent)
  False
  """
  return any(kind is None for _, kind in walk(top))


def entries(root: Path) -> list[os.DirEntry[str]]:
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
  top: Path, real_class: Path, seen: set[str], hidden: bool
) -> Iterator[tuple[Path, str | None]]:
  try:
    found = entries(top)
  except UserError:
    yield top, LOCKED
    return
  # Links come last, so that what they lead to is read in its own place.
  for entry in sorted(found, key=lambda e: e.is_symlink()):
    path, unseen = Path(entry.path), hidden or is_hidden(entry.name)
    if os.path.isdir(path):
      real = os.path.realpath(path)
      if entry.is_symlink() and unseen:
        yield path, HIDDEN
      elif real in seen:
        yield path, AGAIN
      else:
        seen.add(real)
        yield from _walk(path, real_class, seen, unseen)
    elif unseen:
      yield path, HIDDEN
    elif entry.is_symlink() and _is_read(path, real_class):
      yield path, AGAIN
    else:
      yield path, None if path.suffix.lower() in SUFFIXES else OTHER


def _is_read(link: Path, real_class: Path) -> bool:
  """Tells whether a link leads to an image that is read in its own place."""
  target = Path(os.path.realpath(link))
  if not target.is_file() or not target.is_relative_to(real_class):
    return False
  inner = target.relative_to(real_class)
  return inner.suffix.lower() in SUFFIXES and not any(
    map(is_hidden, inner.parts)
  )
