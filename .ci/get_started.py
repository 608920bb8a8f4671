#!/usr/bin/env python
"""Follow Get started as a new user does, and say how many seconds each step takes: a fresh environment with the package (a wheel that is built
here, or with --clone a fresh clone of this repository), an empty folder with a table, and the commands of nbs/guides/get_started.ipynb as they are
written there. The exit status is 1 where a command fails or all of them take more than ten minutes. --table FILE takes a table of your own with
the columns `text` and `feelings`; PIP_CONSTRAINT=.ci/constraints.txt installs the versions that were tested."""
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT/'nbs'/'guides'/'get_started.ipynb'
LIMIT = 600   # seconds


def cells(kind: str, path: Path = GUIDE) -> list[str]:
    "The sources of the cells of a kind: markdown or code"
    return [''.join(c['source']) for c in json.loads(path.read_text(encoding='utf-8'))['cells'] if c['cell_type'] == kind]


def commands(path: Path = GUIDE) -> list[str]:
    "The commands of the page, in their order"
    return [line for text in cells('markdown', path) for block in re.findall(r'^```sh\n(.*?)^```', text, re.M | re.S)
            for line in block.strip().splitlines()]


# the tables of the page, made where its code cells make them
TABLES = '''
import json, sys
from pathlib import Path
import numpy as np
import pandas as pd
folder = Path.cwd()
for source in json.loads(sys.stdin.read()): exec(source)
'''


def table_cells(path: Path = GUIDE) -> list[str]:
    "The code of the page that writes its tables, up to the first run"
    return [source.split('\nstatus = ')[0] for source in cells('code', path) if ".to_csv(folder/" in source]


def runnable(command: str, package: str, newest: str) -> str:
    "A command of the page with the package that is to be tested, and with the run folder for RUN"
    command = re.sub(r'"preference_lab(\[\w+\])? @ [^"]*"', lambda m: f'"{package}{m[1] or ""}"', command)
    return command.replace('runs/emotions/RUN', newest)


def build(clone: bool, folder: Path) -> str:
    "What pip is to install: a wheel of this checkout, or a fresh clone of its last commit"
    if clone:
        subprocess.run(['git', 'clone', '-q', str(ROOT), str(folder/'clone')], check=True)
        return str(folder/'clone')
    command = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '-w', str(folder/'dist'), str(ROOT)]
    subprocess.run(command, check=True)
    return str(next((folder/'dist').glob('*.whl')))


def processor_seconds() -> float:
    "Processor time of the commands that have ended, which other work on the machine does not lengthen"
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    p = ArgumentParser(description=__doc__)
    p.add_argument('--clone', action='store_true', help='install a fresh clone instead of a wheel')
    p.add_argument('--table', type=Path, help='a CSV with the columns text and feelings; default: the one of the page')
    a, seconds = p.parse_args(), {}

    def timed(name, *words, **options):
        start, before = time.monotonic(), processor_seconds()
        done = subprocess.run(words, **options)
        seconds[name] = time.monotonic() - start
        print(f'{seconds[name]:7.1f} s, of a processor {processor_seconds()-before:7.1f} s: {name}', flush=True)
        if done.returncode: sys.exit(f'{name}: status {done.returncode}')

    with tempfile.TemporaryDirectory() as tmp:
        package, project = build(a.clone, Path(tmp)), Path(tmp)/'project'
        project.mkdir()
        environment = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'VIRTUAL_ENV')}
        environment |= dict(PATH=f'{tmp}/venv/bin:{os.environ["PATH"]}', HF_HUB_OFFLINE='1')
        here = dict(cwd=project, env=environment)
        timed('python -m venv', sys.executable, '-m', 'venv', f'{tmp}/venv')
        for command in commands():
            newest = max(map(str, project.glob('runs/emotions/*')), default='')
            timed(command, 'bash', '-c', runnable(command, package, newest), stdout=subprocess.DEVNULL, **here)
            if command.startswith('pip '):
                sources = json.dumps(table_cells())
                timed('the tables', f'{tmp}/venv/bin/python', '-c', TABLES, input=sources, text=True, **here)
                if a.table: (project/'my_texts.csv').write_bytes(a.table.read_bytes())
        found = [f for n in ('report.html', 'explore.html', 'results.json') for f in project.glob(f'runs/emotions/*/{n}')]
        if len(found) != 3: sys.exit(f'the run has only {found}')
    install = sum(s for name, s in seconds.items() if name.startswith(('pip ', 'python ')))
    total = sum(seconds.values())
    print(f'{total:7.1f} s from nothing to a report and predictions, {install:.0f} s of them for the installation')
    return int(total > LIMIT)


if __name__ == '__main__': sys.exit(main())
