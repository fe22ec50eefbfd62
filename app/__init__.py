"""The outermost room: settings, wiring, the command line and the processes."""
