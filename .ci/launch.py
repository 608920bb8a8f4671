#!/usr/bin/env python
"""The second cell of each guide, which opens it in Colab and on Binder. `python .ci/launch.py` writes it, `faults` says where it is missing or
leads to another page. The repository and its branch are those of settings.ini; what Binder installs is in .binder/."""
import json
import sys
from configparser import ConfigParser
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
COLAB, BINDER = 'https://colab.research.google.com/github/', 'https://mybinder.org/v2/gh/'


def settings(root: Path) -> dict:
    "settings.ini"
    ini = ConfigParser(delimiters=['='], interpolation=None)
    ini.read(root/'settings.ini', encoding='utf-8')
    return dict(ini['DEFAULT'])


def launch_links(notebook: str, git_url: str, branch: str) -> dict[str, str]:
    "The addresses that open a notebook of a GitHub repository, given by its path there, in Colab and on Binder"
    repository = git_url.removeprefix('https://github.com/').strip('/')
    return dict(colab=f'{COLAB}{repository}/blob/{branch}/{quote(notebook)}',
                binder=f'{BINDER}{repository}/{branch}?labpath={quote(notebook, safe="")}')


def launch_cell(notebook: str, root: Path = ROOT) -> str:
    "The text of the cell"
    ini = settings(root)
    to = launch_links(notebook, ini['git_url'], ini['branch'])
    install = f'%pip install "{ini["lib_name"]}[all] @ git+{ini["git_url"]}"'
    return (f'[Open in Colab]({to["colab"]}) · [Open in Binder]({to["binder"]})\n\n'
            f'Binder installs the package; in Colab, run `{install}` in a cell before all others.')


def guides(root: Path) -> list[Path]: return sorted((root/'nbs'/'guides').glob('*.ipynb'))
def source(cell: dict) -> str: return ''.join(cell['source'])
def is_launch_cell(cell: dict) -> bool: return cell['cell_type'] == 'markdown' and source(cell).startswith('[Open in Colab](')


def faults(root: Path = ROOT) -> list[str]:
    "A sentence for each guide whose second cell is not its own links"
    out = []
    for p in guides(root):
        name, cells = p.relative_to(root).as_posix(), json.loads(p.read_text(encoding='utf-8'))['cells']
        wanted, found = launch_cell(name, root), [i for i, c in enumerate(cells) if is_launch_cell(c)]
        if found != [1] or source(cells[1]) != wanted:
            out.append(f'{name}: its second cell must open this page in Colab and on Binder: run python .ci/launch.py')
    return out


def write(root: Path = ROOT):
    "Put the links into the guides; one that has them is left as it is"
    for p in guides(root):
        nb, text = json.loads(p.read_text(encoding='utf-8')), launch_cell(p.relative_to(root).as_posix(), root)
        old = next((c for c in nb['cells'] if is_launch_cell(c)), dict(cell_type='markdown', id='open-in', metadata={}))
        new = old | dict(source=text.splitlines(keepends=True))
        cells = [c for c in nb['cells'] if not is_launch_cell(c)]
        cells.insert(1, new)
        if cells != nb['cells']:
            p.write_text(json.dumps(nb | dict(cells=cells), ensure_ascii=False, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    write()
    sys.exit('\n'.join(faults()))
