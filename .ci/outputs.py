#!/usr/bin/env python
"""Run notebooks and keep what they print and draw, without the paths of this machine: `python .ci/outputs.py nbs/guides/texts.ipynb`.
Cells that begin with `#| hide` or `#| output: false` keep nothing."""
import base64
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from execnb.nbio import nb2dict, read_nb, write_nb
from execnb.shell import CaptureShell

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


def is_error_line(output: dict) -> bool:
    "Whether an output is the line that a command prints about an error"
    return ''.join(output['text']).startswith('error: ')


def run(path: Path):
    "Run the cells of a notebook in its folder, and write it with their outputs"
    nb, shell = read_nb(path), CaptureShell(path=path.parent)
    for cell in nb.cells:
        if cell.cell_type != 'code': continue
        if 'nbdev_export' in cell.source: continue
        outputs = shell.run(cell.source)
        if shell.exc: raise SystemExit(f'{path}, cell {cell.id}: {shell.exc}')
        kept = [] if SILENT.search(cell.source) else json.loads(json.dumps(nb2dict(outputs)))
        cell.outputs = [with_small_images(without_paths(o)) for o in kept if o.get('name') != 'stderr' or is_error_line(o)]
        cell.execution_count = None
        for o in cell.outputs:
            if 'execution_count' in o: o['execution_count'] = None
    write_nb(nb, path)


if __name__ == '__main__':
    os.environ.setdefault('HF_HUB_OFFLINE', '1')
    for p in sys.argv[1:]:
        print(p, flush=True)
        run(Path(p).resolve())
