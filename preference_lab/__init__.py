__version__ = "0.2.0"

import os

# Threads that wait spin by default. Beside any other busy program that makes small models up to 30 times slower.
# Sleeping at once costs a factor of two or three in small models on an idle machine; a spin of some microseconds
# before sleeping costs little in either case. Both must be set before torch is imported; your own settings win.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
os.environ.setdefault('GOMP_SPINCOUNT', '10000')


def explore(
    run,          # folder of a finished run
    other=None,   # folder of another run of the same study, shown beside it
    rows=2000,    # on the page, at most
):                # an `Explorer`: shown by a notebook, or saved by `.save(PATH)`
    "The test rows of a finished run with filters, details, nearest training rows and movable thresholds"
    from .commands.explore import explore_run
    return explore_run(run, other, rows)
