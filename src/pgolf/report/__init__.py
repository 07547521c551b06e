"""An audit report as JSON, JSON lines, SARIF, HTML, Markdown or terminal text."""
