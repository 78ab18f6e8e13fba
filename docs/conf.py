"""The documentation site: ``make docs``. Nothing on it comes from outside.

What can be read off the project is: a page for each notebook, the tables' columns.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from made import write_pages  # noqa: E402 - beside this file

from csinsight import __version__  # noqa: E402

project = "csinsight"
author = "csinsight"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
exclude_patterns = ["README.md"]
html_theme = "furo"
html_title = "csinsight"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
# Furo's link to a page's source names a host; there is none to name.
html_theme_options = {"top_of_page_buttons": []}
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"

write_pages(HERE / "made_pages")
