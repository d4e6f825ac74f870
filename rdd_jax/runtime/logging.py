"""Logs a run: JSON lines of metrics, lines for its reader."""

from __future__ import annotations

from collections.abc import Mapping
import importlib
import json
import os
from pathlib import Path
import shutil
import threading
from types import ModuleType
from typing import Any

import jax
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import distributed as meshes

CLOSING = 2.0  # seconds to write events of TensorBoard, once a run ends


class MetricsWriter:
  """Appends one JSON object a line: `{"step": 7, "loss": 0.25}`.

  The content depends on the run alone: no time stamps, floats in full, NaN
  and Infinity as Python's `json` writes and reads them. Process 0 writes.
  """

  def __init__(self, path: str | Path, tensorboard: str | Path | None = None):
    """Opens nothing yet; `tensorboard` names a directory for its events.

    Raises:
      UserError: if `tensorboard` is given and tensorboardX is not installed.
    """
    self._path = Path(path)
    self._events, self._board = tensorboard, None
    if jax.process_index() == 0:
      self._path.parent.mkdir(parents=True, exist_ok=True)
      self._open_board()

  def __enter__(self) -> MetricsWriter:
    return self

  def __exit__(self, *_: object) -> None:
    if self._board is not None:
      close(self._board)

  def write(self, step: int, values: Mapping[str, Any]) -> None:
    """Appends numbers or arrays, which become lists; one line, at once.

    Args:
      step: of the run.
      values: by name.
    """
    if jax.process_index() != 0:
      return
    plain = {name: np.asarray(value).tolist() for name, value in values.items()}
    with self._path.open('a') as file:
      file.write(json.dumps({'step': int(step)} | plain) + '\n')
    if self._board is not None:
      for name, value in plain.items():
        if not isinstance(value, list):
          self._board.add_scalar(name, value, int(step))

  def truncate_after(self, step: int) -> None:
    """Drops, on resuming from `step`, what a dead run wrote after it.

    The file is replaced as a whole, without the lines of later steps and
    without a torn one; -1 drops every line.
    """
    if jax.process_index() != 0:
      return
    if self._path.exists():
      lines = self._path.read_text().splitlines(keepends=True)
      draft = self._path.with_name(self._path.name + '.tmp')
      draft.write_text(''.join(x for x in lines if _step(x) <= step))
      os.replace(draft, self._path)
    self._open_board(purge_step=step + 1)

  def _open_board(self, **options: Any) -> None:
    if self._events is None:
      return
    module = require_board(f'tensorboard={self._events}')
    if self._board is not None:
      close(self._board)
    self._board = module.SummaryWriter(str(self._events), **options)


def require_board(what: str) -> ModuleType:
  """Imports tensorboardX.

  Args:
    what: needs it, for the error.

  Raises:
    UserError: if it is not installed.
  """
  try:
    return importlib.import_module('tensorboardX')
  except ModuleNotFoundError as error:
    raise UserError(
      f'{what} needs tensorboardX: pip install tensorboardX, or leave it out '
      '(the JSON lines are always written)'
    ) from error


def board_results(
  directory: Path, step: int, results: Mapping[str, Any]
) -> None:
  """Writes the means of a run's tables as TensorBoard's scalars, afresh.

  Args:
    directory: of these events alone; what is in it is removed.
    step: of all of them.
    results: as in `results.json`; the tag of a mean is `METRIC/ROW`, below
      `NAME/` for networks of other kinds.
  """
  shutil.rmtree(directory, ignore_errors=True)
  tables = {'': results['rows']} | {
    f'{name}/': rows for name, rows in results.get('networks', {}).items()
  }
  board = require_board(f'tensorboard={directory}').SummaryWriter(
    str(directory)
  )
  for prefix, rows in tables.items():
    for row, metrics in rows.items():
      for metric, summary in metrics.items():
        board.add_scalar(f'{prefix}{metric}/{row}', summary['mean'], step)
  close(board)


def close(board: Any) -> None:
  """Closes a SummaryWriter, and waits for it for `CLOSING` seconds at most.

  It waits for its thread, for ever if that has failed, as on a full disk.

  Args:
    board: of tensorboardX.
  """
  closing = threading.Thread(target=board.close, daemon=True)
  closing.start()
  closing.join(CLOSING)


def _step(line: str) -> float:
  """The step of a line; infinity for one that was torn."""
  try:
    return json.loads(line)['step'] if line.endswith('\n') else np.inf
  except ValueError:
    return np.inf


def say(text: str) -> None:
  """Prints, on one process of several."""
  if meshes.is_main_process():
    print(text, flush=True)
