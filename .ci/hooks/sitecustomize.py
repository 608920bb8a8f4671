"""Read by every Python process of a portability run (its folder is on PYTHONPATH): other seeds, and what precision=auto takes."""
import importlib.abc
import importlib.util
import os
import sys

SHIFT = int(os.environ.get('PORTABILITY_SEEDS', 0))       # added to each seed that is a number
AUTO = os.environ.get('PORTABILITY_AUTO')                 # bf16 or fp32: what precision=auto takes, whatever the processor has


def moved(seed):
    "Another seed, where it is a number or a list that begins with one; None and generators stay"
    if isinstance(seed, bool): return seed
    if hasattr(seed, '__index__'): return int(seed.__index__()) + SHIFT
    if isinstance(seed, (list, tuple)) and seed and hasattr(seed[0], '__index__'): return [moved(seed[0]), *seed[1:]]
    return seed


def after_numpy_random(module):
    if not SHIFT: return
    rng, sequence = module.default_rng, module.SeedSequence
    class SeedSequence(sequence):   # a class still, since libraries ask isinstance
        def __init__(self, entropy=None, **rest): super().__init__(moved(entropy), **rest)
    module.SeedSequence = SeedSequence
    module.default_rng = lambda seed=None: rng(moved(seed))


def after_torch(module):
    if AUTO: module.cpu._is_avx512_bf16_supported = module.cpu._is_amx_tile_supported = lambda: AUTO == 'bf16'
    if SHIFT:
        seed, real = module.manual_seed, module.Generator
        class Kind(type(real)):
            def __instancecheck__(cls, o): return isinstance(o, real)
        class Generator(real, metaclass=Kind):
            # a number of a step (63 bits) comes from SeedSequence and is shifted already
            def manual_seed(self, number): return super().manual_seed(moved(number) if number < 2**32 else number)
        module.Generator = Generator
        module.manual_seed = module.random.manual_seed = lambda number: seed(moved(number))


def after_sklearn_validation(module):
    if not SHIFT: return
    check = module.check_random_state
    module.check_random_state = lambda seed: check(moved(seed))


AFTER = {'numpy.random': after_numpy_random, 'torch': after_torch, 'sklearn.utils.validation': after_sklearn_validation}


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


if SHIFT or AUTO: sys.meta_path.insert(0, Finder())
