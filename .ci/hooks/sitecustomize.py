"""Read by every Python process of a portability run (its folder is on PYTHONPATH): other seeds, and bfloat16 taken for native."""
import importlib.abc
import importlib.util
import os
import sys

SHIFT = int(os.environ.get('PORTABILITY_SEEDS', 0))       # added to each seed that is a number
BF16 = os.environ.get('PORTABILITY_BF16') == '1'          # precision=auto takes bf16 also where the processor lacks it


def moved(seed):
    "Another seed, where it is a number or a list that begins with one; None and generators stay"
    if isinstance(seed, bool): return seed
    if hasattr(seed, '__index__'): return int(seed.__index__()) + SHIFT
    if isinstance(seed, (list, tuple)) and seed and hasattr(seed[0], '__index__'): return [moved(seed[0]), *seed[1:]]
    return seed


def after_numpy_random(module):
    if not SHIFT: return
    rng, sequence = module.default_rng, module.SeedSequence
    module.default_rng = lambda seed=None: rng(moved(seed))
    module.SeedSequence = lambda entropy=None, **rest: sequence(moved(entropy), **rest)


def after_torch(module):
    if BF16: module.cpu._is_avx512_bf16_supported = lambda: True
    if SHIFT:
        seed = module.manual_seed
        module.manual_seed = lambda number: seed(moved(number))


AFTER = {'numpy.random': after_numpy_random, 'torch': after_torch}


class Finder(importlib.abc.MetaPathFinder):
    "Runs a function once a module has been imported"
    def find_spec(self, name, path=None, target=None):
        if name not in AFTER: return None
        sys.meta_path.remove(self)
        try: spec = importlib.util.find_spec(name)
        finally: sys.meta_path.insert(0, self)
        if spec is None or spec.loader is None: return None
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            AFTER[name](module)
        spec.loader.exec_module = exec_module
        return spec


if SHIFT or BF16: sys.meta_path.insert(0, Finder())
