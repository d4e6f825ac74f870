"""What a stranger's set names is neither imported nor called, unless allowed.

The module that cards name here writes down that it was imported, or called, and
does nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
import json
from pathlib import Path
import sys

from absl.testing import flagsaver
import numpy as np
import pytest

import rdd_jax
from rdd_jax import convert, data, evaluate
from rdd_jax.artifact import store
from rdd_jax.compare import __main__ as compare
from rdd_jax.config import code
from rdd_jax.config.build import given_file
from rdd_jax.config.presets import digits
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import of_card, outputs
from rdd_jax.experiment.formats import export
from rdd_jax.experiment.workdir import missing
from rdd_jax.report import write_report

BAIT = 'bait_of_a_card'
MODULE = """
from rdd_jax import data
from rdd_jax.core.transform import Transform, from_update

CALLED = []


def digits() -> data.Dataset:
  CALLED.append('digits')
  return data.load('digits')


def link(context) -> Transform:
  def update(batch, state, *, key, score, synthetic):
    return batch, state
  CALLED.append('link')
  return from_update(lambda spec: (), update)
"""
DIGITS = data.load('digits')
ROWS = np.argsort(DIGITS.train_labels, kind='stable')[::60]


@pytest.fixture
def bait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
  """Puts the module where Python finds it; nothing imports it but a card."""
  (tmp_path / f'{BAIT}.py').write_text(MODULE)
  monkeypatch.syspath_prepend(tmp_path)
  yield
  sys.modules.pop(BAIT, None)


def _set(**card: object) -> rdd_jax.Distilled:
  made = rdd_jax.adopt(
    DIGITS.train_images[ROWS],
    DIGITS.train_labels[ROWS],
    DIGITS,
    network='mlp:width=4',
    evaluation={'epochs': 1},
  )
  return replace(made, card={**made.card, **card})


def _named(name: str) -> dict[str, object]:
  return {'data': {'name': name, 'data_dir': '', 'size': 0, 'channels': 0}}


# Wherever a card may have a name: of its data set, of a chain, of what lies
# outside, as a link's data, each with or without what a card says of itself.
CARDS = {
  'data': _named(f'python:{BAIT}:digits'),
  'student': {'student': {'a': {'factory': f'{BAIT}:link'}}},
  'outside': {'outside': {'sets': [f'python:{BAIT}:digits'], 'rows': 5}},
  'near': {'outside': {'sets': [f'near:python:{BAIT}:digits'], 'rows': 5}},
  'source': {'student': {'oe': {'source': f'python:{BAIT}:digits'}}},
  'adopted': {**_named(f'python:{BAIT}:digits'), 'source': {'assumed': []}},
}


def _evaluate(path: Path) -> None:
  with flagsaver.flagsaver((evaluate._SEEDS, 1)):
    evaluate.show(path)


def _judge(path: Path) -> None:
  rdd_jax.judge(rdd_jax.load(path), seeds=1)


@pytest.mark.parametrize('run', [_evaluate, _judge])
@pytest.mark.parametrize('card', CARDS.values(), ids=CARDS)
def test_names_of_code_are_refused(
  bait: None, tmp_path: Path, card: dict, run: Callable[[Path], None]
):
  store.save(tmp_path / 'set', _set(**card))
  with pytest.raises(UserError, match=r'nothing of it was imported') as error:
    run(tmp_path / 'set')
  assert BAIT not in sys.modules
  assert f'{BAIT}:' in str(error.value)
  assert '--allow_code' in str(error.value)
  assert '\n' not in str(error.value)


def test_fit_and_convert_refuse_too(bait: None, tmp_path: Path):
  own = _set(**CARDS['student'])
  with pytest.raises(UserError, match='nothing of it was imported'):
    rdd_jax.fit('', own)
  store.save(tmp_path / 'set', _set(**CARDS['data']))
  lines = convert.convert(tmp_path / 'set', 'tfds', tmp_path / 'out')
  assert 'nothing of it was imported' in lines[-1]
  assert BAIT not in sys.modules


def test_what_the_user_allows_is_called(bait: None, tmp_path: Path):
  card = CARDS['data'] | CARDS['student'] | CARDS['outside']
  store.save(tmp_path / 'set', _set(**card))
  with flagsaver.flagsaver((code.ALLOW_CODE, True)):
    _evaluate(tmp_path / 'set')
  called = sys.modules[BAIT].CALLED
  assert called == ['digits', 'link', 'digits']
  own = rdd_jax.load(tmp_path / 'set')
  plain = _set(outside={'sets': [], 'rows': 5})
  images, labels = DIGITS.test_images[:9], DIGITS.test_labels[:9]
  found = rdd_jax.judge(own, images, labels, seeds=1, allow_code=True)
  assert found == rdd_jax.judge(plain, images, labels, seeds=1)
  lines = export(own, 'tfds', tmp_path / 'out', allow_code=True)
  assert len(lines) == 2
  assert called.count('digits') == 3


def test_allowing_one_set_allows_no_other(bait: None):
  assert of_card.load(CARDS['data'] | _needed(), allow_code=True).num_classes
  with pytest.raises(UserError, match='nothing of it was imported'):
    of_card.load(CARDS['data'] | _needed())


def _needed() -> dict[str, object]:
  return {**_set().card, **CARDS['data']}


def test_a_run_s_beginning_takes_no_names(bait: None, tmp_path: Path):
  """`init=PATH` reads images, and nothing of the card is called."""
  store.save(tmp_path / 'set', _set(**CARDS['data'], **CARDS['student']))
  config = digits.dm('smoke,width=4')
  config.synthetic.init = str(tmp_path / 'set')
  found, _ = given_file.read(config, DIGITS, _set().preprocessing, 'init')
  assert found.card['student'] == CARDS['student']['student']
  assert BAIT not in sys.modules


def test_comparing_takes_no_names(bait: None, tmp_path: Path):
  """A run of someone else, whose configuration names code."""
  config = digits.dm('smoke,width=4').to_dict()
  config['objective'] = {'name': f'{BAIT}:link'}
  config['data']['name'] = f'python:{BAIT}:digits'
  config['name'] = NAMES[0]
  run = tmp_path / 'run'
  store.save(run, _set(**CARDS['data'], **CARDS['student']))
  (run / 'config.json').write_text(json.dumps(config))
  rows = {'rows': {'distilled': _row([]), NAMES[1]: _row([])}}
  for name in missing(run):
    (run / name).write_text(json.dumps(rows))
  runs, notes = compare.gather([run])
  page = compare.to_html(runs, notes)
  scripts = Scripts()
  scripts.feed(page)
  assert scripts.found == []
  assert BAIT not in sys.modules


NAMES = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onload='alert(1)",
  '--></svg><script>',
  '{{ 7 * 7 }}{% raw %}',
  '$\\frac$',
  '</style><script>',
  'javascript:alert(1)',
  'a\nb',
  '../../up',
]


class Scripts(HTMLParser):
  """Collects what would run."""

  def __init__(self):
    super().__init__()
    self.found: list[str] = []

  def handle_starttag(self, tag, attrs):
    if tag in ('script', 'iframe', 'object', 'embed', 'link', 'base', 'form'):
      self.found.append(tag)
    for name, value in attrs:
      leads = name in ('href', 'src', 'xlink:href')
      if name.startswith('on') or (leads and 'javascript:' in (value or '')):
        self.found.append(f'{tag} {name}={value}')


def _row(names: list[str]) -> dict[str, object]:
  one = {'mean': 0.5, 'std': 0.1, 'n': 2, 'values': [0.4, 0.6]}
  more = {f'auroc_energy@{name}': one for name in names}
  return {'accuracy': one, 'auroc_energy': one, 'worst_class': one, **more}


def test_names_of_a_set_are_no_code_of_its_page(tmp_path: Path):
  made = _set()
  facts = {
    'name': NAMES[0],
    'train': 9,
    'test': 9,
    'classes': 10,
    'smallest': {'class': NAMES[1], 'examples': 1},
    'largest': {'class': NAMES[2], 'examples': 1},
    'image': [8, 8, 1],
    'groups': 0,
    'changed': NAMES,
    'injected': NAMES,
  }
  card = {
    **made.card,
    'class_names': NAMES,
    'method': NAMES[0],
    'network': {**made.card['network'], 'name': NAMES[1]},
    'versions': {name: name for name in NAMES},
    'git': NAMES[0],
    'seeds': {name: 1 for name in NAMES},
  }
  place = tmp_path / 'set'
  store.save(place, replace(made, card=card))
  (place / 'data.json').write_text(json.dumps(facts))
  rows = {name: _row(NAMES) for name in [*NAMES, 'random', 'distilled']}
  outputs.write_page(
    place, {'rows': rows}, NAMES, title=NAMES[0], command=NAMES[1]
  )
  page = (place / 'report.html').read_text()
  scripts = Scripts()
  scripts.feed(page)
  assert scripts.found == []
  assert '<script' not in page
  assert 'onerror' in page  # it is there, as words
  assert '{{ 7 * 7 }}' in page
  assert sorted(tmp_path.iterdir()) == [place]  # nothing was written elsewhere
  for file in place.glob('figures/*.svg'):
    scripts.feed(file.read_text())
  assert scripts.found == []


@pytest.mark.parametrize('to', ['folder', 'tfds', 'npz'])
def test_converting_writes_below_its_directory_alone(tmp_path: Path, to: str):
  card = {'class_names': NAMES, **_named('tfds:../../up')}
  store.save(tmp_path / 'set', _set(**card))
  (tmp_path / 'outer').mkdir()
  convert.convert(tmp_path / 'set', to, tmp_path / 'outer' / 'out')
  assert list((tmp_path / 'outer').iterdir()) == [tmp_path / 'outer' / 'out']
  assert len(list(tmp_path.iterdir())) == 2
  written = [p for p in (tmp_path / 'outer').rglob('*') if p.is_file()]
  assert written


def test_arms_of_results_stay_in_the_directory(tmp_path: Path):
  """A row called `../x` reads no set beside the work directory."""
  whole = _set()
  first = np.unique(DIGITS.train_labels[ROWS], return_index=True)[1]
  one = replace(
    whole,
    images=whole.images[first],
    targets=whole.targets[first],
    weights=whole.weights[first],
    cells=whole.cells[first],
  )
  store.save(tmp_path / 'elsewhere', one)
  store.save(tmp_path / 'run', one)
  (tmp_path / 'run' / 'baselines').mkdir()
  name = '../../elsewhere'
  rows = {'rows': {name: _row([]), 'distilled': _row([])}}
  (tmp_path / 'run' / 'results.json').write_text(json.dumps(rows))
  page = write_report(tmp_path / 'run', title='it', command='').read_text()
  assert page.count('data:image/png') == 10


def test_a_card_of_very_deep_braces_is_damaged(tmp_path: Path):
  store.save(tmp_path / 'set', _set())
  (tmp_path / 'set' / 'card.json').write_text('[' * 10**5)
  with pytest.raises(UserError, match=r'card.json is damaged'):
    rdd_jax.load(tmp_path / 'set')
