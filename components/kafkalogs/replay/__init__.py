"""`kafkalogs replay`: sends the lines of a log file as log events to a service's topic."""
