#!/usr/bin/env python
"""Run the notebooks of nbs/ and tests_nbs/ as tests, each in a process of its own; the last line is `N passed, M failed`.
Importing torch and the like takes many seconds, so one process imports, and each notebook runs in a fork of it.
A test is a code cell that calls test_*, expects an error, attempts a fault, or asserts. After a failure the rest of that notebook is not run.
Cells flagged `#| realdata`, `#| cuda`, `#| slow`, `#| wandb`, `#| mlflow` or `#| postgres` run where they can and are counted, and listed, where they cannot."""
import ast, atexit, contextlib, ctypes, gc, importlib.util, json, os, pkgutil, re, select, shutil, signal, socket, subprocess, sys, tempfile, time, traceback
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 900  # seconds for one notebook; then it counts as failed
THREADS = 'OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'
NOTEBOOK = 'PREFERENCE_LAB_TEST'  # environment variable: the notebook that a process works for
PRELOAD = '''torch torch._dynamo transformers.models.bert.modeling_bert transformers.models.roberta.modeling_roberta transformers.models.auto.modeling_auto accelerate sklearn.linear_model sklearn.metrics
sklearn.feature_extraction.text scipy.stats scipy.cluster.hierarchy pandas.io.formats.style pandera.pandas seaborn tqdm.auto execnb.shell nbdev.process
nbdev.frontmatter matplotlib_inline.backend_inline fastcore.test pandera.backends.pandas.builtin_checks pyarrow.dataset datasets h5py open_clip peft
optuna sqlalchemy papermill nbconvert ipykernel.kernelapp sklearn.neighbors sklearn.naive_bayes sklearn.isotonic openpyxl'''.split()
WHY = dict(realdata='$PREFERENCE_LAB_DATA is not a folder', cuda='no CUDA device', slow='only with --slow',
           wandb='wandb is not installed', mlflow='mlflow is not installed',
           postgres='no PostgreSQL server (apt-get install postgresql), or psycopg[binary] is not installed')


def is_test(cell):
    "Does this code cell test something (and not merely define what is exported)?"
    if cell.cell_type != 'code' or cell.directives_.keys() & {'export', 'exporti', 'exports'}: return False
    name = lambda n: getattr(n.func, 'id', getattr(n.func, 'attr', ''))
    return any(isinstance(n, ast.Assert) or isinstance(n, ast.Call) and name(n).startswith(('test_', 'ExceptionExpected', 'expect_fail', 'refuses', 'attempt', 'assert_'))
               for tree in cell.parsed_() or [] for n in ast.walk(tree))


def cannot(flag, slow):
    "Is the condition of `flag` unmet here?"
    if flag == 'realdata': return not Path(os.environ.get('PREFERENCE_LAB_DATA') or '/nowhere').is_dir()
    if flag == 'slow': return not slow
    if flag in ('wandb', 'mlflow'): return importlib.util.find_spec(flag) is None
    if flag == 'postgres':
        server = shutil.which('initdb') or list(Path('/usr/lib/postgresql').glob('*/bin/initdb'))
        return not server or importlib.util.find_spec('psycopg') is None
    import torch
    return not torch.cuda.is_available()


def run_notebook(path, slow):
    "Run the cells of one notebook up to the first that fails"
    from execnb.shell import CaptureShell, format_exc
    from nbdev.frontmatter import FrontmatterProc
    from nbdev.process import NBProcessor
    res = dict(passed=0, failed=0, not_run=0, skipped=Counter(), error='')
    if str(getattr(NBProcessor(path, procs=FrontmatterProc, process=True).nb, 'frontmatter_', {}).get('skip_exec')).lower() == 'true': return res
    os.chdir(Path(path).parent); os.environ[NOTEBOOK] = str(path)
    shell, unmet = CaptureShell(path, mpl_format='png'), {}
    for n, cell in enumerate(NBProcessor(path).nb.cells, 1):
        d = cell.directives_
        if cell.cell_type != 'code' or 'nbdev_export(' in cell.source or d.get('eval:', [''])[0].lower() == 'false': continue
        if res['failed']: res['not_run'] += is_test(cell); continue
        for f in d.keys() & WHY.keys():
            if f not in unmet: unmet[f] = cannot(f, slow)
        skip = next((f for f in WHY if f in d and unmet[f]), None)
        if skip: res['skipped'][skip] += 1; continue
        ran = shell.run_cell(cell.source)  # not shell.cell, which draws every figure a second time
        if not ran.exception: res['passed'] += is_test(cell); continue
        said = (ran.stdout + ran.stderr)[-2000:]
        res.update(failed=1, error=f'cell {n} (id {cell.id}):\n{cell.source.strip()}\n{"-"*40}\n{said}{"".join(format_exc(ran.exception))}')
    return res


def preload():
    "Import what most notebooks need, once for all; none of it may begin to compute, since threads do not survive a fork"
    import preference_lab  # settings of OpenMP, which must be there before torch
    from preference_lab.core.process import paused_garbage_collection
    with paused_garbage_collection():
        for m in PRELOAD: importlib.import_module(m)
        for m in pkgutil.walk_packages(preference_lab.__path__, 'preference_lab.'):   # a study's function `report` is one until its module is imported
            if not m.name.endswith('.report'): importlib.import_module(m.name)
    gc.collect(); gc.freeze(); use_huge_pages()


def use_huge_pages():
    "Gather the memory in pages of 2 MiB where Linux can (6.1 and later): the table of pages is what a fork copies, 17 ms of processor time instead of 47"
    if sys.platform != 'linux': return
    size, collapse = 2**21, 25   # MADV_COLLAPSE
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    for line in Path('/proc/self/maps').read_text().splitlines():
        ends, mode, _, _, _, *name = line.split()
        if mode != 'rw-p' or name not in ([], ['[heap]']): continue   # of a file, or shared
        start, end = (int(e, 16) for e in ends.split('-'))
        for at in range(-(-start//size)*size, end - size + 1, size): madvise(at, size, collapse)   # what cannot be gathered stays as it is


def fork(f, *args):
    "Start `f(*args)` in a process and a process group of its own: its number, and the file that gets what it says and, as the last line, its result"
    log = tempfile.TemporaryFile('w+', encoding='utf-8', errors='replace')
    sys.stdout.flush(); sys.stderr.flush()
    if pid := os.fork(): os.setpgid(pid, pid); return pid, log
    status = 1
    try:
        os.setpgid(0, 0); signal.signal(signal.SIGTERM, signal.SIG_DFL); signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background
        for fd, to in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log.fileno()), (2, log.fileno())): os.dup2(to, fd)
        for stream in (sys.stdout, sys.stderr): stream.reconfigure(encoding='utf-8', errors='backslashreplace')
        if 'numpy' in sys.modules: sys.modules['numpy'].random.seed()  # Python's own generator does so by itself
        print('\n' + json.dumps(f(*args)))
        status = 0
    except BaseException: traceback.print_exc()
    finally:
        atexit._run_exitfuncs()  # temporary folders go; the modules need not be taken down
        sys.stdout.flush(); sys.stderr.flush(); os._exit(status)


def stop(pid):
    "End a notebook's process and whatever it started"
    try: os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError: pass


class CommandServer:
    """Gives forks of this process to tests that want a fresh one, since importing torch and the like takes many seconds: to preference_lab.testing.commands,
    and to .ci/forked_python.py, whose fork lives as long as its connection: the kernels of notebooks (.ci/kernels) and $PREFERENCE_LAB_PYTHON begin with it"""
    def __init__(self):
        self.door, self.children, self.seconds = None, {}, Counter()   # number of a child -> what holds it, and the notebook that it works for
        if sys.platform != 'linux': return   # elsewhere they begin a Python of their own
        self.path = f'{tempfile.mkdtemp()}/door'
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.door.bind(self.path); self.door.listen()
        import_time = {k: v for k, v in os.environ.items() if k.startswith('HF_') or k in THREADS or k == 'PYTHONPATH'}
        python = Path(self.path).with_name('python')
        python.write_text(f'#!{sys.executable} -IS\n{(ROOT/".ci"/"forked_python.py").read_text()}'); python.chmod(0o755)
        os.environ.update(PREFERENCE_LAB_PYTHON=str(python), PREFERENCE_LAB_COMMAND_SERVER=self.path, PREFERENCE_LAB_SERVER_ENV=json.dumps(import_time), JUPYTER_PATH=str(ROOT/'.ci'))

    def close(self):
        if not self.door: return
        self.door.close(); shutil.rmtree(Path(self.path).parent)
        for c, (held, _) in self.children.items(): held and stop(c)

    def wait(self, seconds):
        "Do what is asked in this time, and bury who has died"
        if not self.door: time.sleep(seconds)
        else:
            held = {h: c for c, (h, _) in self.children.items() if h}
            for s in select.select([self.door, *held], [], [], seconds)[0]:
                if s is self.door: self.bear()
                elif not s.recv(1): stop(held[s]); self.bury(held[s], 0)   # who asked has ended
        for c in list(self.children): self.bury(c, os.WNOHANG)

    def bury(self, child, how):
        if child not in self.children: return
        done, status, used = os.wait4(child, how)
        if not done: return
        held, notebook = self.children.pop(child)
        self.seconds[notebook] += used.ru_utime + used.ru_stime
        if held:
            with held, contextlib.suppress(BrokenPipeError): held.send(b'%d' % os.waitstatus_to_exitcode(status))

    def bear(self):
        asks, _ = self.door.accept()
        said, files, _, _ = socket.recv_fds(asks, 2**20, 3)
        want = json.loads(said)
        sys.stdout.flush(); sys.stderr.flush()
        if pid := os.fork():
            for f in files: os.close(f)
            asks.send(b'%d' % pid)
            if not want.get('held'): asks.close()
            self.children[pid] = asks if want.get('held') else None, want['env'].get(NOTEBOOK)
            return
        try:
            os.setpgid(0, want['group']); os.chdir(want['folder'])
            os.environ.clear(); os.environ.update(want['env']); sys.argv = want['words']
            for s in (signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_DFL)
            for fd, f in enumerate(files): os.dup2(f, fd); os.close(f)
            if 'numpy' in sys.modules: sys.modules['numpy'].random.seed()
            self.door.close(); asks.close()
            for held, _ in self.children.values(): held and held.close()
            sys.stdin = open(0, closefd=False)   # what was in the buffer of the old one is not ours
            exec(compile(want['code'], '<command>', 'exec'), {'__name__': '__main__'})
        except BaseException: traceback.print_exc()
        finally: sys.stderr.flush(); os._exit(1)   # the code ends by itself


def result(status, log):
    "What a notebook's process said last, or how it ended"
    log.seek(0); out = log.read().rstrip(); log.close()
    try: return json.loads(out.splitlines()[-1])
    except (ValueError, IndexError): return dict(error=f'its process ended with status {status}\n{out[-4000:]}')


def results(todo, jobs, slow):
    "Run notebooks, some at a time: (path, result, seconds, processor seconds) of each as it ends"
    todo, running, server = list(todo), {}, CommandServer()
    try:
        while todo or running:
            while todo and len(running) < jobs:
                path = todo.pop(0); pid, log = fork(run_notebook, path, slow); running[pid] = path, log, time.time()
            server.wait(.02)
            for pid, (path, log, start) in list(running.items()):
                done, status, used = os.wait4(pid, os.WNOHANG)
                late = time.time()-start > LIMIT
                if not done and not late: continue
                stop(pid); del running[pid]
                if not done: _, _, used = os.wait4(pid, 0)
                server.wait(0)
                res = result(os.waitstatus_to_exitcode(status), log) if done else dict(error=f'stopped after {LIMIT} seconds')
                processor = used.ru_utime + used.ru_stime + server.seconds.pop(str(path), 0)
                yield path, {**dict(passed=0, failed=1, not_run=0, skipped={}), **res}, time.time()-start, processor
    finally:
        for pid in running: stop(pid)
        server.close()


def last_line(error):
    "The line of a traceback that says what was wrong, without colours"
    lines = [l for l in re.sub(r'\x1b\[[0-9;]*m', '', error).splitlines() if l.strip()]
    return next((l for l in reversed(lines) if re.match(r'[A-Za-z_.]*(Error|Exception|Interrupt|TrainingInterrupted|NonFiniteLossError)\b', l)), lines[-1])[:200]


def prepare(jobs):
    "Settings of every notebook's process: no Hub, the cores shared, figures inline"
    threads = os.environ.get('OMP_NUM_THREADS') or str(max(1, (os.cpu_count() or 1)//jobs))
    for k in THREADS: os.environ.setdefault(k, threads)
    os.environ.update(IN_TEST='1', HF_HUB_OFFLINE='1', HF_DATASETS_OFFLINE='1', TOKENIZERS_PARALLELISM='false', MPLBACKEND='module://matplotlib_inline.backend_inline',
                      PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if data := os.environ.get('PREFERENCE_LAB_DATA'): os.environ['PREFERENCE_LAB_DATA'] = str(Path(data).resolve())


def main():
    p = ArgumentParser(description=__doc__)
    p.add_argument('paths', nargs='*', help='notebooks or folders (default: tests_nbs and nbs, after the checks of .ci/check.py)')
    p.add_argument('--slow', action='store_true', help='run cells flagged slow as well')
    p.add_argument('--jobs', type=int, default=min(2, os.cpu_count() or 1), help='notebooks at a time; they share the cores')
    a = p.parse_args()

    from check import notebooks, rel
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.chdir(ROOT); sys.path.insert(0, str(ROOT))
    from preference_lab.core.terminal import make_streams_safe
    make_streams_safe()
    began = time.time()
    checks = None if a.paths else subprocess.Popen([sys.executable, '.ci/check.py'], stdout=subprocess.PIPE, encoding='utf-8', errors='replace', env=os.environ | dict(PYTHONIOENCODING='utf-8'))
    prepare(a.jobs)
    # a report is run with its default parameters by tests_nbs, through papermill
    is_report = lambda p: p.parent.name == 'reports' and '"parameters"' in p.read_text(encoding='utf-8')
    todo = [p for o in a.paths or ['tests_nbs', 'nbs'] for p in ([Path(o).resolve()] if o.endswith('.ipynb') else notebooks(o)) if not is_report(p)]
    total, skipped, costs, runs, broken, done = Counter(), Counter(), Counter(), results(todo, a.jobs, a.slow), [], set()
    try:
        if sum(p.is_file() and 'preference_lab' in p.read_text(encoding='utf-8') for p in todo) > a.jobs:   # what these import
            try: preload()
            except Exception as e: print(f'not imported once for all: {type(e).__name__}: {e}; each notebook imports for itself', flush=True)
        wrong = checks.communicate()[0].splitlines() if checks else []
        wrong = (wrong or ['.ci/check.py itself failed']) if checks and checks.returncode else []
        for w in wrong: print('✗', w)
        for path, r, seconds, used in runs:
            done.add(path); costs[path] = used
            notes = [f"{r[k]} {k.replace('_', ' ')}" for k in ('failed', 'not_run') if r[k]] + [f'{n} skipped ({k})' for k, n in r['skipped'].items()]
            print(f"{'✗' if r['failed'] else '✓'} {rel(path):<40} {seconds:6.1f} s ({used:.1f} processor)  {', '.join([str(r['passed'])+' passed']+notes)}", flush=True)
            if r['error']:
                print(f"\n{rel(path)}, {r['error']}\n", flush=True)
                broken.append(f"{rel(path)}, {r['error'].splitlines()[0].rstrip(':')}: {last_line(r['error'])}")
            total.update({k: r[k] for k in ('passed', 'failed', 'not_run')}); skipped.update(r['skipped'])
    except (KeyboardInterrupt, SystemExit):
        runs.close()
        if checks: checks.kill()
        print(f'\nstopped; not run to their end: {", ".join(rel(p) for p in todo if p not in done)}', flush=True); os._exit(130)
    failed = total['failed'] + len(wrong) + (not todo)
    print(f'{len(todo)} notebooks in {time.time()-began:.0f} s, {a.jobs} at a time with {os.environ["OMP_NUM_THREADS"]} threads each' if todo else 'no notebook found')
    if len(todo) > 20: print(f'{costs.total():.0f} processor seconds, most in', ', '.join(f'{rel(p)} {n:.0f}' for p, n in costs.most_common(10)))
    for k, n in skipped.items(): print(f'{n} cells flagged {k} were skipped: {WHY[k]}')
    for line in broken: print('failed:', line)
    if total['not_run']: print(f"{total['not_run']} tests were not run, since a cell before them failed")
    print(f"{total['passed']} passed, {failed} failed" + (f', {sum(skipped.values())} skipped' if skipped else ''))
    sys.stdout.flush(); os._exit(bool(failed))  # without two seconds of taking torch down


if __name__ == '__main__': main()
