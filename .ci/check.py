#!/usr/bin/env python
"Say where notebooks and modules disagree, which notebooks are not clean, and which the site would not show in full."
import ast, os, re, shutil, subprocess, sys, tempfile
from json import loads
from pathlib import Path

import yaml
from execnb.nbio import nb2str
from nbdev.clean import _nbdev_clean

ROOT = Path(__file__).resolve().parent.parent


def notebooks(*folders):
    "All notebooks of `folders`, in the order in which they depend on each other"
    hidden = lambda p: any(o[0] in '._' for o in p.relative_to(ROOT).parts)
    return [p for f in folders for p in sorted((ROOT/f).rglob('*.ipynb'), key=lambda p: (len(p.parts), p)) if not hidden(p)]


def rel(p): return p.relative_to(ROOT).as_posix() if p.is_relative_to(ROOT) else str(p)


def in_step():
    "Export the notebooks into a copy; a sentence for each module that differs from it"
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        for f in ('settings.ini', 'setup.py'): shutil.copy(ROOT/f, tmp)
        shutil.copytree(ROOT/'nbs', tmp/'nbs', ignore=shutil.ignore_patterns('.*', '_*'))
        (tmp/'preference_lab').mkdir()
        shutil.copy(ROOT/'preference_lab/__init__.py', tmp/'preference_lab')
        env = {k: v for k, v in os.environ.items() if k != 'IN_TEST'}
        r = subprocess.run([sys.executable, '-c', 'import nbdev; nbdev.nbdev_export()'], cwd=tmp, env=env, capture_output=True, text=True)
        if r.returncode: return [f'the notebooks cannot be exported: {r.stderr.strip().splitlines()[-1]}']
        read = lambda d: {p.relative_to(d).as_posix(): p.read_text(encoding='utf-8') for p in (d/'preference_lab').rglob('*.py')}
        here, made = read(ROOT), read(tmp)
    return [_differs(f, here.get(f), made.get(f)) for f in sorted(here.keys() | made.keys()) if here.get(f) != made.get(f)]


def _differs(module, here, made):
    m = re.search(r'File to edit: (?:\.\./)*(\S+\.ipynb)', made or here)
    nb = m[1] if m else 'nbs/'
    if made is None: return f'{module} comes from no notebook ({nb} does not export it): delete it, or put its code in a notebook'
    if here is None: return f'{module} is missing: {nb} exports it; run .venv/bin/nbdev_export'
    return (f'{module} is not what {nb} exports: run .venv/bin/nbdev_export '
            f'(or, to keep edits made in the module, .venv/bin/nbdev_update --fname {module})')


def clean():
    "A sentence for each notebook that nbdev_clean would change"
    out = []
    for p in notebooks('nbs', 'tests_nbs'):
        old = p.read_text(encoding='utf-8')
        nb = loads(old); _nbdev_clean(nb)
        if nb2str(nb) != old: out.append(f'{rel(p)} is not clean: run .venv/bin/nbdev_clean --fname {rel(p)}')
    return out


def shown():
    "A sentence for each notebook that the site would leave out, or whose first lines it would drop"
    out, listed = [], sidebar()
    for f in listed:
        if not (ROOT/'nbs'/f).exists(): out.append(f'_quarto.yml lists {f}, but there is no nbs/{f}: mend the sidebar there')
    for p in notebooks('nbs'):
        if p.relative_to(ROOT/'nbs').as_posix() not in listed:
            out.append(f'{rel(p)} is not in the sidebar of _quarto.yml: add its line where it belongs')
        text = next((''.join(c['source']) for c in loads(p.read_text())['cells'] if c['cell_type'] == 'markdown'), '')
        rest = [l for l in text.splitlines() if l.strip() and not re.match(r'# |> |- \w+: ', l)]
        if not text.startswith('# ') or rest:
            out.append(f'{rel(p)}: the first text cell must be "# Title" and one line "> ..." only, since the site drops the rest: '
                       + (f'move "{rest[0][:40]}" to a cell of its own' if rest else 'give it a title'))
    return out


def imports_apart():
    "A sentence for each cell that imports and does more: nbdev runs it alone when it makes the site, without what stands before it"
    out = []
    for p in notebooks('nbs'):
        text = p.read_text(encoding='utf-8')
        if 'default_exp' not in text: continue
        for c in loads(text)['cells']:
            src = ''.join(c['source'])
            if c['cell_type'] != 'code' or re.search(r'^#\| *(export\w*|eval: *false)', src, re.M) or 'nbdev_export()' in src: continue
            try: kinds = {isinstance(n, (ast.Import, ast.ImportFrom)) for n in ast.parse(src).body}
            except SyntaxError: continue   # a magic
            if len(kinds) == 2: out.append(f'{rel(p)}, cell {c["id"]}: put its imports into a cell of their own')
    return out


def sections():
    "The sidebar of _quarto.yml as (section title or None, notebook) pairs"
    for o in yaml.safe_load((ROOT/'_quarto.yml').read_text())['website']['sidebar']['contents']:
        if isinstance(o, str): yield None, o
        else: yield from ((o['section'], f) for f in o['contents'])


def sidebar(): return [f for _, f in sections()]


def readme():
    "A sentence if README.md is not what nbs/index.ipynb says"
    r = subprocess.run([sys.executable, ROOT/'.ci/readme.py', '--check'], capture_output=True, text=True)
    return [r.stderr.strip().splitlines()[-1]] if r.returncode else []


def problems(): return in_step() + clean() + shown() + imports_apart() + readme()


if __name__ == '__main__':
    os.chdir(ROOT)
    found = problems()
    print('\n'.join(found) or f"{len(notebooks('nbs', 'tests_nbs'))} notebooks: clean, and in step with preference_lab/")
    sys.exit(bool(found))
