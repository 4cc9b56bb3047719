"""`kafkalogs plan`: a report for people on the changes that `pulumi preview` shows. Begin with `report`.

`preview` reads the preview; `changes`, `dangers` and `cost` find what to report; `topics`, `rights`, `sinks`, `cluster`
and `aws` are the rules of `dangers`. All share `findings`, `values` and `markdown`; `command` is the command line.
"""
