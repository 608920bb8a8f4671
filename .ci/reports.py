#!/usr/bin/env python
"""Run every study's report on generated data, one after the other. A study that fails does not hide the others: the end says which failed
and why, and the exit status is 1."""
import os
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

from preference_lab.core.terminal import make_streams_safe

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [os.environ.get('PREFERENCE_LAB_PYTHON', sys.executable), '-m', 'preference_lab.cli']
OUTPUT = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8', errors='replace')   # whatever the terminal has


def studies() -> list[str]:
    "Studies that have a report notebook"
    return sorted(p.stem for p in (ROOT/'nbs'/'reports').glob('*.ipynb') if p.stem != 'summary')


def run(words: list[str]) -> tuple[int, list[str]]:
    "Run a command, show what it says as it comes, and return its status and its lines"
    process = subprocess.Popen(words, env=os.environ | dict(PYTHONIOENCODING='utf-8'), **OUTPUT)
    lines = []
    for line in process.stdout:
        print(line, end='', flush=True)
        lines.append(line.rstrip())
    return process.wait(), [line for line in lines if line]


def why(status: int, lines: list[str]) -> str:
    "The sentence that a command failed with"
    said = [line for line in lines if line.startswith('error: ')] or lines or ['it said nothing']
    return f'{said[-1].removeprefix("error: ")} (status {status})'


def main() -> int:
    p = ArgumentParser(description=__doc__)
    p.add_argument('settings', nargs='*', help='setting=value …, which all reports share; data=demo is given')
    p.add_argument('--studies', nargs='+', default=studies(), help='default: all')
    p.add_argument('--runs', default='runs', help='folder for the runs')
    make_streams_safe()
    a = p.parse_intermixed_args()
    failed, reports, began = {}, [], time.time()
    for k, study in enumerate(a.studies, 1):
        print(f'{k} of {len(a.studies)}: {study}', flush=True)
        status, lines = run([*COMMAND, 'report', study, 'data=demo', f'runs_dir={a.runs}', *a.settings])
        if status == 130: return 130   # Ctrl-C is meant for all of them
        if status: failed[study] = why(status, lines)
        else: reports += [line.removeprefix('report: ') for line in lines if line.startswith('report: ')]
    if [s for s in a.studies if s not in failed and s != 'judgements']:   # which trains nothing
        r = subprocess.run([*COMMAND, 'summarize', a.runs], env=os.environ | dict(PYTHONIOENCODING='utf-8'), **OUTPUT)
        if r.returncode: failed['summarize'] = why(r.returncode, r.stdout.splitlines())
        else: reports.append(str(Path(a.runs)/'RESULTS_SUMMARY.html'))
    print(f'\n{len(a.studies)-len(failed.keys() & set(a.studies))} of {len(a.studies)} reports in {time.time()-began:.0f} s')
    for path in reports: print(f'  {path}')
    for study, reason in failed.items(): print(f'failed: {study}: {reason}')
    return int(bool(failed))


if __name__ == '__main__': sys.exit(main())
