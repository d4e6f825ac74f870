"""Collects what is odd about a source, to say it at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

MOST_LOST = 0.05  # of the images of a part
_SHOWN = 3


class Report:
  """What one pass over a source found.

  Attributes:
    where: what messages call the source, such as 'folder:PATH'.
    left_out: from a kind, which follows a count, to the files of that kind.
    changed: the same, of files that were read otherwise than they stand.
    faults: each a reason to refuse the source, with what to do.
    notes: what else is worth saying.
    total: how many files were seen.
    unit: what they are, if not files.
  """

  def __init__(self, where: str, unit: str = 'files') -> None:
    """Starts without findings."""
    self.where, self.unit = where, unit
    self.left_out: defaultdict[str, list[str]] = defaultdict(list)
    self.changed: defaultdict[str, list[str]] = defaultdict(list)
    self.faults: list[str] = []
    self.notes: list[str] = []
    self.total = 0

  def lines(self) -> tuple[str, ...]:
    """Returns one line for each sort of finding.

    >>> report = Report('folder:x')
    >>> report.left_out['empty'] += ['a.png', 'b.png']
    >>> report.total = 9
    >>> report.lines()
    ('folder:x: 2 of 9 files are left out: 2 empty (a.png, b.png)',)
    """
    lines = []
    if self.left_out:
      count = sum(map(len, self.left_out.values()))
      lines.append(
        f'{count} of {self.total} {self.unit} are left out: '
        f'{listed(self.left_out)}'
      )
    if self.changed:
      kinds = (f'{len(names)} {kind}' for kind, names in self.changed.items())
      lines.append('converted: ' + ', '.join(kinds))
    return tuple(f'{self.where}: {line}' for line in [*lines, *self.notes])

  def lose(
    self,
    part: str,
    count: int,
    lost: Mapping[str, Sequence[str]],
    advice: str,
    remedy: str = 'replace or remove them',
  ) -> None:
    """Counts images that cannot be read, or makes them a fault.

    Args:
      part: what they are of, such as 'train'.
      count: of all images of it.
      lost: from a kind to names, as in `left_out`.
      advice: what to do where none can be read,
      remedy: and where too many cannot.

    >>> report = Report('folder:x')
    >>> report.lose('train', 9, {'empty': ['a.png']}, 'put others there')
    >>> report.faults  # doctest: +ELLIPSIS
    ['1 of 9 images of train cannot be read, more than 5%: 1 empty (a.png)...
    """
    number = sum(map(len, lost.values()))
    if number == count:
      self.faults.append(
        f'{part} has no images'
        + (f' that can be read: {listed(lost)}' if lost else '')
        + f'; {advice}'
      )
    elif number > MOST_LOST * count:
      self.faults.append(
        f'{number} of {count} images of {part} cannot be read, more than '
        f'{MOST_LOST:.0%}: {listed(lost)}; {remedy}'
      )
    for kind, names in lost.items():
      self.left_out[kind] += names


def listed(kinds: Mapping[str, Sequence[str]]) -> str:
  """Lays out counts and the first examples of each kind.

  >>> listed({'empty': ['a', 'b', 'c', 'd'], 'hidden': ['.e']})
  '4 empty (a, b, c, ...), 1 hidden (.e)'
  """
  return ', '.join(
    f'{len(names)} {kind} ({some(names)})' for kind, names in kinds.items()
  )


def some(names: Sequence[str]) -> str:
  r"""Lists the first names, as they can be printed.

  >>> some(['a\n', 'b', 'c', 'd'])
  'a\\n, b, c, ...'
  """
  shown = [n if n.isprintable() else repr(n)[1:-1] for n in names[:_SHOWN]]
  return ', '.join(shown + ['...'] * (len(names) > _SHOWN))
