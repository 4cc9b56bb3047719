"""The report at the end of `make up`: pods, records and refused connections, measured when the report runs.

``report`` prints the report. Each other module measures one subject: pods, topics, refused connections, and each part
that reads the logs. This folder imports ``build``, ``machine`` and the package ``kafkalogs``; only the command line
imports ``status``.
"""
