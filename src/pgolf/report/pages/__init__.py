"""One Markdown page for each deviation and each check; `pgolf explain NAME` prints it."""
