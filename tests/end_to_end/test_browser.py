"""Pages in a real browser: on a desk and on a phone, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import shutil
from typing import Any, NamedTuple

import pytest

from rdd_jax.compare import __main__ as compare
from rdd_jax.config.presets.all_three import quickstart
from rdd_jax.experiment import ablations, workdir

pytestmark = pytest.mark.slow  # a browser starts, and a run is judged

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
SIZES = {'desk': (1280, 900), 'phone': (390, 844)}
# Regions that are wider than the screen, and whether Tab ever reached them.
WIDE = """() => [...document.querySelectorAll('*')]
  .filter(x => x.scrollWidth > x.clientWidth + 1 && x.clientWidth &&
    ['auto', 'scroll'].includes(getComputedStyle(x).overflowX))
  .map(x => ({
    name: x.getAttribute('aria-label') ?? x.outerHTML.slice(0, 80),
    role: x.getAttribute('role'), reached: x.dataset.reached === 'yes'}))"""
UNLOADED = """() => [...document.images]
  .filter(x => !x.complete || !x.naturalWidth).map(x => x.alt)"""
REACH = """() => { const x = document.activeElement;
  if (x === document.body || x.dataset.reached) return false;
  x.dataset.reached = 'yes'; return true; }"""


class Opened(NamedTuple):
  """A page, and what went wrong while it was loaded."""

  page: Any
  errors: list[str]
  requests: list[str]


def tiny():
  config = quickstart('smoke,width=4')
  config.seeds = 1
  config.evaluation.update({'epochs': 2, 'seeds': 2})
  config.variants = {'plain': config.variants['plain']}
  return config


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
  reason = "pip install -e '.[browser]'"
  found = next(filter(None, map(shutil.which, BROWSERS)), None)
  playwright = pytest.importorskip('playwright.sync_api', reason=reason)
  pytest.importorskip('axe_playwright_python', reason=reason)
  if found is None:
    pytest.skip(f'no browser: install one of {", ".join(BROWSERS)}')
  with playwright.sync_playwright() as started:
    # The sandbox needs what containers do not give; the page is our own.
    opened = started.chromium.launch(
      executable_path=found, args=['--no-sandbox']
    )
    yield opened
    opened.close()


@pytest.fixture(scope='module')
def pages(browser, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
  """The page of the quickstart, and that of a comparison of two runs."""
  directory = tmp_path_factory.mktemp('pages') / 'run'
  config = tiny()
  workdir.claim(directory, config)
  ablations.execute(config, directory, command='python -m rdd_jax.main')
  runs, _ = compare.gather([directory / 'variants' / 'plain', directory])
  both = directory.parent / 'both.html'
  both.write_text(compare.to_html(runs))
  return {'run': directory / 'report.html', 'comparison': both}


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
  return SIZES[request.param]


@pytest.fixture(params=['light', 'dark'])
def scheme(request: pytest.FixtureRequest) -> str:
  return request.param


@pytest.fixture(params=['run', 'comparison'])
def opened(request, browser, pages, size, scheme) -> Iterator[Opened]:
  """A page with all that is folded unfolded."""
  width, height = size
  context = browser.new_context(
    viewport={'width': width, 'height': height}, color_scheme=scheme
  )
  page, errors, requests = context.new_page(), [], []
  page.on(
    'console',
    lambda m: errors.append(m.text) if m.type in ('error', 'warning') else None,
  )
  page.on('pageerror', lambda e: errors.append(str(e)))
  page.on('request', lambda r: requests.append(r.url))
  page.goto(pages[request.param].as_uri())
  page.evaluate("document.querySelectorAll('details').forEach(x => x.open = 1)")
  yield Opened(page, errors, requests)
  context.close()


def test_a_page_is_whole_and_everybody_can_read_it(opened: Opened):
  page = opened.page
  assert not opened.errors
  others = [u for u in opened.requests if not u.startswith('data:')]
  assert others == [page.url]
  assert page.evaluate('document.images.length') >= 10
  assert page.evaluate(UNLOADED) == []
  page.evaluate('scrollTo(1000, 0)')
  assert page.evaluate('scrollX') == 0
  while True:
    page.keyboard.press('Tab')
    if not page.evaluate(REACH):
      break
  wide = page.evaluate(WIDE)
  assert wide or page.viewport_size['width'] > 1000
  for region in wide:
    assert region['reached'], region
    assert region['role'] == 'region', region
  from axe_playwright_python.sync_playwright import Axe

  found = Axe().run(page).response['violations']
  bad = {
    rule['id']: [node['html'][:200] for node in rule['nodes'][:3]]
    for rule in found
    if rule['impact'] in ('serious', 'critical')
  }
  assert not bad


def test_the_first_screen_says_what_the_data_are(browser, pages):
  page = browser.new_page(viewport={'width': 1280, 'height': 900})
  page.goto(pages['run'].as_uri())
  for words in ('Data set', 'Training images', 'Smallest class', 'digits'):
    box = page.get_by_text(words, exact=True).first.bounding_box()
    assert box['y'] + box['height'] < 900, words
  assert page.get_by_text('wrong on purpose').first.is_visible()
  # The table that a reader looks for is not cut.
  table = page.get_by_role('region', name='What each part buys').last
  assert table.evaluate('x => x.scrollWidth <= x.clientWidth')
  page.close()


def test_a_region_scrolls_by_the_keyboard_alone(browser, pages):
  page = browser.new_page(viewport={'width': 390, 'height': 844})
  page.goto(pages['run'].as_uri())
  region = page.get_by_role('region', name='What each part buys').last
  region.focus()
  page.keyboard.press('ArrowRight')
  page.wait_for_function('document.activeElement.scrollLeft > 0')
  page.close()
