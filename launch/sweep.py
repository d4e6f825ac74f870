"""Runs `python -m rdd_jax.sweep`, from the root of a checkout."""

import runpy

if __name__ == '__main__':
  runpy.run_module('rdd_jax.sweep', run_name='__main__', alter_sys=True)
