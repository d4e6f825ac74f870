"""Measures how long each stage takes to stop: a script, no test.

PYTHONPATH=tests python tests/stopping_times.py [ROUNDS [SECONDS]]

A round stops every stage once, by SIGTERM, up to two seconds after its first
line. The table of all rounds is printed after each; none begins after SECONDS.
A stage that ended before the signal came is left out.
"""

from __future__ import annotations

from pathlib import Path
import statistics
import sys
import tempfile
import time

from end_to_end.stopping_cases import STAGES, command, stop


def main(rounds: int = 5, limit: float = float('inf')) -> None:
  """Prints the table."""
  begin = time.monotonic()
  took: dict[str, list[float]] = {name: [] for name in STAGES}
  for i in range(rounds):
    for name, stage in STAGES.items():
      if time.monotonic() - begin > limit:
        break
      with tempfile.TemporaryDirectory() as place:
        words = command(stage, Path(place) / 'run')
        found = stop(words, stage.shows, wait=0.5 * i)
      if found.status == 143:
        took[name].append(found.seconds)
    print('\n| stage | median (s) | maximum (s) | times |\n|---|---|---|---|')
    for name, values in took.items():
      if values:
        middle, most = statistics.median(values), max(values)
        print(f'| {name} | {middle:.1f} | {most:.1f} | {len(values)} |')
    sys.stdout.flush()


if __name__ == '__main__':
  main(*map(int, sys.argv[1:]))
