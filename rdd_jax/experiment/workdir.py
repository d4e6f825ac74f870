"""Checks that a work directory belongs to one configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
import hashlib
import json
from pathlib import Path
from typing import Any

from rdd_jax.artifact import store
from rdd_jax.config import defaults
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import changed, stale
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.files import advice, read_summed, write_atomically
from rdd_jax.runtime.logging import say
from rdd_jax.runtime.owner import FILES, owned

LAYOUT = 2  # of a work directory; the first one said nothing of itself
# What a run leaves before there is anything to resume: files, and below
# directories.
BEGUN = (
  *FILES,
  'config.json',
  'cost.json',
  'rows.json',
  '.rows.json.sha256',
  'baselines/initial',
  'metrics.jsonl',
  'tensorboard',
)
OUTPUTS = ('distilled.npz', 'results.json', 'grid.png', 'report.html')


def default(config: Config) -> Path:
  """Returns `runs/NAME-HASH`, by which a command finds its directory again."""
  digest = hashlib.sha256(_text(config).encode()).hexdigest()[:8]
  return Path('runs') / f'{config.name}-{digest}'


def claim(
  directory: Path, config: Config, *, write: bool = True, later: bool = False
) -> None:
  """Makes the directory, or checks that it was made by the same config.

  Args:
    directory: to be made if it is not there.
    config: of this run.
    write: False only checks; one process of several writes.
    later: a run whose results become stale stays as it is until it is claimed
      again, once its data are known to fit.

  Fields that do not enter distillation may differ, and there may be more
  steps: the set is kept, and what changed is judged again, see `changed` and
  `stale`.

  Raises:
    UserError: naming the fields that differ, or when it cannot be written.
  """
  path = directory / 'config.json'
  if path.exists():
    try:
      before = json.loads(path.read_text())
      layout = before.pop('layout', 1)
      before = flat(before)
    except (ValueError, AttributeError) as error:
      raise UserError(
        f'{path} is damaged ({error}): remove {directory} or choose another '
        '--workdir'
      ) from error
    if layout != LAYOUT:
      raise UserError(
        f'{directory} has layout {layout}, of another version of rdd_jax: '
        f'this one, of layout {LAYOUT}, evaluates, converts and compares it, '
        'and resumes none but its own; choose another --workdir'
      )
    now = flat(json.loads(_text(config)))
    # A field that there was not yet is as it is by default.
    known = flat(json.loads(_text(defaults.config())))
    new = now.keys() - before.keys()
    before |= {key: known[key] for key in new & known.keys()}
    fields = sorted(
      key
      for key in before.keys() | now.keys()
      if before.get(key) != now.get(key)
    )
    if fields:
      changed.refuse(directory, before, now, fields)
    if not write or (later and stale.drops(directory, now, fields)):
      return
    if fields:
      say(stale.follow(directory, before, now, fields))
    if fields or new:
      _write(path, config)
    return
  if not write:
    return
  _write(path, config)


@contextmanager
def claimed(
  directory: Path, config: Config, *, write: bool = True
) -> Iterator[None]:
  """Claims the directory, and gives it back if it ends before any work.

  No other command may claim it meanwhile, see `owner`.

  A configuration that turns out not to fit its data is then no reason to
  refuse the corrected one, and leaves no directory behind, or the run that was
  there before as it was.

  Args:
    directory: see `claim`.
    config: of this run.
    write: False only checks; one process of several writes.
  """
  new = not (directory / 'config.json').exists()
  made = [p for p in (directory, *directory.parents) if not p.exists()]
  with owned(directory, 'workdir') if write else nullcontext():
    try:
      claim(directory, config, write=write, later=True)
      meshes.any_process(False)  # the others are about to read what one wrote
      yield
    except BaseException:
      if new and write:
        _give_back(directory, made)
      raise


def _give_back(directory: Path, made: Sequence[Path]) -> None:
  """Removes what a run left that did no work, and then what was made for it."""
  files = [path for path in directory.rglob('*') if not path.is_dir()]
  begun = [directory / name for name in BEGUN]
  if any(not {path, *path.parents} & set(begun) for path in files):
    return
  for path in files:
    path.unlink()
  within = {p for path in files for p in path.parents if directory in p.parents}
  for path in (*sorted(within, reverse=True), *made):
    with suppress(OSError):  # something of another is in it
      path.rmdir()


def _write(path: Path, config: Config) -> None:
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    described = {'layout': LAYOUT, **json.loads(_text(config))}
    text = json.dumps(described, indent=2, sort_keys=True)
    write_atomically(path, text.encode())
  except OSError as error:
    raise UserError(
      f'cannot write to {path.parent} ({error.strerror}): {advice(error)}, or '
      'choose another --workdir'
    ) from error


def _text(config: Config) -> str:
  return config.to_json(indent=2, sort_keys=True)


def finished(directory: Path, config: Config) -> bool:
  """Tells whether there is nothing left to do of a run.

  Args:
    directory: of the run.
    config: what it is asked for.
  """
  path = directory / 'config.json'
  if missing(directory) or not path.exists():
    return False
  seeds = [directory / 'seeds' / str(s) for s in range(1, config.seeds)]
  if not all(store.is_whole(seed) for seed in (directory, *seeds)):
    return False
  try:
    done = json.loads(path.read_text())
    json.loads(read_summed(directory / 'results.json') or b'')
  except ValueError:
    return False
  return done == {'layout': LAYOUT, **json.loads(_text(config))}


def missing(directory: Path) -> list[str]:
  """Returns the outputs that a run has not written; none once it finished."""
  return [name for name in OUTPUTS if not (directory / name).exists()]


def flat(tree: Any, prefix: str = '') -> dict[str, Any]:
  """Flattens nested dictionaries to fields by their path, such as `data.name`.

  Args:
    tree: a dictionary, or a value.
    prefix: the path of the tree.

  >>> flat({'data': {'name': 'digits'}, 'seed': 1})
  {'data.name': 'digits', 'seed': 1}
  """
  if not isinstance(tree, dict) or not tree:
    return {prefix: tree}
  return {
    path: value
    for key, branch in tree.items()
    for path, value in flat(branch, f'{prefix}.{key}'.lstrip('.')).items()
  }
