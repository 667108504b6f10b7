"""What a run or a sweep leaves: its figures, the cell to take, the parameter file."""
