"""Commands that are written down can be run: their flags and configs exist."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
import re
import shlex
import subprocess
import sys

from helpers import ROOT
from marks import slow_but
import pytest
from readme import blocks, pages

LAUNCH = sorted((ROOT / 'launch').glob('*.sh'))
# Parses each command by fresh copies of the flags of one module, as two modules
# may have flags of one name. Prints what fails.
PARSE = """
import copy, importlib, json, pathlib, sys
from absl import flags
from ml_collections import config_flags

script = pathlib.Path(sys.argv[1])
if script.suffix == '.py':
  sys.path.append(str(script.parent))
  module = importlib.import_module(script.stem)
else:
  module = importlib.import_module(sys.argv[1])
own = flags.FLAGS.get_key_flags_for_module(module)
whole = module.__name__ != 'rdd_jax.sweep'  # whose configs are text
for given in json.load(sys.stdin):
  argv = ['command', *given]
  fresh = flags.FlagValues()
  for flag in own:
    if flag.name == 'config' and whole:
      config_flags.DEFINE_config_file(
        'config', None, flag_values=fresh, lock_config=True, sys_argv=argv
      )
    else:
      fresh[flag.name] = copy.deepcopy(flag)
  try:
    fresh(argv)
    if 'config' in fresh and whole:
      fresh.config.name  # where a file that is missing shows
  except Exception as error:
    print(given[-1], repr(error).splitlines()[-1])
"""


def joined(text: str) -> list[str]:
  """The lines of a text, those that a backslash continues as one."""
  return re.sub(r'\\\n\s*', '', text).splitlines()


def of_scripts() -> list[str]:
  """What the comments at the top of launch scripts say to type."""
  commands = []
  for path in LAUNCH:
    comment = re.sub(r'^# ?', '', path.read_text(), flags=re.MULTILINE)
    commands += [
      line.strip()
      for line in joined(comment)
      if f'launch/{path.name}' in line and '--config' in line
    ]
  return commands


def of_docstrings() -> list[str]:
  """What the docstrings at the top of configs say to type."""
  files = [*ROOT.glob('configs/*.py'), ROOT / 'rdd_jax' / 'sweep.py']
  texts = [ast.get_docstring(ast.parse(f.read_text())) or '' for f in files]
  lines = [line for text in texts for line in joined(text)]
  return [line for line in lines if re.match('python -m rdd_jax', line)]


def of_pages() -> list[str]:
  """What the README and the pages say to type, but for files of a guide."""
  texts = [p.read_text() for p in pages() if p.name != 'extending.md']
  found = [block for text in texts for block in blocks(text, 'bash')]
  lines = dict.fromkeys(line for block in found for line in joined(block))
  # `launch/messy_folder.py` takes no flags.
  wanted = 'rdd_jax[.]|launch/(?!messy_folder)'
  return [line for line in lines if re.search(wanted, line)]


def arguments(command: str) -> tuple[str, list[str]]:
  """The module that a command runs, and what it passes to it."""
  words = shlex.split(command, comments=True)
  launched = [i for i, word in enumerate(words) if word.startswith('launch/')]
  if launched:
    script, *rest = words[launched[0] :]
    if script == 'launch/sweep.py':
      return 'rdd_jax.sweep', rest
    if script.endswith('.py'):
      return script, rest
    first = [i for i, word in enumerate(rest) if word.startswith('--config')]
    return 'rdd_jax.main', rest[first[0] :]
  (at,) = (i for i, word in enumerate(words) if word == '-m')
  return words[at + 1], words[at + 2 :]


def failures(module: str, commands: list[list[str]]) -> list[str]:
  """What is wrong with the arguments of a module's commands, a line each."""
  return subprocess.run(
    [sys.executable, '-c', PARSE, module],
    cwd=ROOT,
    env={**os.environ, 'PYTHONPATH': str(ROOT)},
    input=json.dumps(commands),
    capture_output=True,
    text=True,
    check=True,
  ).stdout.splitlines()


BY_MODULE: dict[str, list[list[str]]] = {}
for command in (*of_scripts(), *of_docstrings(), *of_pages()):
  BY_MODULE.setdefault(arguments(command)[0], []).append(arguments(command)[1])


@pytest.mark.parametrize('module', BY_MODULE)
def test_flags_exist(module: str):
  packages = tuple(
    f'rdd_jax.{name}' for name in ('bench', 'compare', 'plan', 'records')
  )
  file = f'{module}.__main__' if module in packages else module
  assert failures(file, BY_MODULE[module]) == []


def test_misspelt_flags_are_seen():
  config = '--config=configs/quickstart.py'
  wrong = ('--config.stepz=3', '--wrkdir=x', '--config.steps=x')
  commands = [[config, flag] for flag in wrong]
  commands += [['--config=configs/nope.py'], [f'{config}:ipx=3']]
  found = failures('rdd_jax.main', [*commands, [config, '--config.steps=3']])
  assert [line.split()[0] for line in found] == [c[-1] for c in commands]


@pytest.mark.parametrize('path', LAUNCH, ids=lambda path: path.name)
def test_scripts_begin_with_what_they_do(path: Path):
  """A sentence, how it is called, an example, and what it needs."""
  head = path.read_text().split('\nset -')[0].splitlines()
  assert re.match(r'# [A-Z][a-z]+s ', head[1])
  name = f'launch/{path.name}'
  assert any(name in line and 'FLAGS...' in line for line in head) or (
    path.name == 'slurm.sh'
  )
  assert any(name in command for command in of_scripts())
  assert any(line.startswith('# Needs ') for line in head)
  assert os.access(path, os.X_OK)


@pytest.mark.parametrize(
  ('flag', 'memory', 'expected'),
  [
    ('--x=1', None, ['--x=1 --config.precision=tensorfloat32', '', '']),
    ('--config.precision=float32', '0.4', [None, '', '0.4']),
    ('--config.precision=bfloat16', '0', [None, 'false', '']),
  ],
)
def test_gpu_launch(tmp_path: Path, flag, memory, expected):
  python = tmp_path / 'python'
  python.write_text(
    '#!/usr/bin/env bash\n'
    'if [[ $1 == -c ]]; then echo gpu; exit; fi\n'
    'echo "$CUDA_VISIBLE_DEVICES"\n'
    'echo "$*"\necho "${XLA_PYTHON_CLIENT_PREALLOCATE:-}"\n'
    'echo "${XLA_PYTHON_CLIENT_MEM_FRACTION:-}"\n'
  )
  python.chmod(0o755)
  done = subprocess.run(
    ['bash', ROOT / 'launch' / 'gpu.sh', '3', '--config=a b', flag],
    env={
      'PATH': os.environ['PATH'],
      'PYTHON': str(python),
      **({'MEMORY': memory} if memory else {}),
    },
    capture_output=True,
    text=True,
    check=True,
  )
  flags_, *memory_flags = expected
  assert done.stdout.splitlines() == [
    '3',
    f'-m rdd_jax.main --config=a b {flags_ or flag}',
    *memory_flags,
  ]


def test_gpu_launch_refuses_the_cpu_unless_it_is_asked_for(tmp_path: Path):
  python = tmp_path / 'python'
  python.write_text(
    '#!/usr/bin/env bash\n[[ $1 == -c ]] && echo cpu || echo runs\n'
  )
  python.chmod(0o755)
  env = {'PATH': os.environ['PATH'], 'PYTHON': str(python)}
  command = ['bash', 'launch/gpu.sh', '3', '--config=a b']
  options = {'cwd': ROOT, 'capture_output': True, 'text': True, 'check': False}
  done = subprocess.run(command, env=env, **options)
  assert (done.returncode, done.stdout) == (2, '')
  (line,) = done.stderr.splitlines()
  asked = line.partition('all the same, ')[2]
  done = subprocess.run(['bash', '-c', asked], env=env, **options)
  assert (done.returncode, done.stdout) == (0, 'runs\n')


COMMANDS = (
  *('rdd_jax.main', 'rdd_jax.evaluate', 'rdd_jax.convert', 'rdd_jax.compare'),
  *('rdd_jax.plan', 'rdd_jax.bench', 'rdd_jax.sweep', 'rdd_jax.data.prepare'),
  *('launch/sweep.py', 'launch/gpu_suite.py'),
)


@pytest.mark.parametrize(
  'name', slow_but(('rdd_jax.convert', 'launch/sweep.py'), COMMANDS)
)
def test_commands_say_what_they_do_and_refuse_typos(name: str):
  """`--help` is the docstring and the flags; a typo is one line."""
  path = ROOT / name.replace('.', '/')
  files = (ROOT / name, path / '__main__.py', path.with_suffix('.py'))
  if name == 'launch/sweep.py':
    files = (ROOT / 'rdd_jax' / 'sweep.py',)
  text = next(file for file in files if file.is_file()).read_text()

  def run(flag: str) -> subprocess.CompletedProcess[str]:
    run_by = () if name.endswith('.py') else ('-m',)
    return subprocess.run(
      [sys.executable, *run_by, name, flag],
      cwd=ROOT,
      env={**os.environ, 'PYTHONPATH': str(ROOT)},
      capture_output=True,
      text=True,
      check=False,
    )

  said = run('--help').stdout
  assert text.split('"""')[1].splitlines()[0] in said
  defined = re.findall(r"DEFINE_\w+\(\s*'(\w+)'", text)
  defined += re.findall(r'--(\w+)=', text.split('"""')[1])
  for flag in defined:
    assert f'--{flag}' in said or f'--[no]{flag}' in said
  refused = run('--no_such_flag=1')
  assert refused.returncode == 2
  assert refused.stderr.splitlines() == [
    "error: Unknown command line flag 'no_such_flag'"
  ]
