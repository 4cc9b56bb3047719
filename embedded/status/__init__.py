"""The report at the end of `make up`: what runs, what flows, what is refused, measured on the spot.

``report`` prints it. The other modules ask one subject each: pods, topics, refused connections, and each part that
reads the logs. This room imports ``build``, ``machine`` and the package ``kafkalogs``; only the command line imports
``status``.
"""
