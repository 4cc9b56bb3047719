"""`kafkalogs doctor`: compares the running platform with the stack file. Begin with `examine`.

`declared` is the declared state and `seen` the actual state, both as plain values. `kubernetes`, `services` and `kafka`
(with `wire`) read the actual state. `topics`, `access`, `tls`, `pipeline` and `progress` compare both and return
`findings`. `command` is the command line.
"""
