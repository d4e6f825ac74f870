"""A work directory belongs to one configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rdd_jax.config.presets import gradient
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import workdir


def test_same_config_may_claim_again(tmp_path: Path):
  config = gradient.dm('cifar10')
  workdir.claim(tmp_path / 'run', config)
  workdir.claim(tmp_path / 'run', gradient.dm('cifar10'))


def test_another_config_is_told_what_differs(tmp_path: Path):
  workdir.claim(tmp_path, gradient.dm('cifar10'))
  with pytest.raises(UserError) as error:
    workdir.claim(tmp_path, gradient.dm('cifar10', 'ipc=1'))
  message = str(error.value)
  assert 'synthetic.ipc (was 10, is 1)' in message
  assert 'seed' not in message.replace('seeds', '')
  assert '\n' not in message


def test_damaged_config(tmp_path: Path):
  (tmp_path / 'config.json').write_text('{"a":')
  with pytest.raises(UserError, match='damaged'):
    workdir.claim(tmp_path, gradient.dm('cifar10'))


def test_unwritable(tmp_path: Path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(UserError, match='cannot write to'):
    workdir.claim(tmp_path / 'file' / 'run', gradient.dm('cifar10'))


def test_default_depends_on_the_config_alone():
  a, b = gradient.dm('cifar10'), gradient.dm('cifar10', 'seed=1')
  assert workdir.default(a) == workdir.default(gradient.dm('cifar10'))
  assert workdir.default(a) != workdir.default(b)


def test_fields_that_an_earlier_version_lacked_are_as_by_default(
  tmp_path: Path,
):
  config = gradient.dm('cifar10')
  workdir.claim(tmp_path, config)
  path = tmp_path / 'config.json'
  now = path.read_text()
  written = json.loads(now)
  del written['network']['dtype'], written['evaluation']['mixup']
  path.write_text(json.dumps(written))
  workdir.claim(tmp_path, config)
  assert path.read_text() == now
  path.write_text(json.dumps(written))
  config.network.dtype = 'bfloat16'
  with pytest.raises(UserError, match=r'dtype \(was float32, is bfloat16\)'):
    workdir.claim(tmp_path, config)
