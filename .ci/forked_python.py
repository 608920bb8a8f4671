"""Python for tests: `-m MODULE`, `-c CODE` or a script, and its arguments, in a fork of the process that runs the tests (.ci/test.py), which has imported
torch and the like. It gets the signals of this process, ends with it, and passes its status on. Other settings at import begin a Python of their own."""
import json, os, signal, socket, sys

CODE = """
import atexit, os, runpy, signal, sys, traceback
signal.signal(signal.SIGINT, signal.default_int_handler)
encoding, _, errors = os.environ.get('PYTHONIOENCODING', 'utf-8').partition(':')
for fd, name, usual in ((1, 'stdout', 'strict'), (2, 'stderr', 'backslashreplace')):   # those that were inherited may stand for a file, which can seek
    stream = open(fd, 'w', encoding=encoding, errors=errors or usual, buffering=1 if fd == 2 else -1, closefd=False)
    setattr(sys, name, stream); setattr(sys, f'__{name}__', stream)
status = 0
try:
    if sys.argv[1] == '-m':
        module, sys.argv = sys.argv[2], sys.argv[2:]
        sys.path.insert(0, os.getcwd()); sys.modules.pop(module, None)
        runpy.run_module(module, run_name='__main__', alter_sys=True)
    elif sys.argv[1] == '-c':
        code, sys.argv = sys.argv[2], ['-c', *sys.argv[3:]]
        sys.path.insert(0, ''); exec(compile(code, '<string>', 'exec'), {'__name__': '__main__'})
    else:
        sys.argv = sys.argv[1:]
        sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0]))); runpy.run_path(sys.argv[0], run_name='__main__')
except SystemExit as e:
    status = e.code if isinstance(e.code, int) else int(e.code is not None)
    if status and not isinstance(e.code, int): print(e.code, file=sys.stderr)
except BaseException as e: traceback.print_exc(); status = -signal.SIGINT if isinstance(e, KeyboardInterrupt) else 1
try: atexit._run_exitfuncs(); sys.stdout.flush(); sys.stderr.flush()
finally:
    if status < 0: signal.signal(-status, signal.SIG_DFL); os.kill(os.getpid(), -status)
    os._exit(status)
"""


def main(words):
    at_import = {k: v for k, v in os.environ.items() if k.startswith('HF_') or k in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PYTHONPATH')}
    try:
        if json.loads(os.environ['PREFERENCE_LAB_SERVER_ENV']) != at_import: raise OSError
        server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server.connect(os.environ['PREFERENCE_LAB_COMMAND_SERVER'])
    except (KeyError, OSError): os.execv(sys.executable, [sys.executable, *words])
    parent = os.getppid()
    if words[:2] == ['-m', 'ipykernel_launcher']: words = [*words, f'--IPKernelApp.parent_handle={parent}']   # read at import
    want = dict(code=CODE, words=['python', *words], env=dict(os.environ), folder=os.getcwd(), group=0, held=True)
    socket.send_fds(server, [json.dumps(want).encode()], [0, 1, 2])
    pid = int(server.recv(20))
    for fd in (0, 1, 2): os.close(fd)   # so that who waits for their end waits for the fork alone
    for s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, lambda number, frame: os.kill(pid, number))
    server.settimeout(1)
    while os.getppid() == parent:
        try: status = int(server.recv(20) or -signal.SIGKILL)
        except TimeoutError: continue
        if status >= 0: os._exit(status)
        if -status != signal.SIGKILL: signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)


main(sys.argv[1:])
