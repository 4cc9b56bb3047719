"""`kafkalogs replay`: the lines of a log file as log events on a service's topic."""
