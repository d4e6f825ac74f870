"""How many programs the quickstart compiles: a number that only falls."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

from first_minute import COUNT
from helpers import ROOT
import pytest

PROGRAMS = 58  # 249 at commit f44d27d; those read from a cache are counted


@pytest.mark.slow  # `.ci/run` runs it
def test_the_quickstart_compiles_no_more_programs_than_it_did(tmp_path: Path):
  where = tmp_path / 'count'
  config = '--config=configs/quickstart.py:smoke,seeds=1'
  subprocess.run(
    (
      sys.executable,
      '-c',
      COUNT.format(where=where),
      config,
      f'--workdir={tmp_path / "run"}',
    ),
    cwd=ROOT,
    env={**os.environ, 'XLA_FLAGS': ''},
    capture_output=True,
    check=True,
  )
  assert 0 < int(where.read_text()) <= PROGRAMS
