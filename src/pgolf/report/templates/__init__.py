"""Templates, style sheet and scripts of the HTML report; inlined into one page."""
