#!/usr/bin/env bash
# Google Grain 0.2.18: neighboring seeds are one stream, a step apart.
#
# Guess: runs of an IndexSampler that differ in their seed, 0 to 9 say, shuffle
# and augment independently; its documentation calls the generator of a record
# "uniquely seeded".
# Seen: epoch e is shuffled by seed + e, and the i-th record of a run draws its
# augmentation by seed + i. So the order of epoch 1 under seed 0 is the order
# of epoch 0 under seed 1, and the draws of seed 1 are those of seed 0, one
# record later. Ten repetitions of ten epochs have 19 orders, not 100: what is
# averaged over them, or put between their error bars, is far from independent.
# `MapDataset.shuffle(seed=...)` does the same; `MapDataset.seed(...).shuffle()`
# derives its seed, and shares nothing.
# Output: IndexSampler: 19 of 100 orders, 499 of 500 draws shared;
#   shuffle(seed=) 19; seed().shuffle() 100
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q grain==0.2.18 array_record==0.8.6 \
  numpy==2.4.6
cd "$scratch"
"$scratch/venv/bin/python" - 2> log <<'END' || {
import grain

EPOCHS, RECORDS = 10, 50


class Draw(grain.transforms.RandomMap):
  def random_map(self, element, rng):
    return element, rng.random()


def run(seed):
  sampler = grain.samplers.IndexSampler(
    RECORDS, shuffle=True, num_epochs=EPOCHS, seed=seed
  )
  return list(
    grain.DataLoader(
      data_source=list(range(RECORDS)), sampler=sampler, operations=[Draw()]
    )
  )


def orders(runs):
  """The number of different orders among the epochs of some runs."""
  return len(
    {
      tuple(r[e * RECORDS : (e + 1) * RECORDS])
      for r in runs
      for e in range(EPOCHS)
    }
  )


def repeated(dataset):
  return [int(record) for record in dataset.repeat(EPOCHS)]


records = grain.MapDataset.range(RECORDS)
runs = [run(seed) for seed in range(10)]
sampled = orders([[record for record, _ in r] for r in runs])
explicit = orders([repeated(records.shuffle(seed=s)) for s in range(10)])
derived = orders([repeated(records.seed(s).shuffle()) for s in range(10)])
draws = [[draw for _, draw in r] for r in runs]
assert len(set(draws[0])) == len(draws[0]) == EPOCHS * RECORDS
shared = sum(a == b for a, b in zip(draws[0][1:], draws[1][:-1]))
print(
  f'IndexSampler: {sampled} of 100 orders, {shared} of {len(draws[0])} draws '
  f'shared; shuffle(seed=) {explicit}; seed().shuffle() {derived}'
)
seen = sampled, shared, explicit, derived
assert seen == (19, 499, 19, 100), 'the behavior has changed'
END
  cat log >&2
  exit 1
}
