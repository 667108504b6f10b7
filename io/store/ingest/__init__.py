"""How rows come in: batches and groups of files, checked, without what is stored already."""
