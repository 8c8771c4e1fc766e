"""Configuration of the documentation site, which `scripts/docs` builds.

Sphinx reads the Google-style docstrings (autodoc, napoleon) and makes every broken reference an
error. MyST lets pages be Markdown, which a code host shows as well. The theme Furo is light and
dark, fits a phone, and needs no scripts of another site.
"""

import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
import reference_pages
from adamcmp.platform.provenance import package_version

project = "adamcmp"
release = version = package_version("adamcmp")
copyright = "the adamcmp contributors"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
smartquotes = False  # "--force" is not a dash

html_theme = "furo"
html_title = "adamcmp"
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
toc_object_entries = False  # the contents of the Python API would be longer than the page
napoleon_use_ivar = True  # attributes are described in the class, and are not listed again
# Docstrings put names in single backquotes: a link if the site describes the name, else code.
default_role = "py:obj"

nitpicky = True
# Names in docstrings, and types in annotations, need not be public.
nitpick_ignore_regex = [("py:(obj|class)", ".*")]


def returned_text(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Put the text before the first colon of ``Returns:`` back into the description.

    Napoleon takes it for a type. Types are in the annotations.
    """
    for field, target in ((":rtype: ", ":returns:"), (":type: ", "")):
        texts = [line.removeprefix(field) for line in lines if line.startswith(field)]
        positions = [i for i, line in enumerate(lines) if line.startswith(target)]
        if texts and positions:
            first = positions[0]
            lines[first] = f"{target} {texts[0]}: {lines[first].removeprefix(target)}".lstrip()
        lines[:] = [line for line in lines if not line.startswith(field)]


def setup(app: Sphinx) -> None:
    """Write the reference pages before Sphinx looks for pages, and connect the hook above."""
    app.connect("config-inited", lambda app, _: reference_pages.write(Path(app.srcdir)))
    app.connect("autodoc-process-docstring", returned_text, priority=600)  # after Napoleon's 500
