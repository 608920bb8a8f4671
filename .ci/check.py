#!/usr/bin/env python
"Say where notebooks and modules disagree, which notebooks are not clean, and which the site would not show in full."
import ast, os, re, shutil, subprocess, sys, tempfile
from json import loads
from pathlib import Path

import yaml
from execnb.nbio import nb2str
from nbdev.clean import _nbdev_clean

import density
import launch
import words

ROOT = Path(__file__).resolve().parent.parent
# A subpackage imports only what is to its left; plots and testing import no other package but core.
LAYERS = 'core data simulate datasets evaluation aggregation training models experiments plots reporting exploration studies commands cli'.split()
APART = ('plots', 'testing')


def notebooks(*folders):
    "All notebooks of `folders`, in the order of the sidebar, which is that in which they depend on each other"
    hidden = lambda p: any(o[0] in '._' for o in p.relative_to(ROOT).parts)
    at = {ROOT/'nbs'/f: n for n, f in enumerate(sidebar())}
    order = lambda p: (at.get(p, len(at)), len(p.parts), p)
    return [p for f in folders for p in sorted((ROOT/f).rglob('*.ipynb'), key=order) if not hidden(p)]


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
    out += [f'_quarto.yml lists {f} twice: delete one of its lines' for f in sorted(set(listed)) if listed.count(f) > 1]
    for f in listed:
        if not (ROOT/'nbs'/f).exists(): out.append(f'_quarto.yml lists {f}, but there is no nbs/{f}: correct the sidebar there')
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
    "A sentence for each cell that imports and does more: nbdev runs it alone when it makes the site, without what is before it"
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


def package_imports(name, source):
    "Modules of the package that the module `name` imports, at its top or within functions"
    for n in ast.walk(ast.parse(source)):
        if isinstance(n, ast.ImportFrom) and n.level:
            base = name.split('.')[:-n.level]
            yield '.'.join([*base, *(n.module.split('.') if n.module else [])])


def directions():
    "A sentence for each import against the order of the layers, of the numbers within a folder, or between two studies"
    number = {}
    for p in notebooks('nbs'):
        m = re.fullmatch(r'(\d\d)_(\w+)', p.stem)
        if m: number['.'.join([*p.relative_to(ROOT/'nbs').parent.parts, m[2]])] = int(m[1])
    out, modules = [], density.modules(ROOT)
    for name, source in modules.items():
        for other in package_imports(name, source):
            if other not in modules or other == name: continue
            a, b = name.split('.')[0], other.split('.')[0]
            if a != b and (a in APART and b != 'core' or b not in LAYERS or a not in (*LAYERS, *APART) or a in LAYERS and LAYERS.index(b) > LAYERS.index(a)):
                out.append(f'{name} imports {other}: {a} must not import {b} (the order is {" → ".join(LAYERS)})')
            elif a == b and name.split('.')[:-1] == other.split('.')[:-1] and number.get(other, 0) >= number.get(name, 99):
                out.append(f'{name} imports {other}, whose notebook has the higher number: exchange them, or move what is shared below both')
            elif a == b == 'studies' and name.count('.') == other.count('.') == 2 and name.split('.')[1] != other.split('.')[1] != 'pairwise':
                out.append(f'{name} imports {other}: a study imports no other study')
    return out


def addresses():
    "A sentence for each pair of notebooks whose pages would have one address, since that drops the number"
    seen, out = {}, []
    for p in notebooks('nbs'):
        key = (p.parent, re.sub(r'^\d+[a-z]?_', '', p.stem))
        if key in seen: out.append(f'{rel(p)} and {rel(seen[key])} would be one page: rename one')
        seen[key] = p
    return out


def numbers():
    "A sentence for each notebook whose number another notebook of its folder has, with the next free one"
    folders, out = {}, []
    for p in notebooks('nbs', 'tests_nbs'):
        m = re.match(r'(\d\d)_', p.name)
        if m: folders.setdefault(p.parent, {}).setdefault(int(m[1]), []).append(p)
    for found in folders.values():
        for same in found.values():
            for p in same[1:]:
                out.append(f'{rel(p)} and {rel(same[0])} share a number: rename one; the next free number is {max(found) + 1:02d}')
    return out


def links():
    "A sentence for each relative link of a text cell to a notebook that is not there"
    out = []
    for p in notebooks('nbs', 'tests_nbs'):
        for c in loads(p.read_text(encoding='utf-8'))['cells']:
            if c['cell_type'] != 'markdown': continue
            for link in re.findall(r'\]\(([^)#\s:]+\.ipynb)', ''.join(c['source'])):
                if not (p.parent/link).exists(): out.append(f'{rel(p)}, cell {c["id"]}: it links to {link}, which is not there')
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


def problems():
    out = in_step() + clean() + shown() + addresses() + numbers() + links() + imports_apart() + directions()
    return out + density.faults(ROOT) + words.faults(ROOT) + launch.faults(ROOT) + readme()


if __name__ == '__main__':
    os.chdir(ROOT)
    found = problems()
    print('\n'.join(found) or f"{len(notebooks('nbs', 'tests_nbs'))} notebooks: clean, and in step with preference_lab/")
    sys.exit(bool(found))
