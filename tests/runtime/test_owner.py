"""A directory is one command's at a time, and nobody's once that is gone."""

from __future__ import annotations

from contextlib import ExitStack
import os
from pathlib import Path
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import owner

HOLD = """
from pathlib import Path
import sys
from rdd_jax.runtime.owner import owned
with owned(Path(sys.argv[1]), 'out'):
  print('owned', flush=True)
  sys.stdin.read()
"""


def hold(directory: Path) -> subprocess.Popen[str]:
  process = subprocess.Popen(
    [sys.executable, '-c', HOLD, str(directory)],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  assert process.stdout is not None
  assert process.stdout.readline() == 'owned\n'
  return process


def test_another_is_refused_until_the_first_ends(tmp_path: Path):
  with hold(tmp_path) as process:
    with (
      pytest.raises(UserError) as refused,
      owner.owned(tmp_path, 'workdir'),
    ):
      pass
    process.communicate('')
  message = str(refused.value)
  assert f'process {process.pid} on {socket.gethostname()}' in message
  assert '--workdir' in message
  assert '\n' not in message
  with owner.owned(tmp_path, 'workdir'):
    pass


def test_one_that_was_killed_leaves_nothing_behind(tmp_path: Path):
  with hold(tmp_path) as process:
    process.send_signal(signal.SIGKILL)
    process.wait()
    with owner.owned(tmp_path, 'out'):
      pass


def test_one_that_dies_names_itself_no_longer(tmp_path: Path):
  with hold(tmp_path) as process:
    process.kill()
    process.wait()
    with owner.owned(tmp_path, 'out'):
      with pytest.raises(UserError) as refused, owner.owned(tmp_path, 'out'):
        pass
      assert f'process {os.getpid()} on' in str(refused.value)


def test_an_unreadable_name_is_another_process(tmp_path: Path):
  with owner.owned(tmp_path, 'out'):
    (tmp_path / owner.OWNER).write_text('{')
    with (
      pytest.raises(UserError, match='by another process'),
      owner.owned(tmp_path, 'out'),
    ):
      pass


def test_several_directories_are_several(tmp_path: Path):
  with ExitStack() as stack:
    for name in 'abc':
      stack.enter_context(owner.owned(tmp_path / name, 'out'))


def test_where_nothing_can_be_written_nothing_is_owned():
  with owner.owned(Path('/proc/none'), 'out'):
    pass


@pytest.mark.skipif(os.getuid() != 0, reason='becomes another user')
def test_another_user_of_a_shared_directory_is_refused():
  """Whether they may take the lock or not; but not one who only reads there."""
  place = Path(tempfile.mkdtemp())
  try:
    place.chmod(0o777)
    with owner.owned(place, 'out'):
      assert 'is in use by' in another(place)
    assert another(place) == ''
    (place / owner.LOCK).chmod(0o644)  # as earlier versions made it
    assert "lock is another user's" in another(place)
    place.chmod(0o755)
    assert another(place) == ''
  finally:
    shutil.rmtree(place)


ANOTHER = """
import os
from pathlib import Path
import sys
from rdd_jax.runtime.owner import owned
os.setuid(65534)
try:
  with owned(Path(sys.argv[1]), 'out'):
    pass
except ValueError as error:
  print(error)
"""


def another(place: Path) -> str:
  """What owning a directory says to another user."""
  command = [sys.executable, '-c', ANOTHER, str(place)]
  return subprocess.run(
    command, stdout=subprocess.PIPE, text=True, check=True
  ).stdout
