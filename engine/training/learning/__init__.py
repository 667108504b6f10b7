"""Learning: from a pipeline's rows to one model, in folds that cannot peek."""
