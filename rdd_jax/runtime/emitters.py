"""Chooses how XLA writes machine code for a CPU: by its former emitters.

Those of today's default take half as long again to compile a training step, and
make no faster code of it (jaxlib 0.10.2; from 0.12 on the choice is gone, and
the option changes nothing).
"""

from __future__ import annotations

from collections.abc import MutableMapping
import importlib.util
import os

OPTION = '--xla_backend_extra_options'
FORMER = f'{OPTION}=xla_cpu_disable_new_fusion_emitters'
ACCELERATORS = ('jax_plugins', 'libtpu')  # packages that bring other devices


def choose_emitters(env: MutableMapping[str, str] = os.environ) -> None:
  """Sets XLA's flags, before JAX looks for devices, where it will run on a CPU.

  What the user has set for the same option is left alone, and so is everything
  where JAX may find another device.

  Args:
    env: the environment, which is changed.

  >>> env = {'JAX_PLATFORMS': 'cpu'}
  >>> choose_emitters(env)
  >>> env['XLA_FLAGS']
  '--xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters'
  """
  given = env.get('XLA_FLAGS', '')
  platforms = env.get('JAX_PLATFORMS', '')
  others = any(importlib.util.find_spec(name) for name in ACCELERATORS)
  on_cpu = platforms == 'cpu' if platforms else not others
  if on_cpu and OPTION not in given:
    env['XLA_FLAGS'] = f'{given} {FORMER}'.strip()
