"""The names of `rdd_jax` are there, explained, and cost nothing to import."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from pathlib import Path
import pkgutil
import re
import subprocess
import sys

from helpers import ROOT
import pytest

import rdd_jax

SOURCE = Path(rdd_jax.__file__)
FOLDERS = {'data', 'kernels', 'networks', 'objectives', 'robust'}
NAMES = sorted(set(rdd_jax.__all__) - FOLDERS)


def test_some_twenty_names_are_public():
  assert 15 <= len(NAMES) <= 30
  assert set(rdd_jax.__all__) <= set(dir(rdd_jax))


@pytest.mark.parametrize('name', rdd_jax.__all__)
def test_a_name_is_explained_and_leads_somewhere(name: str):
  assert re.search(rf'`{name}`', rdd_jax.__doc__ or '')
  found = getattr(rdd_jax, name)
  assert found is getattr(rdd_jax, name)
  assert inspect.getdoc(found)
  if name not in FOLDERS:
    assert found.__name__ == name
    assert found.__module__.startswith('rdd_jax.')


def test_the_docstring_has_no_other_names():
  rows = re.findall(r'(?m)^\| (`.*?) \|', rdd_jax.__doc__ or '')
  told = set(re.findall(r'`(\w+)`', ' '.join(rows)))
  assert told | FOLDERS | {'UserError'} == set(rdd_jax.__all__)


def test_no_name_is_that_of_a_module():
  """Importing the module would put it in the place of the name."""
  modules = {found.name for found in pkgutil.iter_modules(rdd_jax.__path__)}
  assert not modules & set(NAMES)
  assert modules >= FOLDERS


def test_type_checkers_are_told_of_the_same_names():
  tree = ast.parse(SOURCE.read_text())
  (block,) = (node for node in tree.body if isinstance(node, ast.If))
  imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
  told = {
    alias.name: importlib.import_module(str(node.module))
    for node in imports
    for alias in node.names
  }
  assert set(told) == set(rdd_jax.__all__)
  for name in NAMES:
    assert getattr(told[name], name) is getattr(rdd_jax, name)


def test_importing_the_package_imports_none_of_it():
  code = (
    'import json, sys; before = set(sys.modules); import rdd_jax; '
    'dir(rdd_jax); print(json.dumps(sorted(set(sys.modules) - before)))'
  )
  out = subprocess.run(
    [sys.executable, '-c', code], capture_output=True, check=True, cwd=ROOT
  )
  found = json.loads(out.stdout)
  ours = [m for m in found if m.startswith('rdd_jax')]
  assert ours == ['rdd_jax']
  assert not {m.partition('.')[0] for m in found} & {'jax', 'flax', 'numpy'}


def test_a_module_of_a_command_is_still_imported_by_its_name():
  from rdd_jax import convert, evaluate

  assert evaluate.__name__ == 'rdd_jax.evaluate'
  assert convert.__name__ == 'rdd_jax.convert'


def test_another_name_is_an_error_that_says_where_to_look():
  with pytest.raises(AttributeError, match=r"no 'jugde'; help\(rdd_jax\)"):
    rdd_jax.__getattr__('jugde')
  # Where nothing has imported the module of the command yet.
  with pytest.raises(AttributeError, match=r'the function is rdd_jax\.judge'):
    rdd_jax.__getattr__('evaluate')


def test_the_version_has_one_source():
  assert re.fullmatch(r'\d+\.\d+\.\d+', rdd_jax.__version__)
  setup = (ROOT / 'setup.py').read_text()
  assert f"'{rdd_jax.__version__}'" not in setup
  (pattern,) = re.findall(r'r"(\(\?m\).*)", \(ROOT', setup.replace('\n  ', ''))
  found = re.search(pattern, SOURCE.read_text())
  assert found is not None
  assert found[1] == rdd_jax.__version__
  cited = (ROOT / 'CITATION.cff').read_text()
  assert f'\nversion: {rdd_jax.__version__}\n' in cited
