"""Tables fit the terminal, have the page's names, and lose nothing."""

from __future__ import annotations

import pytest
from rich.console import Console

from rdd_jax.evaluation.columns import SHOWN
from rdd_jax.report import console


def summary(mean: float, std: float = 0.012, n: int = 5) -> dict:
  return {'mean': mean, 'std': std, 'n': n}


METRICS = [m for m in SHOWN['ablations'] if '{' not in m]
ROWS = {
  name: {m: summary(0.1 * i + 0.01 * j) for j, m in enumerate(METRICS)}
  for i, name in enumerate(('random', 'balanced groups', 'all of it'))
}


def test_a_table_aligns_and_marks_what_is_missing():
  rows = {
    'random': {'accuracy': summary(0.5, 0.1), 'auroc': summary(0.081, n=1)},
    'distilled': {'accuracy': summary(1.0, 0.004)},
  }
  assert console.table(rows, ['accuracy', 'auroc']).splitlines() == [
    '%             accuracy  AUROC',
    'random     50.0 ± 10.0    8.1',
    'distilled  100.0 ± 0.4      -',
  ]


@pytest.mark.parametrize('width', [60, 80, 100, 120, 200])
def test_blocks_fit_and_hold_every_column_once(width: int):
  found = console.blocks(ROWS, METRICS, width)
  assert [m for block in found for m in block] == METRICS
  out = Console(width=width, color_system=None)
  lines = []
  for block in found:
    with out.capture() as captured:
      out.print(console.laid_out(ROWS, block))
    lines += captured.get().splitlines()
  assert max(map(len, lines)) <= width
  text = '\n'.join(lines)
  assert '…' not in text
  for row in ROWS.values():
    for metric in row.values():
      assert f'{100 * metric["mean"]:.1f} ± 1.2' in text


def test_elsewhere_than_on_a_terminal_it_is_plain_text(capsys):
  console.show(ROWS, 'ablations', heading='what each part buys:')
  said = capsys.readouterr().out
  head, *lines = said.splitlines()
  assert head == 'what each part buys:'
  assert '\x1b' not in said
  assert '\n'.join(lines) == console.table(ROWS, METRICS)
  assert len(lines) == 1 + len(ROWS)
