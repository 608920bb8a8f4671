__version__ = "0.2.0"

import os

# Threads that wait spin by default. Beside any other busy program that makes small models up to 30 times slower.
# Sleeping at once costs a factor of two or three in small models on an idle machine; a spin of some microseconds
# before sleeping costs little in either case. Both must be set before torch is imported; your own settings win.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
os.environ.setdefault('GOMP_SPINCOUNT', '10000')
