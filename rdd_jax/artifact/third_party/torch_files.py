"""PyTorch files to named arrays, without running a pickle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
import zipfile

import numpy as np

from rdd_jax.artifact.third_party.pick import RATES
from rdd_jax.core.errors import UserError, one_line
from rdd_jax.runtime.sizes import require_memory


def tensors(torch: Any, path: Path) -> dict[str, np.ndarray]:
  """Reads what a PyTorch file holds, with `weights_only`.

  NumPy's scalars, dtypes and arrays are admitted beside tensors: they run no
  code of the file.

  Args:
    torch: the module.
    path: of the file.

  Returns:
    Dense tensors, arrays of numbers, and lists of whole numbers or of rows of
    numbers, by dotted name: 'data.0.1'. A lone one is called 'tensor'.

  Raises:
    UserError: if the file is damaged, holds more than that, or a sparse tensor.
  """
  try:
    _require_unfolded(path)
    with _admitted(torch):
      tree = torch.load(path, map_location='cpu', weights_only=True)
  except UserError:  # of memory
    raise
  # What torch raises depends on its version and on the damage.
  except Exception as error:
    raise UserError(
      f'{path} is damaged or holds more than tensors, which only a pickle '
      f'could read ({one_line(error)[:160]}); save it again by '
      'torch.save((images, labels), path)'
    ) from error
  return dict(_leaves(torch, tree, path))


def _require_unfolded(path: Path) -> None:
  """Checks what an archive unfolds to; PyTorch itself folds nothing."""
  if zipfile.is_zipfile(path):
    with zipfile.ZipFile(path) as archive:
      total = sum(entry.file_size for entry in archive.infolist())
    require_memory(total, f'what {path} holds')


def _admitted(torch: Any) -> AbstractContextManager[Any]:
  """Lets `weights_only` read NumPy's numbers, by its old and new names."""
  admit = getattr(torch.serialization, 'safe_globals', None)
  if admit is None:  # PyTorch before 2.5, which refuses them, and says so
    return nullcontext()
  core: Any = getattr(np, '_core', None) or np.core
  kinds = {type(np.dtype(code)) for code in '?bBhHiIlLqQefdg'}
  named = [
    (getattr(core.multiarray, name), f'numpy.{package}.multiarray.{name}')
    for name in ('scalar', '_reconstruct')
    for package in ('core', '_core')
  ]
  return admit([np.dtype, np.ndarray, *kinds, *named])


def _leaves(
  torch: Any, tree: Any, path: Path, name: str = ''
) -> Iterator[tuple[str, np.ndarray]]:
  """Walks nested dicts, lists and tuples."""
  if isinstance(tree, torch.Tensor):
    yield name or 'tensor', _numpy(torch, tree, name, path)
  elif isinstance(tree, np.ndarray | np.generic | int | float):
    found = np.asarray(tree)
    alone = not name or name.rpartition('.')[2] in RATES
    if found.dtype.kind in 'biuf' and (alone or found.ndim):
      yield name or 'tensor', found
  elif (listed := _numbers(tree)) is not None:
    yield name or 'list', listed
  elif isinstance(tree, dict | list | tuple):
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, branch in items:
      yield from _leaves(torch, branch, path, f'{name}.{key}'.lstrip('.'))


def _numbers(tree: Any) -> np.ndarray | None:
  """A list of classes, `i[n]`, or of rows of scores, `f[n, k]`; else None."""
  if not isinstance(tree, list | tuple) or not tree:
    return None
  plain = int | float | np.integer | np.floating
  if all(isinstance(value, plain) for value in tree):
    # Accuracies and losses, which are listed too, are not whole.
    return (
      np.asarray(tree) if all(float(v).is_integer() for v in tree) else None
    )
  rows = [row for row in tree if isinstance(row, list | tuple) and row]
  if len(rows) < len(tree) or len({len(row) for row in rows}) > 1:
    return None
  if not all(isinstance(value, plain) for row in rows for value in row):
    return None
  return np.asarray(tree)


def _numpy(torch: Any, tensor: Any, name: str, path: Path) -> np.ndarray:
  if tensor.layout != torch.strided:
    raise UserError(
      f'{path} has a sparse tensor {name or "tensor"!r} '
      f'({list(tensor.shape)}, {tensor.layout}); save it again as '
      'tensor.to_dense()'
    )
  # One that was expanded holds fewer numbers than it has.
  size = tensor.numel() * max(tensor.element_size(), 4)
  require_memory(size, f'{name or "tensor"} of {path}')
  tensor = tensor.detach()
  # numpy has no bfloat16.
  return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
