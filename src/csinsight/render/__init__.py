"""Pages, figures, tables, words and fonts: how a report looks."""
