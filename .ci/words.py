#!/usr/bin/env python
"""Say where a word stands that the glossary replaced by the field's term: `python .ci/words.py`; `make test` holds it.
Looked at: names in code, comments, strings of several words and text cells of the notebooks, the scripts here and README.md;
with --outputs also what the pages of the site have printed."""
import io
import json
import re
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Files whose subject is the old names: the page on migrating, the table of old names of settings. CHANGELOG.md is not searched.
OLD_NAMES = ('nbs/guides/migrate.ipynb', 'nbs/core/10_old_names.ipynb')
# word or phrase, as a regular expression -> what to write
PROSE = {
    r'floors?': 'baseline, minimum',
    r'pictures?': 'image',
    r'pupils?|lessons?|exams?': 'model, example, evaluation of pretraining',
    r'duels?': 'comparison',
    r'worlds?': 'simulation',
    r'sealed?|seals': 'held out, locked; manifest',
    r'straddl\w+': 'cross-split',
    r'likeness': 'near-duplicates',
    r'fours': 'groups of four',
    r'spreads?': 'distribution, standard deviation, range',
    r'honest': 'unbiased, valid',
    r'mend(ed|s|ing)?': 'fix, correct',
    r'foret(ell|ells|old)': 'predict',
    r'by heart': 'overfitting',
    r'aloud': 'with a warning',
    r'tortur\w+': 'stress test',
    r'the lab': 'the package',
    r'heed(ed|s)?': 'check',
    r'vouch(es|ed)?': 'trusted',
    r"of one's own": 'custom',
    r'in a lifetime': 'only once',
    r'After (this page|reading)': 'what the module contains',
}
# segment of a name in code -> what to write; `np.floor` and the like are attributes of libraries
NAMES = {
    r'floors?': 'baseline', r'pictures?': 'image', r'feeds?': 'loader',
    r'worlds?(?!_size)': 'simulator', r'pupils?|lessons?|exams?': 'model, example, evaluation', r'duels?': 'comparison', r'sealed?': 'held_out',
    r'straddling': 'cross_split', r'likeness': 'duplicates', r'fours': 'groups', r'heed': 'check', r'deal': 'assign',
    r'foretold': 'predicted', r'material': 'prepared', r'torture': 'stress', r'psi': 'item_features',
}


def is_searched(path: Path) -> bool:
    name = path.relative_to(ROOT).as_posix()
    return name not in OLD_NAMES and not any(o[0] in '._' for o in path.relative_to(ROOT).parts[:-1] if o != '.ci')


def cells(path: Path):
    "(id, kind, text) of each cell: markdown, code, and what it printed"
    for c in json.loads(path.read_text(encoding='utf-8'))['cells']:
        yield c.get('id', ''), c['cell_type'], ''.join(c['source'])
        for o in c.get('outputs', []):
            texts = [o.get('text', '')] + [v for k, v in o.get('data', {}).items() if k.startswith('text/')]
            for t in texts: yield c.get('id', ''), 'output', re.sub(r'<style.*?</style>', '', ''.join(t), flags=re.S)


def tokens(source: str):
    try: yield from tokenize.generate_tokens(io.StringIO(re.sub(r'(?m)^(\s*)[%!]', r'\1#', source)).readline)
    except (tokenize.TokenError, IndentationError): return


def in_prose(text: str):
    "Old words of a text, with the term to write"
    for pattern, new in PROSE.items():
        for m in re.finditer(rf'\b({pattern})\b', text): yield m[0], new


def in_code(source: str):
    "Old words of the names, comments and sentences of a piece of code"
    before = None
    for t in tokens(source):
        if t.type == tokenize.NAME and t.string.upper() != t.string:
            for pattern, new in NAMES.items():
                is_old = re.search(rf'(?<![a-z])({pattern})(?![a-z])', t.string.lower())
                if is_old and (before != '.' or '_' in t.string): yield t.string, new
        elif t.type == tokenize.COMMENT or t.type == tokenize.STRING and ' ' in t.string: yield from in_prose(t.string)
        before = t.string


def faults(root: Path = ROOT, outputs: bool = False) -> list[str]:
    "A sentence for each old word"
    out = []
    for p in sorted([*(root/'nbs').rglob('*.ipynb'), *(root/'tests_nbs').rglob('*.ipynb')]):
        if not is_searched(p): continue
        is_page = p.is_relative_to(root/'nbs')
        for id_, kind, text in cells(p):
            if kind == 'output' and not (outputs and is_page): continue
            for word, new in (in_code if kind == 'code' else in_prose)(text):
                out.append(f'{p.relative_to(root).as_posix()}, cell {id_} ({kind}): "{word}": write {new}')
    for p in sorted((root/'.ci').glob('*.py')):
        if p.name == Path(__file__).name: continue
        out += [f'.ci/{p.name}: "{word}": write {new}' for word, new in in_code(p.read_text(encoding='utf-8'))]
    out += [f'README.md: "{word}": write {new}' for word, new in in_prose((root/'README.md').read_text(encoding='utf-8'))]
    return out


if __name__ == '__main__':
    found = faults(outputs='--outputs' in sys.argv)
    print('\n'.join(found) or 'no old words')
    sys.exit(bool(found))
