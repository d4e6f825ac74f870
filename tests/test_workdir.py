"""A work directory belongs to one configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from rdd_jax import presets, workdir
from rdd_jax.errors import UserError


def test_same_config_may_claim_again(tmp_path: Path):
  config = presets.dm('cifar10')
  workdir.claim(tmp_path / 'run', config)
  workdir.claim(tmp_path / 'run', presets.dm('cifar10'))


def test_another_config_is_told_what_differs(tmp_path: Path):
  workdir.claim(tmp_path, presets.dm('cifar10'))
  with pytest.raises(UserError) as error:
    workdir.claim(tmp_path, presets.dm('cifar10', 'ipc=1'))
  message = str(error.value)
  assert 'synthetic.ipc (was 10, is 1)' in message
  assert 'seed' not in message.replace('seeds', '')
  assert '\n' not in message


def test_damaged_config(tmp_path: Path):
  (tmp_path / 'config.json').write_text('{"a":')
  with pytest.raises(UserError, match='damaged'):
    workdir.claim(tmp_path, presets.dm('cifar10'))


def test_unwritable(tmp_path: Path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(UserError, match='cannot write to'):
    workdir.claim(tmp_path / 'file' / 'run', presets.dm('cifar10'))


def test_default_depends_on_the_config_alone():
  a, b = presets.dm('cifar10'), presets.dm('cifar10', 'seed=1')
  assert workdir.default(a) == workdir.default(presets.dm('cifar10'))
  assert workdir.default(a) != workdir.default(b)
