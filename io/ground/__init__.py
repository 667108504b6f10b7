"""What everything stands on: errors, whole numbers, moments, grids, the compiler, the cache, files written whole."""
