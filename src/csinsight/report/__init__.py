"""The report: context of a notebook, figures, tables, words, the run, and the pages."""
