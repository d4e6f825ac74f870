"""The notebooks of docs/ run from top to bottom, and hold no outputs."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess
import sys

from helpers import ONE_DEVICE, ROOT
import pytest

NOTEBOOKS = sorted((ROOT / 'docs' / 'notebooks').glob('*.ipynb'))
SAID = {  # what stands at the beginning of a line that it prints at its end
  'compose': 'TAD and outliers',
  'clean_and_distil': 'distilled',
  'judge_a_set': 'ntk',
}


def code(path: Path) -> list[str]:
  """The source of each cell of code."""
  cells = json.loads(path.read_text())['cells']
  return [''.join(c['source']) for c in cells if c['cell_type'] == 'code']


def test_they_are_three():
  assert {path.stem for path in NOTEBOOKS} == set(SAID)


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_kept(path: Path):
  for cell in json.loads(path.read_text())['cells']:
    assert not cell.get('outputs')
    assert cell.get('execution_count') is None


@pytest.mark.slow
@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_they_run(path: Path, tmp_path: Path):
  """Without Jupyter: in a directory of their own, as one script."""
  script = tmp_path / 'script.py'
  script.write_text('\n\n'.join(code(path)))
  done = subprocess.run(
    [sys.executable, str(script)],
    cwd=tmp_path,
    env={
      **os.environ,
      'PYTHONPATH': str(ROOT),
      'TMPDIR': str(tmp_path),
      'XLA_FLAGS': ONE_DEVICE,
    },
    capture_output=True,
    text=True,
    timeout=600,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout.splitlines()[-1].startswith(SAID[path.stem])
