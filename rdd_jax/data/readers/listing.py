"""Lists the files of a folder: images, and what else there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import os
from pathlib import Path
from typing import NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.data.readers.report import Report, some
from rdd_jax.data.readers.walk import (
  AGAIN,
  HIDDEN,
  LOCKED,
  OTHER,
  Found,
  entries,
  is_hidden,
  is_image,
  leads_up,
  walk,
)

LOOSE = 'in no directory of a class'


class File(NamedTuple):
  """An image of a class, in a file of its own or not.

  Attributes:
    path: where it is, or what returns its bytes.
    name: the path in the folder that was given, or another name.
    label: the number of its class.
    group: the number of its group, where there are any.
  """

  path: os.PathLike[str] | str | Callable[[], bytes]
  name: str
  label: int
  group: int | None = None


def directory(root: Path, where: str) -> Path:
  """Returns a directory with something in it.

  Args:
    root: the directory.
    where: what errors call it.

  Raises:
    UserError: if it is none, or empty.
  """
  if not os.path.isdir(root):
    raise UserError(f'{where} is not a directory; check the path')
  if not entries(root):
    raise UserError(f'{where} is an empty directory; put data there')
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
    for entry in entries(root)
    if not is_hidden(entry.name)
    and os.path.isdir(entry)
    and not leads_up(entry)
  ]
  if all(name.isascii() and name.isdecimal() for name in names):
    names.sort(key=int)
  return names


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
      found += [File(path, name, label) for path, name in images]
  locked = report.left_out.get(LOCKED, [])[before:]
  if locked:
    report.faults.append(
      f'{len(locked)} {LOCKED} ({some(locked)}); check their permissions'
    )
  for entry in entries(root):
    if entry.name not in names:
      count_unread(Path(entry.path), base, report, LOOSE)
  return found


def list_images(top: Path, base: Path, report: Report) -> list[File]:
  """Lists all images below a directory in sorted order, as of class 0.

  Args:
    top: the directory.
    base: what names of files are relative to.
    report: counts what is no image.
  """
  found = _images(top, base, report)
  report.total += len(found)
  return [File(path, name, 0) for path, name in found]


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
  if os.path.isdir(path) and not (link and (hidden or leads_up(path))):
    for _, name in _images(path, base, report, hidden):
      report.total += 1
      report.left_out[kind].append(name)
    return
  if os.path.isdir(path) and not hidden:
    kind = AGAIN
  elif not is_image(path.name):
    kind = OTHER
  report.total += 1
  report.left_out[HIDDEN if hidden else kind].append(
    path.relative_to(base).as_posix()
  )


def _images(
  top: Path, base: Path, report: Report, hidden: bool = False
) -> list[tuple[str, str]]:
  """Paths and names of the images below a directory; counts the others."""
  found = []
  for path, name, kind in _walk(top, base, hidden):
    if kind is None:
      found.append((path, name))
    else:
      report.total += 1
      report.left_out[kind].append(name)
  return sorted(found, key=lambda image: image[1].split('/'))


def _walk(top: Path, base: Path, hidden: bool = False) -> Iterator[Found]:
  """Walks a directory, with names that begin in one that holds it."""
  place = top.relative_to(base).as_posix()
  return walk(top, '' if place == '.' else place, hidden)


def count_unnamed(
  root: Path, named: set[str], base: Path, report: Report, kind: str
) -> None:
  """Counts all files below a directory but those that are named.

  Args:
    root: the directory.
    named: normalized paths.
    base: what names of files are relative to.
    report: counts the others.
    kind: what images, that are not hidden, are called.
  """
  for path, name, other in _walk(root, base):
    if os.path.normpath(path) not in named:
      report.total += 1
      report.left_out[other or kind].append(name)
