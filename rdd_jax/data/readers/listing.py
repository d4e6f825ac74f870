"""Lists the files of a folder: images, and what else there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import os
from pathlib import Path
from typing import NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.data.readers.report import Report, some

SUFFIXES = (
  *('.bmp', '.gif', '.jfif', '.jpeg', '.jpg', '.pbm', '.pgm', '.png', '.pnm'),
  *('.ppm', '.tif', '.tiff', '.webp'),
)
_SYSTEM = ('__macosx', 'thumbs.db', 'desktop.ini')

HIDDEN = "hidden or the system's"
OTHER = 'that are no images'
LOOSE = 'in no directory of a class'
AGAIN = 'links to what is read already'
LOCKED = 'directories that cannot be opened'


class File(NamedTuple):
  """An image file of a class.

  Attributes:
    path: where it is.
    name: the path in the folder that was given.
    label: the number of its class.
  """

  path: Path
  name: str
  label: int


def directory(path: str, scheme: str) -> Path:
  """Returns a directory with something in it.

  Args:
    path: as the user gave it.
    scheme: such as 'folder', for errors.

  Raises:
    UserError: if it is none, or empty.
  """
  root = Path(path).expanduser()
  if not os.path.isdir(root):
    raise UserError(f'{scheme}:{path} is not a directory; check the path')
  if not _entries(root):
    raise UserError(f'{scheme}:{path} is an empty directory; put data there')
  return root


def subdirectories(root: Path) -> list[str]:
  """Names the directories in one that may be classes, in order.

  Hidden ones, those of a system and links that lead up are none. If all are
  decimal numbers, they are in the order of numbers, or else of characters.

  Raises:
    UserError: if the directory cannot be opened.

  >>> import tempfile
  >>> with tempfile.TemporaryDirectory() as path:
  ...   for name in ('10', '2', '.git'):
  ...     (Path(path) / name).mkdir()
  ...   subdirectories(Path(path))
  ['2', '10']
  """
  names = [
    entry.name
    for entry in _entries(root)
    if not is_hidden(entry.name)
    and os.path.isdir(entry)
    and not _leads_up(entry)
  ]
  if all(name.isascii() and name.isdecimal() for name in names):
    names.sort(key=int)
  return names


def is_hidden(name: str) -> bool:
  """Tells whether a file or directory is not the user's.

  >>> is_hidden('.ipynb_checkpoints'), is_hidden('Thumbs.db'), is_hidden('cat')
  (True, True, False)
  """
  return name.startswith('.') or name.lower() in _SYSTEM


def list_classes(
  root: Path, names: Sequence[str], base: Path, report: Report
) -> list[File]:
  """Lists the images of `ROOT/CLASS/**` in sorted order, class by class.

  Links are followed, unless they lead to a directory that holds the class, or
  to what is read for it anyway, so that no row is there twice. A directory that
  cannot be opened is a fault.

  Args:
    root: a directory with one for each class.
    names: of the classes, in the order of their numbers.
    base: what names of files are relative to.
    report: counts what is no image of a class.

  >>> list_classes(Path(__file__).parent, (), Path(__file__).parent, Report(''))
  []
  """
  found: list[File] = []
  before = len(report.left_out.get(LOCKED, ()))
  for label, name in enumerate(names):
    if os.path.isdir(root / name):
      images = _images(root / name, base, report)
      report.total += len(images)
      found += [File(file, _name(file, base), label) for file in images]
  locked = report.left_out.get(LOCKED, [])[before:]
  if locked:
    report.faults.append(
      f'{len(locked)} {LOCKED} ({some(locked)}); check their permissions'
    )
  for entry in _entries(root):
    if entry.name not in names:
      count_unread(Path(entry.path), base, report, LOOSE)
  return found


def count_unread(path: Path, base: Path, report: Report, kind: str) -> None:
  """Counts all files at a path that is not read.

  Args:
    path: a file or directory.
    base: what names of files are relative to.
    report: counts them.
    kind: what images, that are not hidden, are called.

  >>> report = Report('folder:x')
  >>> count_unread(Path('x/cat.png'), Path('x'), report, LOOSE)
  >>> dict(report.left_out)
  {'in no directory of a class': ['cat.png']}
  """
  hidden, link = is_hidden(path.name), path.is_symlink()
  if os.path.isdir(path) and not (link and (hidden or _leads_up(path))):
    for file in _images(path, base, report, hidden):
      report.total += 1
      report.left_out[kind].append(_name(file, base))
    return
  if os.path.isdir(path) and not hidden:
    kind = AGAIN
  elif path.suffix.lower() not in SUFFIXES:
    kind = OTHER
  report.total += 1
  report.left_out[HIDDEN if hidden else kind].append(_name(path, base))


def _images(
  top: Path, base: Path, report: Report, hidden: bool = False
) -> list[Path]:
  """The image files below a directory, sorted; counts the others."""
  real = Path(os.path.realpath(top))
  seen = {str(real), *map(str, real.parents)}
  found = []
  for path, kind in _walk(top, real, seen, hidden):
    if kind is None:
      found.append(path)
    else:
      report.total += 1
      report.left_out[kind].append(_name(path, base))
  return sorted(found)


def _walk(
  top: Path, real_class: Path, seen: set[str], hidden: bool
) -> Iterator[tuple[Path, str | None]]:
  """Yields each file below a directory, and why it is no image, or None."""
  try:
    entries = _entries(top)
  except UserError:
    yield top, LOCKED
    return
  # Links come last, so that what they lead to is read in its own place.
  for entry in sorted(entries, key=lambda e: e.is_symlink()):
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


def _name(path: Path, base: Path) -> str:
  return path.relative_to(base).as_posix()


def _entries(root: Path) -> list[os.DirEntry[str]]:
  try:
    with os.scandir(root) as entries:
      return sorted(entries, key=lambda entry: entry.name)
  except OSError as error:
    raise UserError(
      f'{root} cannot be opened ({error.strerror}); check its permissions'
    ) from error


def _leads_up(path: os.PathLike[str]) -> bool:
  """Tells whether a link leads to a directory that holds it."""
  if not os.path.islink(path):
    return False
  above = Path(os.path.realpath(Path(path).parent))
  return Path(os.path.realpath(path)) in (above, *above.parents)
