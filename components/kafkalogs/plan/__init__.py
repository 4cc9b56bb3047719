"""`kafkalogs plan`: what a preview of Pulumi would do, for people. Begin with `report`.

`preview` reads it; `changes`, `dangers` and `cost` say what it means; `topics`, `rights`, `sinks`, `cluster` and `aws`
are the rules of `dangers`. `findings`, `values` and `markdown` are what those share; `command` is the command line.
"""
