#!/usr/bin/env python
"""How densely notebooks and modules are written, as one table: `python .ci/density.py [CHECKOUT …]` compares checkouts side by side.
With no argument, this one. The limits that `make test` holds are in `faults`."""
import ast
import io
import json
import re
import statistics
import sys
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 120      # of a line of code
CELL_LINES = 75    # of an exported cell, at most; 20 is the rule. A dataclass of settings has a line for each of them
MODULE_LINES = 250 # of a module, at most; those below may have LONG_MODULE_LINES
LONG_MODULE_LINES = 400
LONG_MODULES = (
    # one subject: a network, a loop, a file format, a statistical model with its methods
    'aggregation.bradley_terry data.label_files data.region_cache data.tables data.text_files evaluation.crossed_reml models.vilbert '
    'studies.results training.stacked_models training.trainer '
    # the steps of one study, each a method of its class, and the tables that they read and write; to be split further
    'studies.distributions.data studies.distributions.settings studies.judgements.data studies.memes.data '
    'studies.pairwise.data studies.pairwise.tables studies.preference.model studies.preference.study studies.preference.training'
).split()
SHARE_OVER_20 = .30  # of exported cells with a definition


def code_cells(root: Path):
    "(path, cell id, source) of each code cell of the notebooks under nbs/ and tests_nbs/"
    for folder in ('nbs', 'tests_nbs'):
        for p in sorted((root/folder).rglob('*.ipynb')):
            if any(o[0] in '._' for o in p.relative_to(root).parts): continue
            for c in json.loads(p.read_text(encoding='utf-8'))['cells']:
                if c['cell_type'] == 'code': yield p.relative_to(root), c.get('id', ''), ''.join(c['source'])


def is_exported(source: str) -> bool: return bool(re.match(r'(#\|.*\n)*#\| *export', source))


def definitions(source: str) -> list:
    "Public functions and classes at the top of a cell; methods added by @patch count"
    try: body = ast.parse(source).body
    except SyntaxError: return []
    public = lambda n: not n.name.startswith('_') or any('patch' in ast.unparse(d) for d in n.decorator_list)
    return [n for n in body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and public(n)]


def semicolons(source: str) -> int:
    "Semicolons that part statements"
    try: tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, IndentationError): return 0   # a magic
    return sum(t.type == tokenize.OP and t.string == ';' for t in tokens)


def lines_of(source: str) -> list[str]:
    "Lines of a cell that are not empty and not a directive"
    return [l for l in source.split('\n') if l.strip() and not l.startswith('#|')]


def modules(root: Path) -> dict[str, str]:
    "Name -> source of the exported modules"
    package = next((p.parent for p in root.glob('*/_modidx.py')), root)
    files = [p for p in sorted(package.rglob('*.py')) if p.name not in ('_modidx.py', '__init__.py') and '.ipynb_checkpoints' not in str(p)]
    return {'.'.join(p.relative_to(package).with_suffix('').parts): p.read_text(encoding='utf-8') for p in files}


def imported(root: Path) -> Counter:
    "How many modules import each module of the package"
    all_, out = modules(root), Counter()
    for name, source in all_.items():
        found = set()
        for n in ast.walk(ast.parse(source)):
            if isinstance(n, ast.ImportFrom) and n.level:
                base = name.split('.')[:-n.level]
                found.add('.'.join([*base, *(n.module or '').split('.')]).strip('.'))
        out.update(f for f in found if f in all_)
    return out


def measure(root: Path) -> dict:
    "The measures of one checkout, name -> value"
    cells = list(code_cells(root))
    lines = [l for _, _, s in cells for l in s.split('\n')]
    exported = [(len(lines_of(s)), len(definitions(s))) for _, _, s in cells if is_exported(s) and definitions(s)]
    sizes = {k: len(v.splitlines()) for k, v in modules(root).items()}
    users = imported(root).most_common(1)
    in_modules = sum(semicolons(v) for v in modules(root).values())
    return {
        'lines of code in cells': len(lines),
        f'lines above {COLUMNS} columns, %': round(100*sum(len(l) > COLUMNS for l in lines)/max(1, len(lines)), 2),
        'longest line': max(map(len, lines), default=0),
        '; in 1,000 lines of modules': round(1000*in_modules/max(1, sum(sizes.values())), 2),
        'exported cells with a definition': len(exported),
        'their median lines': statistics.median(n for n, _ in exported) if exported else 0,
        'of more than 20 lines, %': round(100*sum(n > 20 for n, _ in exported)/max(1, len(exported))),
        'with one definition, %': round(100*sum(d == 1 for _, d in exported)/max(1, len(exported))),
        'modules': len(sizes),
        'median lines of a module': statistics.median(sizes.values()) if sizes else 0,
        'modules above 250 lines': sum(n > 250 for n in sizes.values()),
        'largest module': '{} {}'.format(*max(sizes.items(), key=lambda o: o[1])) if sizes else '',
        'imported most': f'{users[0][0]}, by {users[0][1]}' if users else '',
    }


def faults(root: Path = ROOT) -> list[str]:
    "A sentence for each cell or module beyond a limit"
    out, long = [], []
    for path, id_, source in code_cells(root):
        where = f'{path.as_posix()}, cell {id_}'
        for n, l in enumerate(source.split('\n'), 1):
            if len(l) > COLUMNS: out.append(f'{where}, line {n}: {len(l)} columns, the limit is {COLUMNS}')
        if semicolons(source) and 'nbdev_export()' not in source: out.append(f'{where}: one statement a line; no ";"')
        if not is_exported(source): continue
        names, size = [d.name for d in definitions(source)], len(lines_of(source))
        if len(names) > 1: out.append(f'{where}: one public definition an exported cell, not {", ".join(names)}')
        settings = any(b.id.endswith('Config') for d in definitions(source) for b in getattr(d, 'bases', []) if isinstance(b, ast.Name))
        if names and size > CELL_LINES and not settings: out.append(f'{where}: {size} lines, the limit is {CELL_LINES}: split {names[0]}')
        if names: long.append(size > 20)
    if sum(long) > SHARE_OVER_20*len(long): out.append(f'{sum(long)} of {len(long)} exported cells have more than 20 lines, more than {SHARE_OVER_20:.0%}')
    for name, source in modules(root).items():
        n, limit = len(source.splitlines()), LONG_MODULE_LINES if name in LONG_MODULES else MODULE_LINES
        if n > limit: out.append(f'{name}: {n} lines, the limit is {limit}: it holds two subjects')
        if name in LONG_MODULES and n <= MODULE_LINES: out.append(f'{name} has {n} lines: delete it from LONG_MODULES in .ci/density.py')
    return out


def main(*roots: str) -> str:
    "A Markdown table with a column for each checkout"
    found = {r: measure(Path(r).resolve()) for r in roots or [str(ROOT)]}
    names = list(found)
    rows = [f'| measure | {" | ".join(Path(n).resolve().name for n in names)} |', '|---|' + '---|'*len(names)]
    rows += [f'| {k} | {" | ".join(str(found[n][k]) for n in names)} |' for k in found[names[0]]]
    return '\n'.join(rows)


if __name__ == '__main__': print(main(*sys.argv[1:]))
