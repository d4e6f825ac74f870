"""Says first what the data are, and then, in a sentence, what was run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdd_jax.report.blocks import Listed, Terms, Text
from rdd_jax.report.words import OBJECTIVES, parts

Json = Mapping[str, Any]


def data_blocks(facts: Json, card: Json, config: Json) -> list[Any]:
  """Says what the data are: name, sizes, what was changed, what was injected.

  Args:
    facts: as `data.facts` returns them; {} where no file has them.
    card: of the set; {} without.
    config: of the run; {} without.
  """
  blocks: list[Any] = []
  if facts:
    blocks.append(Terms(_numbers(facts, config), short=True))
  changed = list(facts.get('changed', ()))
  if changed:
    blocks.append(Listed('Changed when the files were read', changed))
  done = facts.get('injected')
  if done is None:
    done = _on_purpose(card.get('data') or {})
  if done:
    blocks.append(
      Listed('Noise and bias made on purpose', [_sentence(x) for x in done])
    )
  return blocks


def _numbers(facts: Json, config: Json) -> dict[str, str]:
  smallest, largest = facts['smallest'], facts['largest']
  height, width, channels = facts['image']
  color = {1: 'gray', 3: 'color'}.get(channels, f'{channels} channels')
  found = {
    'Data set': facts['name'],
    'Training images': f'{facts["train"]:,}',
    'Test images': f'{facts["test"]:,}' if facts['test'] else 'none',
    'Classes': f'{facts["classes"]:,}',
    'Smallest class': f'{smallest["class"]}: {smallest["examples"]:,} images',
    'Largest class': f'{largest["class"]}: {largest["examples"]:,} images',
    'Size of an image': f'{height} x {width} pixels, {color}',
  }
  if facts['groups']:
    found['Known groups'] = f'{facts["groups"]:,}'
  held_out = config.get('data', {}).get('validation')
  if held_out:
    found['Held out for validation'] = (
      f'{held_out:.0%} of them' if held_out < 1 else f'{held_out:,}'
    )
  return found


def _on_purpose(data: Json) -> list[str]:
  """Returns what was put into the data, of a card without it in words too."""
  done = data.get('injected')
  if done is None:
    rate, rare = data.get('noise_rate'), data.get('rare')
    done = [f'{rate:.0%} of the training labels are wrong'] if rate else []
    done += [f'a subgroup is rare ({rare})'] if rare else []
  return done


def _sentence(text: str) -> str:
  return f'{text[0].upper()}{text[1:]}.'


def run_blocks(
  facts: Json, card: Json, config: Json, *, cleaned: bool
) -> list[Any]:
  """Says in a sentence what was run, and explains its parts.

  Args:
    facts: as `data.facts` returns them; {} where no file has them.
    card: of the set; {} without.
    config: of the run; {} without.
    cleaned: whether labels were cleaned, and no more.
  """
  if card.get('source'):
    assumed = '; '.join(card['source']['assumed'])
    return [Text(f'A set that others made. {assumed}.')]
  links = parts(config)
  if cleaned and config:
    return [
      Text(
        'The labels were checked, and no image was distilled: networks that '
        'did not see an image say how likely its label is right.'
      ),
      Terms(links),
    ]
  if not card.get('data'):
    return []
  if not config:
    return [Text(_evaluated(facts, card))]
  protected = f' Protected by {_listed(list(links))}.' if links else ''
  return [
    Text(_distilled(facts, card, config) + protected),
    *([Terms({_capital(k): v for k, v in links.items()})] if links else []),
  ]


def _evaluated(facts: Json, card: Json) -> str:
  """Says of a set that was only evaluated what was done with it."""
  count = card.get('arrays', {}).get('images', [''])[0]
  made = f' ({card["method"]})' if card.get('method') else ''
  network = card.get('network', {}).get('name')
  of = f' ({network})' if network else ''
  test = f'{facts["test"]:,} ' if facts else ''
  return (
    f'A distilled set of {count} images of {card["data"]["name"]}{made} was '
    f'evaluated: new networks{of} were trained from scratch on its images '
    f'alone, and evaluated on {test}real test images at their last step.'
  )


def _distilled(facts: Json, card: Json, config: Json) -> str:
  """Says how images were made, and how they were evaluated."""
  ipc, classes = config['synthetic']['ipc'], len(card['class_names'])
  name = config['objective']['name']
  called, until = OBJECTIVES.get(name, (f'{name}, an objective of its own', ''))
  until = f', so that {until}' if until else ''
  of, test = (
    (f'{facts["train"]:,} ', f'{facts["test"]:,} ') if facts else ('', '')
  )
  seeds, nets = config['seeds'], config['evaluation']['seeds']
  again = (
    f'. This was done {seeds} times; each time,' if seeds > 1 else '. Then'
  )
  return (
    f'{_capital(called)} made {ipc * classes:,} synthetic images, {ipc:,} for '
    f'each of {classes:,} classes, which stand for the {of}training images of '
    f'{card["data"]["name"]}: over {config["steps"]:,} steps their pixels were '
    f'changed{until}{again} {nets:,} new network(s) '
    f'({config["network"]["name"]}) were trained from scratch on the synthetic '
    f'images alone, and evaluated on {test}real test images at their last step.'
  )


def _listed(names: list[str]) -> str:
  *first, last = names
  return f'{", ".join(first)} and {last}' if first else last


def _capital(text: str) -> str:
  return f'{text[0].upper()}{text[1:]}'
