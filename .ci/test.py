#!/usr/bin/env python
"""Run the notebooks of nbs/ and tests_nbs/ as tests, each in a process of its own; the last line is `N passed, M failed`.
A test is a code cell that calls test_* or expects an error, or asserts. After a failure the rest of that notebook is not run.
Cells flagged `#| realdata`, `#| cuda` or `#| slow` run where they can and are counted aloud where they cannot."""
import ast, json, os, signal, subprocess, sys, time
from argparse import ArgumentParser
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 900  # seconds for one notebook; then it counts as failed
WHY = dict(realdata='$PREFERENCE_LAB_DATA is not a folder', cuda='no CUDA device', slow='only with --slow')


def is_test(cell):
    "Does this code cell test something (and not merely define what is exported)?"
    if cell.cell_type != 'code' or cell.directives_.keys() & {'export', 'exporti', 'exports'}: return False
    name = lambda n: getattr(n.func, 'id', getattr(n.func, 'attr', ''))
    return any(isinstance(n, ast.Assert) or isinstance(n, ast.Call) and name(n).startswith(('test_', 'ExceptionExpected', 'expect_fail'))
               for tree in cell.parsed_() or [] for n in ast.walk(tree))


def cannot(flag, slow):
    "Is the condition of `flag` unmet here?"
    if flag == 'realdata': return not Path(os.environ.get('PREFERENCE_LAB_DATA') or '/nowhere').is_dir()
    if flag == 'slow': return not slow
    import torch
    return not torch.cuda.is_available()


def run_notebook(path, slow):
    "Run the cells of one notebook up to the first that fails"
    from execnb.shell import CaptureShell, format_exc
    from nbdev.frontmatter import FrontmatterProc
    from nbdev.process import NBProcessor
    res = dict(passed=0, failed=0, not_run=0, skipped=Counter(), error='')
    if str(getattr(NBProcessor(path, procs=FrontmatterProc, process=True).nb, 'frontmatter_', {}).get('skip_exec')).lower() == 'true': return res
    os.chdir(Path(path).parent); sys.path.insert(0, str(ROOT))
    shell, unmet = CaptureShell(path), {}
    for n, cell in enumerate(NBProcessor(path).nb.cells, 1):
        d = cell.directives_
        if cell.cell_type != 'code' or 'nbdev_export(' in cell.source or d.get('eval:', [''])[0].lower() == 'false': continue
        if res['failed']: res['not_run'] += is_test(cell); continue
        for f in d.keys() & WHY.keys():
            if f not in unmet: unmet[f] = cannot(f, slow)
        skip = next((f for f in WHY if f in d and unmet[f]), None)
        if skip: res['skipped'][skip] += 1; continue
        shell.cell(cell)
        if not shell.exc: res['passed'] += is_test(cell); continue
        said = ''.join(''.join(o.get('text', '')) for o in cell.outputs if o.output_type == 'stream')[-2000:]
        res.update(failed=1, error=f'cell {n} (id {cell.id}):\n{cell.source.strip()}\n{"-"*40}\n{said}{"".join(format_exc(shell.exc))}')
    return res


def main():
    p = ArgumentParser(description=__doc__)
    p.add_argument('paths', nargs='*', help='notebooks or folders (default: nbs and tests_nbs, after the checks of .ci/check.py)')
    p.add_argument('--slow', action='store_true', help='run cells flagged slow as well')
    p.add_argument('--jobs', type=int, default=min(2, os.cpu_count() or 1), help='notebooks at a time; they share the cores')
    p.add_argument('--child', help='(used by this script: run one notebook and print the result as JSON)')
    a = p.parse_args()
    if a.child: return print('\n' + json.dumps(run_notebook(a.child, a.slow)))

    from check import notebooks, problems, rel
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.chdir(ROOT)
    env = dict(os.environ, IN_TEST='1', HF_HUB_OFFLINE='1', HF_DATASETS_OFFLINE='1', TOKENIZERS_PARALLELISM='false', MPLBACKEND='module://matplotlib_inline.backend_inline',
               PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    threads = str(max(1, (os.cpu_count() or 1)//a.jobs))
    for k in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'): env.setdefault(k, threads)
    if env.get('PREFERENCE_LAB_DATA'): env['PREFERENCE_LAB_DATA'] = str(Path(env['PREFERENCE_LAB_DATA']).resolve())
    # a report is run with its default parameters by tests_nbs, through papermill
    is_report = lambda p: p.parent.name == 'reports' and '"parameters"' in p.read_text(encoding='utf-8')
    todo = [p for o in a.paths or ['nbs', 'tests_nbs'] for p in ([Path(o).resolve()] if o.endswith('.ipynb') else notebooks(o)) if not is_report(p)]
    children, total, skipped, began = set(), Counter(), Counter(), time.time()

    def run(path):
        start = time.time()
        c = subprocess.Popen([sys.executable, __file__, '--child', str(path)] + ['--slow']*a.slow, env=env, text=True, errors='replace',
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        children.add(c)
        try:
            out = c.communicate(timeout=LIMIT)[0].rstrip()
            res = json.loads(out.splitlines()[-1])
        except subprocess.TimeoutExpired: res = dict(error=f'stopped after {LIMIT} seconds')
        except (ValueError, IndexError): res = dict(error=f'its process ended with status {c.returncode}\n{out[-4000:]}')
        finally: stop(c)
        return {**dict(passed=0, failed=1, not_run=0, skipped={}), **res}, time.time()-start

    def stop(c):
        "End a notebook's process and whatever it started"
        try: os.killpg(c.pid, signal.SIGKILL)
        except ProcessLookupError: pass
        c.wait(); children.discard(c)

    wrong = [] if a.paths else problems()
    for w in wrong: print('✗', w)
    pool = ThreadPoolExecutor(a.jobs)
    try:
        for f in as_completed(jobs := {pool.submit(run, p): p for p in todo}):
            r, seconds = f.result()
            notes = [f"{r[k]} {k.replace('_', ' ')}" for k in ('failed', 'not_run') if r[k]] + [f'{n} skipped ({k})' for k, n in r['skipped'].items()]
            print(f"{'✗' if r['failed'] else '✓'} {rel(jobs[f]):<40} {seconds:6.1f} s  {', '.join([str(r['passed'])+' passed']+notes)}", flush=True)
            if r['error']: print(f"\n{rel(jobs[f])}, {r['error']}\n", flush=True)
            total.update({k: r[k] for k in ('passed', 'failed', 'not_run')}); skipped.update(r['skipped'])
    except (KeyboardInterrupt, SystemExit):
        pool.shutdown(wait=False, cancel_futures=True)
        for c in list(children): stop(c)
        print('\nstopped', flush=True); os._exit(130)
    failed = total['failed'] + len(wrong) + (not todo)
    print(f'{len(todo)} notebooks in {time.time()-began:.0f} s, {a.jobs} at a time with {env["OMP_NUM_THREADS"]} threads each' if todo else 'no notebook found')
    for k, n in skipped.items(): print(f'{n} cells flagged {k} were skipped: {WHY[k]}')
    if total['not_run']: print(f"{total['not_run']} tests were not run, since a cell before them failed")
    print(f"{total['passed']} passed, {failed} failed" + (f', {sum(skipped.values())} skipped' if skipped else ''))
    sys.exit(bool(failed))


if __name__ == '__main__': main()
