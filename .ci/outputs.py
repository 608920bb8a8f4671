#!/usr/bin/env python
"""Run notebooks and keep what they print and draw, without the paths of this machine: `python .ci/outputs.py nbs/guides/texts.ipynb`.
Cells that begin with `#| hide` or `#| output: false` keep nothing. An output that a later cell updates is kept as it was updated, and a link to a
file that is not in its folder (a run folder has it) as its text."""
import base64
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from execnb.nbio import nb2dict, read_nb, write_nb
from execnb.shell import CaptureShell, _out_nb

PATHS = re.compile(rf'{re.escape(tempfile.gettempdir())}/tmp\w+/')   # a page's temporary folder
SILENT = re.compile(r'^#\| *(hide\b|output: *false)', re.M)


def without_paths(value):
    "An output with the page's temporary folder left out of its paths"
    if isinstance(value, str): return PATHS.sub('', value)
    if isinstance(value, list): return [without_paths(v) for v in value]
    return {k: without_paths(v) for k, v in value.items()} if isinstance(value, dict) else value


def with_small_images(output: dict) -> dict:
    "An output whose PNG has a palette, at most half of the size, where that is not visible, or the image large"
    import numpy as np
    from PIL import Image
    if not (png := output.get('data', {}).get('image/png')): return output
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert('RGB')
    palette, small = image.quantize(256, kmeans=1, dither=Image.Dither.NONE), io.BytesIO()
    change = abs(np.asarray(image, int) - np.asarray(palette.convert('RGB'), int)).max(2)
    palette.save(small, 'PNG', optimize=True)
    if np.percentile(change, 99.5) <= 12 or len(png) > 400_000:
        output['data']['image/png'] = base64.b64encode(small.getvalue()).decode()
    return output


def without_dead_links(output: dict, folder: Path) -> dict:
    "An output in whose HTML links to files that `folder` does not have are only their text"
    def keep(m): return m[0] if re.match(r'\w+:|//|#', m[1]) or (folder/m[1].partition('#')[0]).exists() else m[2]
    if page := output.get('data', {}).get('text/html'):
        output['data']['text/html'] = re.sub(r'<a href="([^"]*)"[^>]*>(.*?)</a>', keep, ''.join(page), flags=re.S).splitlines(True)
    return output


class UpdatedOutputs:
    "The outputs of a notebook's cells, in which a display that is updated is replaced where it was first shown"
    def __init__(self, shell): self.shell, self.shown = shell, {}   # display id -> its output

    def of(self, ran) -> list[dict]:
        "The outputs of the cell that ran, without those that update an earlier one"
        displayed, new = ran.display_objects, []
        outputs = json.loads(json.dumps(nb2dict(_out_nb(ran, self.shell.display_formatter))))
        first = sum(bool(said) for said in (ran.stdout, ran.stderr, ran.exception))   # before the displays
        for output, made in zip(outputs[first:first + len(displayed)], displayed):
            name = (made.transient or {}).get('display_id')
            if made.update and name in self.shown: self.shown[name].update(data=output['data'], metadata=output['metadata'])
            else:
                new.append(output)
                if name: self.shown[name] = output
        return outputs[:first] + new + outputs[first + len(displayed):]


def is_error_line(output: dict) -> bool:
    "Whether an output is the line that a command prints about an error"
    return ''.join(output['text']).startswith('error: ')


def run(path: Path):
    "Run the cells of a notebook in its folder, and write it with their outputs"
    nb, shell = read_nb(path), CaptureShell(path=path.parent)
    updated = UpdatedOutputs(shell)
    for cell in nb.cells:
        if cell.cell_type != 'code' or 'nbdev_export' in cell.source: continue
        ran = shell.run_cell(cell.source)
        if ran.exception: raise SystemExit(f'{path}, cell {cell.id}: {ran.exception}')
        outputs = updated.of(ran)
        cell.outputs = [] if SILENT.search(cell.source) else [o for o in outputs if o.get('name') != 'stderr' or is_error_line(o)]
        cell.execution_count = None
    for cell in nb.cells:   # now that no later cell can change an output
        if cell.cell_type != 'code': continue
        cell.outputs = [with_small_images(without_dead_links(without_paths(o), path.parent)) for o in cell.outputs]
        for o in cell.outputs:
            if 'execution_count' in o: o['execution_count'] = None
    write_nb(nb, path)


if __name__ == '__main__':
    os.environ.setdefault('HF_HUB_OFFLINE', '1')
    for p in sys.argv[1:]:
        print(p, flush=True)
        run(Path(p).resolve())
