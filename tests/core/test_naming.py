"""Names with numbers."""

from __future__ import annotations

import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.core.naming import Value, parse

RATE = Value('rate', 0.4, 'in [0, 1)', lambda rate: 0 <= rate < 1)
COUNT = Value('count', 10, 'above 0', lambda n: n > 0, kind=int, default=5)
TABLE = {'plain': (), 'one': (RATE,), 'two': (RATE, COUNT)}


@pytest.mark.parametrize(
  ('spec', 'expected'),
  [
    ('plain', ('plain', ())),
    ('one-0.25', ('one', (0.25,))),
    ('one-1e-3', ('one', (1e-3,))),
    ('two-0.5', ('two', (0.5, 5))),
    ('two-0.5-7', ('two', (0.5, 7))),
  ],
)
def test_parse(spec, expected):
  assert parse('thing', spec, TABLE) == expected


@pytest.mark.parametrize(
  ('spec', 'message'),
  [
    ('oen-0.1', "unknown thing 'oen': did you mean 'one'? there is plain, on"),
    ('plain-1', "thing 'plain-1' takes no number; give plain alone"),
    (
      'one',
      "thing 'one' has the rate ''; give a number in [0, 1), such as one-0.4",
    ),
    ('one--0.1', "has the rate '-0.1'"),
    ('one-nan', "has the rate 'nan'"),
    ('one-0.1-2', "has the rate '0.1-2'"),
    ('two-0.1-', "has the count ''; give a whole number above 0"),
    ('two-0.1-2.5', "has the count '2.5'"),
    ('two-0.1-2-3', "has the count '2-3'"),
  ],
)
def test_errors_say_what_there_is_and_an_example(spec, message):
  with pytest.raises(UserError) as error:
    parse('thing', spec, TABLE)
  assert message in str(error.value)
  assert '\n' not in str(error.value)
