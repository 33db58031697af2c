"""Settings of the documentation."""

project = "cosim"
copyright = "the cosim authors"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "cosim"
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 4
