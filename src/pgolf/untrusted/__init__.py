"""The only package that reads a submission's code. Nothing in it executes, imports or unpickles its input."""
