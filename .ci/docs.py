#!/usr/bin/env python
"""Build the site in _docs/ with what pip can install: nbdev's processed notebooks, laid out by mkdocs-material.
Order and sections come from _quarto.yml. Formulas are set by the MathJax that jupyter_server_mathjax brings, so no page asks another host."""
import ast, base64, io, json, os, re, shutil, sys, tempfile
from html import escape, unescape
from importlib.util import find_spec
from pathlib import Path

import yaml
from check import ROOT, notebooks, sections
from fastcore.basics import exec_local
from fastcore.ansi import strip_ansi
from nbdev.config import get_config
from nbdev.doclinks import _nbpath2html, patch_name

SITE, MODULES = ROOT/'_docs', ROOT/'preference_lab'


def definitions():
    "(page, name) -> (module, one-line summary, source) of everything exported, from nbdev's index"
    out, syms = {}, exec_local((MODULES/'_modidx.py').read_text(encoding='utf-8'), 'd')['syms']
    for mod, names in syms.items():
        text = (ROOT/(mod.replace('.', '/') + '.py')).read_text(encoding='utf-8')
        nodes = {}
        for o in ast.parse(text).body:
            if not isinstance(o, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)): continue
            for n in (nm if isinstance(nm := patch_name(o), list) else [nm]): nodes[n] = o
            for m in getattr(o, 'body', []):
                if isinstance(o, ast.ClassDef) and isinstance(m, ast.FunctionDef): nodes[f'{o.name}.{m.name}'] = m
        for full, (loc, _) in names.items():
            name = full.removeprefix(mod + '.')
            if o := nodes.get(name):
                start = min([o.lineno] + [d.lineno for d in o.decorator_list]) - 1
                out[loc.split('#')[0], name] = mod, (ast.get_docstring(o) or '').split('\n')[0], '\n'.join(text.splitlines()[start:o.end_lineno])
    return out


def fence(code, lang='python'): return f'\n````` {lang}\n{code}\n`````\n'
def indent(s): return re.sub('^', '    ', s, flags=re.M)


def tidy(md):
    "Markdown as notebooks have it -> as Python-Markdown wants it, outside of code fences"
    parts = re.split(r'(^ {0,3}(`{3,})[^\n]*\n.*?^ {0,3}\2`*[ ]*$)', md, flags=re.M | re.S)
    for i in range(0, len(parts), 3):
        s = parts[i]
        s = re.sub(r'^ {2,3}(?=([-*+]|\d+\.) )', '    ', s, flags=re.M)                                          # nested lists
        s = re.sub(r'^(?!\s|>|#|\||[-*+] |\d+\. )(.+)\n(?=([-*+]|\d+\.) )', r'\1\n\n', s, flags=re.M)            # a list after a line of text
        s = re.sub(r'^(?!\s*\||\s*$)(.+)\n(?=\|.*\|\s*\n\|[ :|-]+\|)', r'\1\n\n', s, flags=re.M)                 # a table after a line of text
        s = re.sub(r'^\$\$(.+?)\$\$[ ]*([.,;]?)$', r'\n$$\1\2$$\n', s, flags=re.M | re.S)                          # displayed formulas
        s = re.sub(r'^:{3,} *\{\.callout-(\w+).*?\}\n(.*?)^:{3,}$', r'<div class="admonition \1" markdown="1">\n\2\n</div>', s, flags=re.M | re.S)
        parts[i] = s
    return ''.join(p for i, p in enumerate(parts) if i % 3 != 2)


class Page:
    "One processed notebook and the Markdown page made of it"
    def __init__(self, path, cache):
        self.nb, self.src = json.loads((cache/path).read_text(encoding='utf-8')), path
        raw = next((c for c in self.nb['cells'] if c['cell_type'] == 'raw'), None)
        self.meta = yaml.safe_load(''.join(raw['source']).strip().strip('-')) if raw else {}
        self.url = _nbpath2html(Path(path)).as_posix()
        self.title = self.meta.get('title', Path(path).stem)
        self.up = '../'*(len(Path(path).parts)-1)
        self.shown = [m[1] for c in self.nb['cells'] if c['cell_type'] == 'code' and c.get('outputs')
                      and (m := re.search(r'^show_doc\(([\w.]+)', ''.join(c['source']), re.M))]

    def markdown(self, docs, defs, pages):
        self.docs, self.defs, self.pages, self.figures = docs, defs, pages, 0
        lead = f"{self.meta['description']}\n{{ .lead }}\n\n" if 'description' in self.meta else ''
        cfg = get_config()
        body = '\n\n'.join(filter(None, map(self.cell, self.nb['cells'])))
        source = f"{cfg.git_url}/blob/{cfg.branch}/nbs/{self.src}"
        return f'# {self.title}\n\n{lead}{self.links(body)}\n\n---\n\nThis page is the notebook [nbs/{self.src}]({source}).\n{{ .origin }}\n'

    def cell(self, c):
        src = ''.join(c['source']).strip()
        if c['cell_type'] == 'markdown': return '' if src.startswith('<!-- WARNING: THIS FILE') else tidy(src)
        if c['cell_type'] != 'code': return ''
        echo = not re.search(r'^#\| *echo: *false', src, re.M)
        src = re.sub(r'^#\|.*\n?', '', src, flags=re.M).strip()
        outs = '\n\n'.join(filter(None, map(self.output, c.get('outputs', []))))
        if m := re.match(r'show_doc\(([\w.]+)', src):
            if d := self.defs.get((self.url, m[1])): outs += f'\n\n??? source "Source"\n{indent(fence(d[2]))}'
            return outs
        return (fence(src) if echo and src else '') + '\n' + outs

    def output(self, o):
        join = lambda v: v if isinstance(v, str) else ''.join(v)
        pre = lambda s, kind='': f'<pre class="output {kind}">{escape(strip_ansi(join(s)).strip(chr(10)))}</pre>' if join(s).strip() else ''
        if o['output_type'] == 'stream': return pre(o['text'], o['name'])
        if o['output_type'] == 'error': return pre('\n'.join(o['traceback'][-1:]) or o['evalue'], 'stderr')
        data = o['data']
        if 'application/vnd.jupyter.widget-view+json' in data: return ''
        if 'image/svg+xml' in data: return f'<div class="output">{join(data["image/svg+xml"])}</div>'
        for kind in ('png', 'jpeg'):
            if f'image/{kind}' in data:
                self.figures += 1
                f = Path(self.url).with_suffix('').with_name(f'{Path(self.url).stem}-figure-{self.figures}.{kind}')
                (self.docs/f).write_bytes(base64.b64decode(join(data[f'image/{kind}'])))
                return f'<p class="figure"><img src="{f.name}" alt="figure {self.figures} of {escape(self.title)}" loading="lazy"></p>'
        if 'text/html' in data: return f'<div class="output html">{join(data["text/html"])}</div>'
        if 'text/markdown' in data: return tidy(join(data['text/markdown']))
        if 'text/latex' in data: return tidy(join(data['text/latex']))
        return pre(data.get('text/plain', ''))

    def links(self, md):
        "Links to notebooks and to the published site -> links inside this site"
        cfg = get_config()
        base = f"{cfg.doc_host}{cfg.doc_baseurl}".rstrip('/') + '/'
        def known(m):
            page, _, anchor = m[1].partition('#')
            shown = {s.lower() for p in self.pages if p.url == page for s in p.shown}
            if '.' in anchor and anchor not in shown: anchor = anchor.split('.')[0]
            return f'](' + (f'{self.up}{page}' if page != self.url else '' if anchor else Path(page).name) + (f'#{anchor}' if anchor else '') + ')'
        md = re.sub(rf'\]\({re.escape(base)}([^)\s]*)\)', known, md)
        return re.sub(r'\]\((?!\w+:)([^)\s#]+\.ipynb)(#[^)]*)?\)', lambda m: f'](' + _nbpath2html(Path(m[1])).as_posix() + (m[2] or '') + ')', md)


def api(pages, defs):
    "A page that lists everything exported, by subpackage"
    out = ['# API', 'Everything that the package exports, in the order of the subpackages. Each name leads to its signature, its examples and its tests.\n{ .lead }']
    for p in pages:
        rows = [(n, *defs[p.url, n]) for n in dict.fromkeys(p.shown) if (p.url, n) in defs]
        if rows: out.append(f'## {rows[0][1]}\n\n[{p.title}]({p.url})\n\n| Name | What it is |\n|---|---|\n' +
                            '\n'.join(f'| [`{n}`]({p.url}#{n.lower()}) | {doc.replace("|", chr(92)+"|")} |' for n, _, doc, _ in rows))
    return '\n\n'.join(out) + '\n'


def broken():
    "A sentence for each link that leads nowhere and each file that a page would fetch from another host"
    html = {p.relative_to(SITE).as_posix(): p.read_text(encoding='utf-8') for p in SITE.rglob('*.html')}
    ids, out = {f: {unescape(i) for i in re.findall(r'\b(?:id|name)="?([^"\s>]+)', s)} for f, s in html.items()}, []
    for f, s in html.items():
        s = re.sub(r'<pre.*?</pre>', '', s, flags=re.S)
        for tag, rest in re.findall(r'<(script|img|iframe|link|source)\b([^>]*)', s):
            if (m := re.search(r'(?:src|href)="?((?:https?:)?//[^"\s>]+)', rest)) and 'canonical' not in rest: out.append(f'{f} would fetch {m[1]}')
        out += [f'{f}: an image has no alternative text: {tag[:120]}' for tag in re.findall(r'<img\b[^>]*', s) if not re.search(r'\balt="?[^"\s>]', tag)]
        for href in re.findall(r'<(?:a|img)\b[^>]*?(?:href|src)="?([^"\s>]+)', s):
            path, _, anchor = unescape(href).partition('#')
            if re.match(r'\w+:|//', path) or f == '404.html': continue
            to = os.path.normpath(os.path.join(os.path.dirname(f), path)) if path else f
            to = to + '/index.html' if (SITE/to).is_dir() else to
            if to == './index.html': to = 'index.html'
            if not (SITE/to).exists(): out.append(f'{f} links to {href}, which is not there')
            elif anchor and to in html and anchor not in ids[to] and anchor != '__skip': out.append(f'{f} links to {href}: that page has no such heading')
    return sorted(set(out))


def slug(text, sep='-'): return re.sub(r'\s+', sep, re.sub(r'[^\w\s.-]', '', text.strip().lower()))


def settings(docs, nav):
    cfg = get_config()
    extensions = ['attr_list', 'md_in_html', 'tables', 'footnotes', 'admonition', 'def_list', 'sane_lists', 'pymdownx.superfences', 'pymdownx.details',
                  'pymdownx.highlight', 'pymdownx.tilde', {'pymdownx.arithmatex': dict(generic=True)}, {'toc': dict(permalink='#', slugify=slug, toc_depth='2-3')}]
    scheme = lambda media, name, icon, to: dict(media=f'(prefers-color-scheme: {media})', scheme=name, primary='blue grey', accent='teal',
                                                toggle=dict(icon=f'material/{icon}', name=f'Switch to the {to} look'))
    return dict(
        site_name=cfg.title, site_description=cfg.description, copyright=cfg.copyright, repo_url=cfg.git_url, docs_dir=str(docs), site_dir=str(SITE),
        use_directory_urls=False, nav=nav, plugins=['search'], markdown_extensions=extensions,
        extra_css=['site.css'], extra_javascript=['mathjax-settings.js', 'mathjax/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full'],
        validation=dict(links=dict(not_found='ignore', unrecognized_links='ignore', anchors='ignore')),
        theme=dict(name='material', font=False, language='en', logo='images/favicon.svg', favicon='images/favicon.svg',
                   palette=[scheme('light', 'default', 'weather-night', 'dark'), scheme('dark', 'slate', 'weather-sunny', 'light')],
                   features=['navigation.sections', 'navigation.footer', 'navigation.top', 'toc.follow', 'content.code.copy', 'search.suggest', 'search.highlight']))


def main():
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from nbdev.quarto import refresh_quarto_yml
    from nbdev.serve import proc_nbs
    os.chdir(ROOT); os.environ.setdefault('OMP_NUM_THREADS', '1')
    mathjax = find_spec('jupyter_server_mathjax')
    if not mathjax: sys.exit("jupyter_server_mathjax is not installed: run .venv/bin/pip install -e '.[dev]'")
    refresh_quarto_yml()
    cache = proc_nbs(n_workers=min(2, os.cpu_count() or 1))
    there = [p.relative_to(ROOT/'nbs').as_posix() for p in notebooks('nbs')]
    listed = [(s, f) for s, f in sections() if f in there]
    listed += [(None, f) for f in there if f not in {f for _, f in listed}]
    pages, defs, nav = [Page(f, cache) for _, f in listed], definitions(), []
    with tempfile.TemporaryDirectory() as tmp:
        docs = Path(tmp)/'pages'
        for (section, f), p in zip(listed, pages):
            md = Path(p.url).with_suffix('.md').as_posix()
            (docs/md).parent.mkdir(parents=True, exist_ok=True)
            (docs/md).write_text(p.markdown(docs, defs, pages), encoding='utf-8')
            if section and not (nav and section in nav[-1]): nav.append({section: []})
            (nav[-1][section] if section else nav).append({p.title: md})
        for f in (ROOT/'nbs').rglob('*'):  # images and the like
            if f.is_file() and f.suffix in ('.png', '.jpg', '.svg', '.gif', '.webp'):
                (docs/f.relative_to(ROOT/'nbs')).parent.mkdir(parents=True, exist_ok=True); shutil.copy(f, docs/f.relative_to(ROOT/'nbs'))
        (docs/'api.md').write_text(api(pages, defs), encoding='utf-8')
        shutil.copytree(Path(mathjax.origin).parent/'static', docs/'mathjax', ignore=shutil.ignore_patterns('a11y', 'SVG', 'localization', 'otf', 'eot'))
        for f in ('site.css', 'mathjax-settings.js'): shutil.copy(ROOT/'.ci'/f, docs)
        cfg = load_config(io.BytesIO(b''), config_file_path=f'{tmp}/mkdocs.yml', **settings(docs, nav + [{'API': 'api.md'}]))
        build(cfg)
    os.chdir(ROOT)  # mkdocs went to the folder that is gone now
    found = broken()
    print('\n'.join(found + [f'{len(pages)} notebooks, {len({n for p in pages for n in p.shown})} names in the API: open {SITE}/index.html']))
    sys.exit(bool(found))


if __name__ == '__main__': main()
