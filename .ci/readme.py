#!/usr/bin/env python
"Make README.md from nbs/index.ipynb (`nbdev_readme` does so where Quarto is); `--check` only says whether it is up to date."
import re, sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parent.parent


def readme():
    "The notebook as Markdown: hidden cells left out, links and images relative to the top of the project"
    nb = nbformat.read(ROOT/'nbs/index.ipynb', as_version=4)
    nb.metadata['language_info'] = {'name': 'python'}
    nb.cells = [c for c in nb.cells if not re.search(r'^#\|\s*hide', c.source, re.M)]
    text, _ = MarkdownExporter().from_notebook_node(nb)
    text = re.sub(r'\]\((?!https?:|#|/)([^)]+)\)', r'](nbs/\1)', text)
    text = re.sub(r'(<img[^>]*\bsrc=")(?!https?:|/)', r'\1nbs/', text)
    return '<!-- made from nbs/index.ipynb by `make readme`: edit the notebook -->\n\n' + re.sub(r'\n{3,}', '\n\n', text).strip() + '\n'


if __name__ == '__main__':
    path, text = ROOT/'README.md', readme()
    if '--check' not in sys.argv: path.write_text(text, encoding='utf-8')
    elif not path.is_file() or path.read_text(encoding='utf-8') != text: sys.exit('README.md is not what nbs/index.ipynb says: run make readme')
