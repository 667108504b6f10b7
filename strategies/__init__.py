"""What decides: quoting models, and the candidate pipeline with its sources, filters, scorers and selectors."""
