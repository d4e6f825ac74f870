"""Metadata of rdd_jax; pyproject.toml only configures tools."""

from pathlib import Path
import re

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(
  r"(?m)^__version__ = '(.+)'$", (ROOT / 'rdd_jax/__init__.py').read_text()
)
assert VERSION is not None  # its one source

setup(
  name='rdd_jax',
  version=VERSION[1],
  description='Robust dataset distillation in JAX.',
  long_description=(ROOT / 'README.md').read_text(),
  long_description_content_type='text/markdown',
  license='Apache-2.0',
  python_requires='>=3.11',
  packages=find_packages(include=['rdd_jax', 'rdd_jax.*']),
  entry_points={'console_scripts': ['rdd-jax = rdd_jax.__main__:main']},
  package_data={
    'rdd_jax': ['py.typed'],
    'rdd_jax.experiment': ['slurm.sh'],
    'rdd_jax.report': ['templates/*'],
  },
  install_requires=[
    'absl-py>=2.1',
    'array_record>=0.8.1',
    'chex>=0.1.90',
    'filelock>=3.20',
    # flax 0.12.8, the newest for Python 3.11, subclasses a type that jax
    # 0.11.1 removed.
    'flax>=0.12.8',
    'importlib_resources>=6.0',  # tensorflow-datasets forgets to declare it
    'jax>=0.10; python_version >= "3.12"',
    'jax>=0.10,<0.11.1; python_version < "3.12"',
    'jinja2>=3.1',
    'joblib>=1.4',
    'matplotlib>=3.10.8',
    'ml-collections>=1.1',
    'numpy>=2.0',
    'optax>=0.2.8',
    'orbax-checkpoint>=0.12',
    'pillow>=11.0',
    'psutil>=6.0',
    'pyarrow>=15.0',
    'rich>=13.9',
    'scikit-learn>=1.6',
    'scipy>=1.15',
    'tensorflow-datasets>=4.9.10',
    'threadpoolctl>=3.5',
  ],
  extras_require={
    'test': [
      'import-linter>=2.5',
      'pyright>=1.1.410',
      'pytest>=8.0',
      'pytest-xdist>=3.6.1',
      'ruff>=0.17',
      'tensorboardX>=2.6.5',
    ],
    'browser': ['axe-playwright-python>=0.1.4', 'playwright>=1.50'],
    'tensorboard': ['tensorboardX>=2.6.5'],
    'cuda': ['jax[cuda12]'],
    'tpu': ['jax[tpu]'],
    'prepare': ['tensorflow-cpu'],
    'bench': ['torch>=2.4'],
    'confident': ['cleanlab>=2.9'],  # a rival of TAD
    'docs': [
      'latex2mathml>=3.77',
      'mkdocs>=1.6.1,<2',
      'mkdocs-jupyter>=0.26',
      'mkdocs-material>=9.7,<10',
      'mkdocstrings[python]>=1.0',
    ],
    'safetensors': ['safetensors>=0.5'],
    'torch': ['torch>=2.4'],  # reads its files
  },
  classifiers=[
    'Programming Language :: Python :: 3.11',
    'Programming Language :: Python :: 3.12',
    'Programming Language :: Python :: 3.13',
    'Topic :: Scientific/Engineering :: Artificial Intelligence',
    'Typing :: Typed',
  ],
)
