"""`kafkalogs doctor`: what runs, compared with what a stack file declares. Begin with `examine`.

`declared` is what should be and `seen` what is, both as plain values. `kubernetes`, `services` and `kafka` (by `wire`)
read what is; `topics`, `access`, `tls`, `parts` and `progress` compare the two. `command` is the command line,
`findings` is what it says, `identity` is who asks Kafka.
"""
