"""The simulator: tapes, the kernels that walk them for a block of cells, and the assumptions they walk under."""
