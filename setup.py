"All settings live in settings.ini; this file hands them to setuptools."
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup

cfg = ConfigParser(delimiters=['='], interpolation=None)
cfg.read('settings.ini', encoding='utf-8')
cfg = cfg['DEFAULT']

extras = {k.removesuffix('_requirements'): v.split() for k, v in cfg.items() if k.endswith('_requirements')}
extras['memes'] += extras['images']
extras['all'] = sorted({o for k in ('memes', 'explore', 'sweeps', 'formats') for o in extras[k]})
extras['dev'] += extras['all'] + extras['onnx']

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'],
    author=cfg['author'], author_email=cfg['author_email'], url=cfg['git_url'], keywords=cfg['keywords'],
    license='Apache-2.0', license_files=['LICENSE'],
    # each field that pyproject.toml calls dynamic must be given here: newer setuptools refuse one that is not
    classifiers=['Development Status :: 4 - Beta', 'Intended Audience :: Science/Research', 'Programming Language :: Python :: 3', 'Topic :: Scientific/Engineering :: Artificial Intelligence'],
    long_description=Path('README.md').read_text(encoding='utf-8') if Path('README.md').exists() else '',
    long_description_content_type='text/markdown',
    packages=find_packages(include=['preference_lab', 'preference_lab.*']), include_package_data=True,
    package_data={'preference_lab': ['py.typed'], 'preference_lab.exploration': ['*.js', '*.css']},
    # the report notebooks travel with a wheel, so that `preference_lab report` works without a checkout
    data_files=[('share/preference_lab/reports', sorted(map(str, Path('nbs/reports').glob('*.ipynb'))))],
    python_requires=f">={cfg['min_python']}", install_requires=cfg['requirements'].split(),
    extras_require=extras,
    entry_points={'console_scripts': cfg['console_scripts'].split(),
                  'nbdev': [f"{cfg['lib_name']}={cfg['lib_path']}._modidx:d"]},
    zip_safe=False)
