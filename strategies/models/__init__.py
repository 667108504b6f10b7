"""The shipped quoting models, and the order that joins the touch."""
