"""Rules that a log aggregation platform on Kafka must keep, as plain functions, and the policy pack made of them.

`rules.RULES` are all rules; each has a `check(type, properties)` that gives its violations with their remedies.
`pack` makes Pulumi policies of them. docs/policies.md says what each demands.
"""
