"""configs/README.md is current, and every config file says what it must."""

from __future__ import annotations

from pathlib import Path
import re

from helpers import ROOT
import pytest

from rdd_jax.config.catalogue import catalogue, number, read
from rdd_jax.config.presets.methods import METHODS, PROTECTIONS

CONFIGS = sorted((ROOT / 'configs').glob('*.py'))


def test_the_catalogue_is_current():
  """If this fails: python -m rdd_jax.config.catalogue > configs/README.md."""
  written = (ROOT / 'configs' / 'README.md').read_text()
  assert written == catalogue(ROOT / 'configs') + '\n'


def test_every_config_is_in_it():
  text = (ROOT / 'configs' / 'README.md').read_text()
  for path in CONFIGS:
    assert f'| [{path.stem}]({path.name}) |' in text


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_a_config_names_the_paper_of_its_method_and_its_own_command(path):
  entry = read(path)
  every = {**METHODS, **PROTECTIONS}
  method = max((m for m in every if path.stem.startswith(m)), key=len)
  assert entry.paper == every[method].paper
  assert f'--config=configs/{path.name}' in entry.command
  if entry.measured:
    assert re.search(r'Recorded at commit [0-9a-f]{7}\.$', entry.measured)


@pytest.mark.parametrize(
  ('text', 'expected'),
  [
    ('14 x 14, patch-0.1, 3 seeds, last step: 79.3 ± 0.5, ipc=1 3.0', '79.3'),
    ('shortened: accuracy over plain +5.6, rare 8.2', 'accuracy over plain +'),
  ],
)
def test_the_number_is_no_setting(text, expected):
  assert number(text).startswith(expected)


def test_a_number_is_needed():
  with pytest.raises(ValueError, match='no number'):
    number('noise=pair-0.4, 3 seeds')


@pytest.mark.parametrize(
  'doc',
  [
    'Paper: x\n\nMeasured: 1.0',
    'Paper: x\n\npython -m rdd_jax.main',
    'Paper: x\n\nMeasured: 1.0\n\nNot run: x\n\npython -m rdd_jax.main',
  ],
)
def test_a_file_that_does_not_say_what_it_must(doc: str, tmp_path: Path):
  path = tmp_path / 'a.py'
  path.write_text(f'"""A.\n\n{doc}\n"""\n')
  with pytest.raises(ValueError, match='Not run:'):
    read(path)
