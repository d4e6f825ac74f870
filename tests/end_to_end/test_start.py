"""A message comes before what is only needed by the work is imported."""

from __future__ import annotations

import json
import subprocess
import sys

from helpers import ROOT
import pytest

HEAVY = (
  *('sklearn', 'scipy', 'pandas', 'orbax', 'joblib', 'matplotlib', 'PIL'),
  *('tensorboardX', 'pyarrow', 'datasets', 'tensorflow_datasets', 'torch'),
  'jinja2',
)
QUICKSTART = '--config=configs/quickstart.py'
# What each says, and whether JAX may be imported for it.
SAID = {
  ('main', '--config=configs/quickstrat.py'): ('did you mean', False),
  ('main', QUICKSTART, '--config.objectiv=3'): ("field 'objectiv'", False),
  ('main', QUICKSTART, '--confg=3'): ("flag 'confg'", False),
  ('main', '--help'): ('--compilation_cache', False),
  ('main', f'{QUICKSTART}:help'): ('defense', False),
  ('main', f'{QUICKSTART}:show'): ('synthetic', False),
  ('main', QUICKSTART, '--config.baselines=("herdin",)'): ("'herding'?", True),
  ('plan', '--config=configs/quickstrat.py'): ('did you mean', False),
  ('evaluate', '--sed=3'): ("flag 'sed'", False),
  ('evaluate', '--help'): ('herding', False),
  ('convert', 'runs', '--too=npz'): ("flag 'too'", False),
  ('convert', 'runs'): ('safetensors|tfds', False),
  ('evaluate', 'nowhere'): ('nowhere does not exist', True),
  ('compare', '--cvs=x'): ("flag 'cvs'", False),
  ('sweep', '--job=2'): ("flag 'job'", False),
  ('bench', '--onyl=ntk'): ("flag 'onyl'", True),
  ('prepare', '--data=x'): ("flag 'data'", True),
  ('evalaute', 'runs'): ("'evaluate'", False),
}
# Starts each in a process of its own, which begins with nothing imported.
START = """
import contextlib, io, json, os, sys
from rdd_jax import __main__ as commands

for words in json.load(sys.stdin):
  reader, writer = os.pipe()
  if not os.fork():
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
      try:
        commands.main(words)
      except SystemExit:
        pass
    top = {name.partition('.')[0] for name in sys.modules}
    with os.fdopen(writer, 'w') as file:
      json.dump([said.getvalue(), sorted(top)], file)
    os._exit(0)
  os.close(writer)
  print(os.fdopen(reader).read(), flush=True)
  os.wait()
"""


@pytest.fixture(scope='module')
def started() -> dict[tuple[str, ...], tuple[str, set[str]]]:
  done = subprocess.run(
    [sys.executable, '-c', START],
    input=json.dumps(list(SAID)),
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
  )
  found = map(json.loads, done.stdout.splitlines())
  return {
    words: (said, set(modules))
    for words, (said, modules) in zip(SAID, found, strict=True)
  }


@pytest.mark.parametrize('words', SAID, ids=' '.join)
def test_a_message_needs_little(started, words):
  expected, jax = SAID[words]
  said, modules = started[words]
  assert expected in said
  assert modules.isdisjoint(HEAVY if jax else {*HEAVY, 'jax', 'numpy'})
