"""The policy pack: what `pulumi preview --policy-pack policy` starts."""

from kafkalogs_policy.pack import start

start()
