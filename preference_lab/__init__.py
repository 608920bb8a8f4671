__version__ = "0.1.0"

import os

# Threads that wait spin by default. Beside any other busy program that makes small models up to 30 times slower,
# while sleeping costs little on an idle machine. It must be set before torch is imported; your own setting wins.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
