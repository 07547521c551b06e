"""`pgolf run`: price, gate, hold, start under a wall-clock cap, log, settle, parse, record."""
