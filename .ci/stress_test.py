#!/usr/bin/env python
"""The long form of the robustness tests: planted faults, kills, hostile input, numbers. The last thing printed is a table:
attempt, tried, caught (handled or survived), failures (not handled). The status is 0 when all were handled.
The same notebooks in their short form are part of `make test`."""
import json, os, sys, tempfile, time
from argparse import ArgumentParser
from pathlib import Path
from shutil import rmtree

import test as tests

PARTS = dict(faults='03_planted_faults', kills='01_kill_and_resume', input='09_hostile_input', numbers='10_numbers')


def main():
    p = ArgumentParser(description=__doc__)
    p.add_argument('parts', nargs='*', help=f'of {", ".join(PARTS)}; none: all')
    a = p.parse_args()
    if unknown := [n for n in a.parts if n not in PARTS]: p.error(f'{unknown[0]}: unknown part; the parts are {", ".join(PARTS)}')
    shared = tests.ROOT.parent/'shared'/'data'
    if 'PREFERENCE_LAB_DATA' not in os.environ and shared.is_dir(): os.environ['PREFERENCE_LAB_DATA'] = str(shared)
    sys.path.insert(0, str(tests.ROOT))
    tests.prepare(jobs=1); tests.LIMIT = 6*3600
    todo, began, rows, broken = [tests.ROOT/'tests_nbs'/f'{PARTS[n]}.ipynb' for n in a.parts or PARTS], time.time(), [], []
    folder = tempfile.mkdtemp()   # not a TemporaryDirectory, which would go when the first notebook's process, a fork of this one, ends
    os.environ['PREFERENCE_LAB_STRESS'] = folder
    runs = tests.results(todo, 1, slow=True)
    try:
        for path, r, seconds, _ in runs:
            print(f"{'✗' if r['failed'] else '✓'} {path.stem:<24} {seconds:7.0f} s  {r['passed']} tests passed", flush=True)
            if r['failed']: broken.append(path.stem); print(f"\n{path.stem}, {r['error']}\n", flush=True)
    except KeyboardInterrupt: runs.close(); broken.append('stopped by hand')
    for f in sorted(Path(folder).glob('*.jsonl'), key=lambda f: list(PARTS).index(f.stem)): rows += [json.loads(l) for l in f.read_text().splitlines()]
    rmtree(folder)
    for r in rows:
        if r['failures']: print(f"\nfailure: {r['attempt']} ({r['study'] or 'shared modules'}): {r['said']}")
    from preference_lab.testing.faults import robustness_table
    table = robustness_table(rows)
    if len(table): print('\n' + table.to_string(index=False, justify='left', formatters={k: f'{{:<{table[k].str.len().max()}}}'.format for k in ('attempt', 'where')}))
    tried, failures = int(table.tried.sum()), int(table.failures.sum())
    print(f'\n{time.time()-began:.0f} s: {tried:,} tried, {tried-failures:,} caught or survived, {failures:,} failures' + (f'; a notebook did not end: {", ".join(broken)}' if broken else ''))
    sys.stdout.flush(); os._exit(bool(failures or broken or not tried))


if __name__ == '__main__': main()
